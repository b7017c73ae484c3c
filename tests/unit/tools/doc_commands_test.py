#!/usr/bin/python3
"""Every command that README.md and docs/tutorials show is one that a test runs (tests/documented.py), and the reader of these pages.
Prints what cmocka would print (tools/run-unit.py)."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import cmocka  # noqa: E402
import documented as docs  # noqa: E402

PAGE = """text
$ no command
```console
$ one
out 1

out 2
$ two \\
    --more
$ three
...
```
```c
$ no command
```
```console
more of three
```
"""


class Commands(unittest.TestCase):
    def test_each_is_run_by_a_test(self):
        known = docs.run_by_tests()
        missing = [f"{page.name}: {command}" for page in docs.pages() for command in docs.commands(page) if command not in known]
        self.assertEqual(missing, [], "no test calls documented() with these")

    def test_there_are_some(self):
        self.assertGreater(len(docs.commands(docs.ROOT / "README.md")), 5)
        self.assertGreater(len(docs.pages()), 1)

    def test_the_programs_of_commands_exist(self):
        for page in docs.pages():
            for command in docs.commands(page):
                word = command.split()[0]
                if word.startswith(("./", "tools/")):
                    self.assertTrue((docs.ROOT / word).is_file(), command)


class Reader(unittest.TestCase):
    def test_blocks(self):
        self.assertEqual(docs.blocks(PAGE), [("one", [4, 5, 6]), ("two --more", []), ("three", [10, 16])])

    def test_calls(self):
        self.assertEqual(sorted(docs.calls('documented("a b")\nharness.documented("c" " d", 5)\nother("e")\n')), ["a b", "c d"])

    def test_another_function_of_that_name(self):
        self.assertEqual(list(docs.calls('def documented(page):\n    pass\nfor p in x:\n    documented(p)\n')), [])

    def test_a_command_that_is_put_together_is_not_accepted(self):
        with self.assertRaises(AssertionError):
            list(docs.calls("documented(a + b)"))

    def test_output_in_order(self):
        printed = ["x", "took 5 ms", "pages=7", "end"]
        self.assertEqual(docs.match(["took 9 ms", "", "...", "end"], printed), ["took 5 ms", "", "...", "end"])
        for wrong in (["end", "x"], ["pages=8"], ["took 9 s"], ["x", "x"]):
            with self.assertRaises(AssertionError, msg=wrong):
                docs.match(wrong, printed)

    def test_exact_output(self):
        self.assertEqual(docs.match(["took 5 ms"], ["took 5 ms"], None), ["took 5 ms"])
        for wrong in ("took 6 ms", "Node 1: 7 pages"):
            with self.assertRaises(AssertionError):
                docs.match([wrong], ["took 5 ms", "Node 1: 8 pages"], None)

    def test_spaces_do_not_count(self):
        self.assertEqual(docs.match(["a  1  b"], ["a 1    b"]), ["a 1    b"])

    def test_volatile_figures(self):
        for one, other in (("XSDT at 0x7fb7d0e8, 6 tables", "XSDT at 0x7fb7e014, 6 tables"),
                           ("Wall clock 2026-11-30 12:37:47 UTC", "Wall clock 2027-01-01 00:00:00 UTC"),
                           ("near has 5 pages, free=17", "near has 5 pages, free=16"),
                           ("Node 0   1022 MiB, 2 CPUs", "Node 0   1019 MiB, 2 CPUs"), ("@node id=0 pages=5", "@node id=0 pages=6")):
            self.assertEqual(docs.key(one), docs.key(other))
        for one, other in (("@claim domain=1 pages=65536", "@claim domain=1 pages=65537"), ("Node 0  2 CPUs", "Node 0  2 nodes"),
                           ("near domain 1 has 4096 pages", "near domain 1 has 4097 pages")):
            self.assertNotEqual(docs.key(one), docs.key(other))


if __name__ == "__main__":
    cmocka.main()
