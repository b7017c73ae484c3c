#!/usr/bin/python3
"""Tables and constants of the hypervisor guide against the source, so that a page does not fall behind the code that it
describes. Prints what cmocka would print (tools/run-unit.py)."""
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/unit/tools"))
import cmocka  # noqa: E402

GUIDE = "docs/hypervisor-guide"
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def text(path):
    return (ROOT / path).read_text()


def page(name):
    return text(f"{GUIDE}/{name}")


def said(name):
    """The page in one line, as wherever it wraps."""
    return re.sub(r"\s+", " ", page(name))


def code(path):
    return COMMENT.sub("", text(path))


def enum(path, name):
    """Its values, in order."""
    body = re.search(rf"enum {name} \{{(.*?)\}}", code(path), re.S).group(1)
    return re.findall(r"^\s*([A-Z]\w+)", body, re.M)


def rows(name, heading, nth=0):
    """The cells of the nth table below that heading, without its head."""
    below = f"\n{page(name)}".split(f"\n{heading}\n", 1)[1]
    table = re.findall(r"((?:^\|.*\|\n)+)", below, re.M)[nth]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()][2:]


def spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def number(path, name):
    """The value of a constant that is a number, or a product of numbers and such constants."""
    found = re.search(rf"#define {name} +(\S.*?) *(?:/\*.*)?$", text(path), re.M).group(1)
    value = 1
    for factor in found.strip("()").split(" * "):
        plain = re.fullmatch(r"(\d+)(?:u|ull)?", factor)
        value *= int(plain.group(1)) if plain else number(path, factor)
    return value


class Boot(unittest.TestCase):
    def test_calls_of_boot_main(self):
        body = re.search(r"^NORETURN void boot_main\(.*?^\}", code("boot/main.c"), re.S | re.M).group(0).split("{", 1)[1]
        calls = [name for name in re.findall(r"\b([a-z]\w+)\(", body) if name not in ("if", "log_warn")]
        self.assertEqual(calls[-2:], ["continue_on", "this_cpu"])
        self.assertIn("boot_finish)", body)
        listed = [call for row in rows("boot.md", "## boot_main()") for call in spans(row[0])]
        self.assertEqual(listed, [f"{name}()" for name in calls[:-2] + ["boot_finish"]])

    def test_lines_that_it_prints(self):
        printed = "".join(code(str(path.relative_to(ROOT))) for folder in ("boot", "arch/x86/cpu", "domain/dom0")
                          for path in sorted((ROOT / folder).glob("**/*.c")))
        lines = [line for row in rows("boot.md", "## boot_main()") for line in spans(row[3])]
        self.assertGreater(len(lines), 10)
        for line in lines:
            self.assertTrue(re.search(rf'"(?:\\n)?{re.sub(r" 0$", " ", line)}', printed), line)


class Exits(unittest.TestCase):
    def test_kinds_and_their_handlers(self):
        handlers = re.findall(r"\[(HVM_EXIT_\w+)\] = (on_\w+)", code("domain/exit.c"))
        listed = []
        for row in rows("exits.md", "## What exits"):
            kinds, its = spans(row[0]), spans(row[2])
            listed += zip(kinds, its if len(its) > 1 else its * len(kinds))
        self.assertEqual(sorted(listed), sorted(handlers))
        self.assertEqual({kind for kind, _ in listed} | {"HVM_EXIT_NR"}, set(enum("arch/x86/hvm/hvm.h", "hvm_exit_kind")))

    def test_verdicts(self):
        listed = [spans(row[0])[0] for row in rows("exits.md", "## Verdicts")]
        self.assertEqual(listed, enum("domain/exit.h", "verdict_action"))


class Speculation(unittest.TestCase):
    def test_cpus(self):
        """The rows of the host test are those of the page."""
        source = re.sub(r'"\s+"', "", code("tests/unit/arch/x86/cpu/spec_ctrl_test.c"))
        table = source.split("} table[] = {", 1)[1].split("\n};", 1)[0]
        words = r'"([a-z0-9,-]+)"'
        tested = re.findall(rf'\{{"([^"]+)",.*?{words},\s*{words},\s*{words},', table, re.S)
        self.assertGreater(len(tested), 20)
        listed = [(row[0], *(",".join(spans(cell)) for cell in row[1:])) for row in rows("spec-ctrl.md", "## Which CPU gets what")]
        self.assertEqual(listed, tested)

    def test_words(self):
        """Of issues and measures, in the order of their bits."""
        path = "arch/x86/cpu/spec_ctrl.c"
        for heading, name in ("## Issues", "issue"), ("## Measures", "measure"):
            named = dict(re.findall(r'\[((?:ISSUE|DO)_\w+)\] = "([\w-]+)"', code(path)))
            order = [value for value in enum("arch/x86/cpu/spec_ctrl.h", f"spec_ctrl_{name}") if not value.endswith("_NR")]
            self.assertEqual([spans(row[0])[0] for row in rows("spec-ctrl.md", heading)], [named[value] for value in order])


class Locks(unittest.TestCase):
    def test_levels(self):
        levels = re.findall(r"LOCK_(\w+) = (\d+)", code("lib/spinlock.h"))
        listed = dict(row[0].split()[::-1] for row in rows("locks.md", "# Locks"))
        self.assertGreater(len(levels), 10)
        self.assertEqual(listed, dict(levels))


class Memory(unittest.TestCase):
    def test_flags(self):
        listed = [spans(row[0])[0] for row in rows("mm/allocator.md", "## The calls", 1)]
        self.assertEqual(listed, enum("mm/mm.h", "mm_flag"))

    def test_sizes_of_records(self):
        region = re.search(r"sizeof\(struct region\) == (\d+)", code("mm/page.h")).group(1)
        self.assertIn("typedef u32 frame_word_t;", code("mm/page.h"))
        stock = number("mm/node.h", "MAX_SIBLINGS")
        most = number("mm/mm.h", "MM_TAKE_MAX")
        for sentence in (f"| 2 MiB of a node | {region} bytes |", f"together {4 + int(region) / 512:g} bytes a frame.",
                         f"from a fixed stock of {stock} for windows and {stock} for GiB.", f"takes up to {most} extents ({most // 2} of 2 MiB"):
            self.assertIn(sentence, said("mm/allocator.md"))

    def test_fields_of_the_figures(self):
        sources = {"node": code("mm/node.h"), "account": code("mm/account.h")}
        names = []
        for row in rows("mm/accounting.md", "## The figures"):
            fields = [re.sub(r"\[n\]$", "", name) for name in spans(row[2]) if not name.startswith("struct")]
            names += fields
            for field in fields:
                source = sources["node" if "struct node" in row[2] else "account"]
                self.assertTrue(re.search(rf"\b{field}(\[MAX_NODES\])?;", source), field)
        self.assertGreater(len(names), 9)

    def test_variants_of_models(self):
        models = "".join(path.read_text() for path in sorted((ROOT / "tests/model").glob("*.pml")))
        variants = set(re.findall(r"^ \* (?:broken|right): +([\w-]+) ", models, re.M))
        rules = said("mm/accounting.md").split("## Why it is exact", 1)[1].split("## What it costs", 1)[0]
        named = [name for group in re.findall(r"\((`[^)]*)\)", rules) for name in spans(group)]
        for path in (ROOT / "docs/design-records").glob("*.md"):
            named += [name for name in spans(path.read_text()) if re.fullmatch(r"[a-z]+(-[a-z]+)+", name)]
        self.assertGreater(len(named), 15)
        self.assertEqual([name for name in named if name not in variants | {"claim-stress", "affinity-only"}], [])

    def test_what_a_hypercall_clears(self):
        mib = number("mm/alloc.c", "PAGES_AT_ONCE") * 4096 >> 20
        self.assertIn(f"at most {mib} MiB have to be cleared", said("mm/scrubbing.md"))
        self.assertEqual(number("mm/scrub.c", "REGIONS_AT_ONCE"), 4)
        self.assertIn("cleans up to four regions", said("mm/scrubbing.md"))

    def test_types_of_guest_memory(self):
        listed = [spans(row[0])[0] for row in rows("mm/guest-memory.md", "## What is mapped")]
        self.assertEqual(["NP_NONE"] + listed, enum("arch/x86/hvm/nested_paging.h", "np_type"))
        pieces = number("domain/physmap/physmap.c", "PIECES_A_CALL")
        self.assertIn(f"removes about {pieces:,} mappings at most", said("mm/guest-memory.md"))

    def test_addresses(self):
        bases = re.findall(r"#define \w+_BASE +0x([0-9a-f]{16})ull", text("arch/x86/cpu/paging.h") + text("arch/x86/cpu/frames.h"))
        listed = [spans(row[0])[0] for row in rows("memory-layout.md", "# Address space and memory")]
        self.assertEqual(sorted(listed), sorted("0x" + base for base in bases))


class Scheduling(unittest.TestCase):
    def test_times(self):
        ms = {name: number("domain/sched/sched_policy.h", f"SCHED_{name}_NS") // 1000000 for name in ("SLICE", "CREDIT", "DRIFT", "TURN")}
        for sentence in (f"A slice is {ms['SLICE']} ms.", f"at most {ms['CREDIT']} ms of the domain's time behind",
                         f"more than {ms['DRIFT']} ms apart", f"as soon as that one has had a turn of {ms['TURN']} ms"):
            self.assertIn(sentence, said("scheduling.md"))

    def test_how_long_a_hypercall_may_run(self):
        self.assertEqual(number("domain/sched/sched.c", "HYPERCALL_STEP_NS"), 2000000)
        self.assertIn("about 2 ms", said("exits.md"))


class Records(unittest.TestCase):
    PARTS = ["Context", "Decision", "Evidence", "Consequences", "What would change our mind"]

    def test_each_has_its_parts_and_is_listed(self):
        index = text("docs/design-records/index.md")
        records = sorted(path.stem for path in (ROOT / "docs/design-records").glob("*.md") if path.stem != "index")
        self.assertGreater(len(records), 5)
        for name in records:
            self.assertEqual(re.findall(r"^## (.*)", text(f"docs/design-records/{name}.md"), re.M), self.PARTS, name)
        self.assertEqual(sorted(re.findall(r"\]\(([\w-]+)\.md\) \|", index)), records)
        toctree = index.split("```{toctree}", 1)[1]
        self.assertEqual(sorted(re.findall(r"^([a-z][\w-]+)$", toctree, re.M)), records)


if __name__ == "__main__":
    cmocka.main()
