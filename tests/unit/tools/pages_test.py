#!/usr/bin/python3
"""tools/pages.py and tests/bench/{bench,comparison}_parts.py: how generated parts come to their places, and what is refused. Prints what
cmocka would print (tools/run-unit.py)."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "unit" / "tools")]
sys.dont_write_bytecode = True
import cmocka  # noqa: E402
import pages  # noqa: E402  (adds the paths of the next two)
import bench_parts  # noqa: E402
import comparison_parts  # noqa: E402

PARTS = {"one": lambda: "| 1 |\n", "two": lambda: "second"}
OPEN, END = "<!-- from data: {} -->", "<!-- end of data -->"


def page(*names, inside="old"):
    return "# Title\n" + "".join(f"before {name}\n\n{OPEN.format(name)}\n{inside}\n{END}\n\n" for name in names) + "last\n"


class Filling(unittest.TestCase):
    def test_text_of_people_stays(self):
        new, names = pages.filled(page("one", "two"), PARTS, "p")
        self.assertEqual(names, ["one", "two"])
        self.assertEqual(new, f"# Title\nbefore one\n\n{OPEN.format('one')}\n\n| 1 |\n\n{END}\n\nbefore two\n\n"
                              f"{OPEN.format('two')}\n\nsecond\n\n{END}\n\nlast\n")

    def test_again_changes_nothing(self):
        once, _ = pages.filled(page("one", "two"), PARTS, "p")
        self.assertEqual(pages.filled(once, PARTS, "p")[0], once)

    def test_a_typed_figure_is_seen(self):
        once, _ = pages.filled(page("one"), PARTS, "p")
        typed = once.replace("| 1 |", "| 2 |")
        self.assertNotEqual(pages.filled(typed, PARTS, "p")[0], typed)

    def test_a_page_without_parts(self):
        self.assertEqual(pages.filled("text\n", PARTS, "p"), ("text\n", []))

    def test_marks_out_of_order(self):
        begin = OPEN.format("one")
        for text in (f"{begin}\n", f"{END}\n", f"{begin}\n{begin}\n{END}\n", f"{begin}\n{END}\n{END}\n", page("three")):
            with self.assertRaises(pages.BadPage):
                pages.filled(text, PARTS, "p")


class Typed(unittest.TestCase):
    ROW = "| null hypercall | 1,295 | 5.8 M |\n"

    def test_figures_in_a_table_of_people(self):
        self.assertEqual(list(pages.typed(f"text 1,000 and 2 M\n{self.ROW}| 1 | 2 |\n| up to 4,096 | 1,024 CPUs |\n")), [2])

    def test_generated_parts_have_them(self):
        self.assertEqual(list(pages.typed(f"{OPEN.format('one')}\n{self.ROW}{END}\n{self.ROW}")), [4])


class Pages(unittest.TestCase):
    def test_all_are_what_docs_data_has(self):
        count, wrong = pages.go_through(write=False)
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(count, len(pages.PARTS))


class Tables(unittest.TestCase):
    def test_millions_at_a_glance(self):
        self.assertEqual([bench_parts.short(value) for value in (None, 0.0137, 0.83, 109.2, 18562, 291235, 13427758, 1230848437)],
                         ["-", "0.014", "0.830", "109", "18,562", "291,235", "13.4 M", "1,231 M"])

    def test_exits_that_are_rare_are_summed_up(self):
        runs = [{"exits": {"CPUID": 100, "HLT": 3, "NMI": 1}}, {"exits": {"CPUID": 90, "MSR": 30}}]
        self.assertEqual(bench_parts.exits_table(["a", "b"], runs, 20),
                         "| exits | a | b |\n| --- | --: | --: |\n| CPUID | 100 | 90 |\n| MSR | 0 | 30 |\n| others | 4 | 0 |\n")

    def test_features(self):
        row = {"feature": "f", "homestead": "yes", "xen": "no", "shown_by": "README.md"}
        self.assertIn("| f | yes | no | `README.md` |", comparison_parts.table([{"group": "g"}, row]))
        for bad in ({**row, "shown_by": ""}, {**row, "shown_by": "tests/none.c"}, {**row, "xen": ""}, {"feature": "f"}):
            with self.assertRaises(comparison_parts.BadFeature):
                comparison_parts.table([bad])
        self.assertIn("| f | no | yes |  |", comparison_parts.table([{**row, "homestead": "no", "xen": "yes", "shown_by": ""}]))


if __name__ == "__main__":
    cmocka.main()
