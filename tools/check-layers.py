#!/usr/bin/env python3
"""Checks that every file includes headers, and needs symbols, of its own floor or below only.

FLOORS lists the floors from the bottom up. A file may use its own floor and those below. UPCALLS lists the functions
that are called from a lower or a neighbouring floor all the same, with reasons; docs/hypervisor-guide/architecture.md lists them too.
The programs of APART share only include/ and lib/ with the hypervisor. The OBJECTs are the hypervisor's; without them
only #include lines are checked. Prints one line for each offence; exit status 1 if there is any.

usage: check-layers.py [OBJECT...]
"""
import pathlib
import re
import sys

from objects import read_objects

# (directory, height). The longest directory that a path starts with decides.
FLOORS = [
    ("include", 0),
    ("lib", 1),
    ("arch/x86/cpu", 2),
    ("arch/x86/acpi", 2),
    ("mm", 3),
    ("arch/x86/hvm", 4),
    ("domain", 5),
    ("hypercall", 6),
    ("boot", 7),
]
# Separate programs: directory -> the directories it may use.
APART = {
    "guest": ("guest", "include", "lib"),
    "guest/linux": ("guest/linux",),
    "tests/guests": ("tests/guests", "guest", "include", "lib"),
    "boot/efi": ("boot/efi", "include", "lib"),
}
# Not part of the hypervisor: compiled only to get the offsets of structures of all floors.
GENERATORS = {"arch/x86/cpu/asm_offsets.c": "boot"}
# symbol -> (the calling floor, reason). Before you add one: would a return value do?
UPCALLS = {
    "printk": ("arch/x86/acpi", "errors in a table are reported where it is read; the console is hardware"),
    "mem_account_find": ("mm", "a frame record holds its owner's id only; domain has the table of ids"),
    "mm_wake_scrubber": ("mm", "a claim wants clean memory: the scheduler knows which CPU of the node is idle"),
    "hypercall_dispatch": ("domain", "the run loop meets hypercalls among the exits"),
}
DOCUMENT = "docs/hypervisor-guide/architecture.md"
# Headers of the compiler, GNU-EFI's for the UEFI loader, and those of the decoders that domain 0 is linked with.
FREESTANDING = {"stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdalign.h", "stdnoreturn.h",
                "limits.h", "float.h", "iso646.h", "cpuid.h"}
EXTRA_SYSTEM = {"boot/efi": {"efi.h"}, "guest": {"lz4.h", "lzma.h", "zlib.h", "zstd.h", "zstd_errors.h"}}

HOSTED = {"guest/linux"}  # programs for Linux, which may include every header of the C library

INCLUDE = re.compile(r'^\s*[#%]\s*include\s*(<([^>]+)>|"([^"]+)")', re.M)


def inside(path, directory):
    return path == directory or path.startswith(directory + "/")


def house_of(path):
    """The directory of APART or of FLOORS that the path belongs to, or None."""
    if path in GENERATORS:
        return GENERATORS[path]
    found = [d for d in list(APART) + [d for d, _ in FLOORS] if inside(path, d)]
    return max(found, key=len) if found else None


def resolve(root, path, name, quoted):
    """The included file, relative to root, or None if it is not one of the project's."""
    places = [path.rsplit("/", 1)[0]] if quoted else []
    for place in places + ["include", "."]:
        target = (root / place / name).resolve()
        if target.is_file():
            try:
                return target.relative_to(root).as_posix()
            except ValueError:
                return None
    return None


def offence(path, name, target):
    """What is wrong with this include, or None."""
    house = house_of(path)
    if target is None:
        # The assembler's %include of a generated file, or a header from outside of the project.
        if name.endswith(".inc"):
            return None
        if name in FREESTANDING or name in EXTRA_SYSTEM.get(house, ()) or house in HOSTED:
            return None
        return "is neither the project's nor a freestanding header"
    other = house_of(target)
    if house in APART:
        return None if any(inside(target, d) for d in APART[house]) else f"is not for {house}/ ({', '.join(APART[house])} are)"
    if other is None or other in APART:
        return "belongs to another program"
    return too_high(house, other)


def too_high(house, other):
    """What is wrong if one floor uses another, or None."""
    heights = dict(FLOORS)
    if heights[other] > heights[house]:
        return f"is on a higher floor: {house} may not use {other}"
    if heights[other] == heights[house] and other != house:
        return f"is on a neighbouring floor: {house} may not use {other}"
    return None


def symbol_offences(objects):
    """One line for each symbol of a higher or neighbouring floor that an object needs and UPCALLS does not list."""
    # The symbol table is generated and belongs to no floor.
    objects = [found for found in objects if house_of(found.source)]
    defined = {name: found.source for found in objects for name in found.defined}
    offences, needed = [], set()
    for found in objects:
        house = house_of(found.source)
        for name in sorted(found.used & set(defined)):
            wrong = too_high(house, house_of(defined[name]))
            if wrong and UPCALLS.get(name, ("",))[0] == house:
                needed.add(name)
            elif wrong:
                offences.append(f"{found.source}: {name} {wrong}")
    document = pathlib.Path(DOCUMENT).read_text()
    offences += [f"tools/check-layers.py: {name} is in UPCALLS, but no lower floor needs it" for name in sorted(set(UPCALLS) - needed)]
    return offences + [f"{DOCUMENT}: {name} of UPCALLS is not listed" for name in UPCALLS if f"`{name}`" not in document]


def include_offences(root, path):
    """One line for each wrong #include of a file."""
    text = (root / path).read_text(errors="replace")
    for match in INCLUDE.finditer(text):
        name = match.group(2) or match.group(3)
        wrong = offence(path, name, resolve(root, path, name, match.group(3) is not None))
        if wrong:
            yield f"{path}:{text.count(chr(10), 0, match.start(1)) + 1}: {name} {wrong}"


def main():
    root = pathlib.Path(".").resolve()
    tops = {d.split("/")[0] for d, _ in FLOORS} | set(APART)
    files = sorted({file.relative_to(root).as_posix() for top in tops for file in (root / top).rglob("*")
                    if file.suffix in (".c", ".h", ".asm", ".inc")})
    files = [path for path in files if house_of(path)]
    offences = [line for path in files for line in include_offences(root, path)]
    offences += symbol_offences(read_objects(sys.argv[1:])) if len(sys.argv) > 1 else []
    print(*sorted(set(offences)), sep="\n", end="\n" if offences else "")
    print(f"layers: {len(files)} files, {len(sys.argv) - 1} objects, {len(offences)} offences")
    return 1 if offences or not files else 0


if __name__ == "__main__":
    sys.exit(main())
