#!/usr/bin/env python3
"""Figures of the tree it is run in, to compare two states of it: sizes, and how often there is what there should be once.

A table, then lines `@figure name=... value=...`; `list:` lines name what was counted. Lines are those of `wc -l`, files those that git
tracks. Symbols are asked of the release build in build/hv, which must be up to date (`make hypervisor`).

usage: figures.py [CONSOLE]     CONSOLE: what a boot printed, for the memory that the hypervisor has taken until `@memory`
"""
import pathlib
import re
import subprocess
import sys

PRODUCT = re.compile(r"(boot|arch|mm|domain|hypercall|lib|include)/.*\.(c|h|asm|lds|ld)|linker\.ld")
# Recorded figures, memory maps, fuzzers' seeds are data, and what runs in a guest is counted by itself.
TESTS = re.compile(r"tests/(?!guests/|boot/guests/|data/|fuzz/corpus/).*\.(c|h|py|pml|mk|sh|asm|list)")
TEST_GUESTS = re.compile(r"guest/(conformance|bench|hostile)/.*|guest/dom0/(selftest.*|claimstress)\.[ch]|tests/guests/.*")
FAKES = re.compile(r"tests/.*(harness|fake).*\.[ch]|tests/stress/machine\.c|tests/bench/alloc/host\.c")
# Calls that move a guest on to its next instruction; and what gives any `rip` a value, copies among them.
MOVES = re.compile(r"^\s+.*\b(\w*skip_instruction|\w*skip_insn|svm_skip)\(|->skip\(|\brip \+=")
WRITES = re.compile(r"(\.|->)rip = (?!=)")
GUEST_CODE = re.compile(r"(arch/x86/hvm|domain|hypercall)/.*\.c")


class Tree:
    def __init__(self):
        names = subprocess.run(["git", "ls-files"], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
        self.files = [name for name in names if pathlib.Path(name).is_file()]

    def some(self, pattern):
        return [name for name in self.files if re.fullmatch(pattern, name)]

    def lines(self, names):
        return sum(pathlib.Path(name).read_bytes().count(b"\n") for name in names)

    def grep(self, names, pattern):
        """FILE:LINE of each line that has the pattern."""
        found = []
        for name in names:
            text = pathlib.Path(name).read_text(errors="replace")
            found += [f"{name}:{i}" for i, line in enumerate(text.splitlines(), 1) if re.search(pattern, line)]
        return found


def source_of(path):
    """The file that an object in build/hv was made of; objects of removed files may still lie there."""
    name = path.relative_to("build/hv").with_suffix("")
    return pathlib.Path(name if name.suffix == ".asm" else f"{name}.c")


def without_callers():
    """Global symbols that no other object of the hypervisor asks for, nor the linker script."""
    defined, wanted = {}, set(re.findall(r"\w+", pathlib.Path("linker.ld").read_text()))
    objects = [str(path) for path in sorted(pathlib.Path("build/hv").rglob("*.o"))
               if path.name == "symbols.o" or source_of(path).is_file()]
    if not objects:
        sys.exit("figures: no objects in build/hv: make hypervisor")
    run = subprocess.run(["nm", "-A", "-g", *objects], stdout=subprocess.PIPE, check=True)
    for line in run.stdout.decode().splitlines():
        path, kind, name = re.fullmatch(r"(\S+):[0-9a-f ]* (\w) (\S+)", line).groups()
        if kind in "Uw":
            wanted.add(name)
        else:
            defined[name] = path
    left = {name: path for name, path in defined.items() if name not in wanted}
    return len(defined), [f"{path.removeprefix('build/hv/').removesuffix('.o')}:{name}" for name, path in sorted(left.items())]


def sizes(tree):
    for name, pattern in (("product", PRODUCT), ("tests", TESTS), ("test_guests", TEST_GUESTS), ("guest", r"guest/.*")):
        files = tree.some(pattern)
        yield name + "_lines", tree.lines(files), []
        yield name + "_files", len(files), []


def copies(tree):
    tests = tree.some(r"tests/.*\.[ch]")
    yield from ((name, len(found), found) for name, found in (
        ("harness_files", tree.some(FAKES)),
        ("fakes_of_printk", tree.grep(tests, r"^[\w ]*\bvoid printk\([^;]*$")),
        ("fakes_of_assert_failed", tree.grep(tests, r"^[\w ]*\bvoid assert_failed\([^;]*$")),
        ("rip_moves", tree.grep(tree.some(GUEST_CODE), MOVES)),
        ("rip_writes", tree.grep(tree.some(GUEST_CODE), WRITES)),
        ("elf_readers", sorted({at.split(":")[0] for at in tree.grep(tree.some(r"(?!tests/).*\.c"), r"\bPT_LOAD\b")})),
    ))


def kept(console):
    match = re.search(r"^@memory pages=(\d+) free=(\d+)", pathlib.Path(console).read_text(errors="replace"), re.M)
    if not match:
        sys.exit(f"figures: {console} has no line @memory")
    yield "kept_pages", int(match[1]) - int(match[2]), []


def main():
    tree = Tree()
    figures = [*sizes(tree), *copies(tree)]
    symbols, left = without_callers()
    figures += [("external_symbols", symbols, []), ("symbols_without_caller", len(left), left)]
    if len(sys.argv) > 1:
        figures += kept(sys.argv[1])
    for name, value, _ in figures:
        print(f"  {name:26}{value:>9,}")
    for name, _, found in figures:
        for each in found:
            print(f"list: {name} {each}")
    for name, value, _ in figures:
        print(f"@figure name={name} value={value}")


if __name__ == "__main__":
    main()
