#!/usr/bin/env python3
"""tools/claims-trace.py on small contracts and sources: what it reads, and what it finds wrong. Prints what cmocka would print
(tools/run-unit.py)."""
import importlib.util
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/unit/tools"))
import cmocka  # noqa: E402

SPEC = importlib.util.spec_from_file_location("claims_trace", ROOT / "tools/claims-trace.py")
trace = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(trace)

GOOD = """# Memory claims

An introduction. It has no ids.

Terms: a page has 4 KiB. [CL-0.1]

## 1. What holds

1. **Always.** The first rule, with `code. And more`. [CL-1.1] The second
   rule. [CL-1.2]

<!-- a comment. It has no id -->

| check | error |
|---|---|
| no such node | ENOENT [CL-1.3] |

```{mermaid}
flowchart. No ids.
```

## 8. How it is tested

No ids here. None.
"""
SOURCE = """/* claims.md CL-1.1. */
static __attribute__((noinline)) int first(struct thing *t,
                 int n)
{
    /* claims.md CL-1.2. */
    return n;
}

void declared(void);

/* What it is.
 * claims.md CL-1.3, CL-1.1 to
 * CL-1.3. */
CALL_TEST(second)
{
}

/* claims.md CL-1.2. */
struct layout {
    int a;
};
/* claims.md CL-1.2. */
static void third(void)
{
}
const struct c cases[] = {{.name = "case_three", .run = third}};
"""


class Contract(unittest.TestCase):
    def read(self, text):
        faults = []
        with tempfile.TemporaryDirectory() as folder:
            trace.CONTRACT = pathlib.Path(folder) / "claims.md"
            trace.CONTRACT.write_text(text)
            _, sentences = trace.contract(faults)
        return sentences, [fault.split(": ", 1)[1] for fault in faults]

    def test_sentences(self):
        sentences, faults = self.read(GOOD)
        self.assertEqual(faults, [])
        self.assertEqual({name: sentence for name, (_, sentence) in sentences.items()}, {
            "CL-0.1": "Terms: a page has 4 KiB.", "CL-1.1": "**Always.** The first rule, with `code. And more`.",
            "CL-1.2": "The second rule.", "CL-1.3": "no such node: ENOENT"})

    def test_what_is_wrong(self):
        for old, new, fault in (
                ("rule. [CL-1.2]", "rule. [CL-1.2] And this.", "a sentence without an id: And this."),
                (" ENOENT [CL-1.3]", " ENOENT", "a sentence without an id: no such node | ENOENT"),
                ("rule. [CL-1.2]", "rule. It goes on. [CL-1.2]", "CL-1.2 has more than one sentence"),
                ("[CL-1.2]", "[CL-1.1]", "CL-1.1 is not unique, or not of section 1"),
                ("[CL-1.2]", "[CL-2.2]", "CL-2.2 is not unique, or not of section 1")):
            self.assertIn(fault, self.read(GOOD.replace(old, new))[1])


class Marks(unittest.TestCase):
    ORDER = ["CL-1.1", "CL-1.2", "CL-1.3"]

    def test_owners(self):
        faults = []
        found = [(trace.owner(pathlib.Path("a.c"), SOURCE, match.start(), faults),
                  trace.expand(match.group(1), self.ORDER, "a.c", faults)) for match in trace.MARK.finditer(SOURCE)]
        self.assertEqual(faults, [])
        self.assertEqual(found, [
            ("`first()`", ["CL-1.1"]), ("`first()`", ["CL-1.2"]), ("`second()`", ["CL-1.3", *self.ORDER]),
            ("`struct layout`", ["CL-1.2"]), ("`case_three`", ["CL-1.2"])])

    def test_a_model_names_its_check(self):
        text, faults = "/*\n * right:  small  ND=2\n *\n * small: claims.md CL-1.1\n * large: claims.md CL-1.2\n */", []
        names = [trace.owner(pathlib.Path("a.pml"), text, match.start(), faults) for match in trace.MARK.finditer(text)]
        self.assertEqual((names, len(faults)), (["small", None], 1))

    def test_what_is_wrong(self):
        faults = []
        trace.expand("CL-1.1, CL-9.9", self.ORDER, "a.c", faults)
        trace.owner(pathlib.Path("a.c"), "int a;\n/* claims.md CL-1.1 */\n", 8, faults)
        self.assertEqual(len(faults), 2)

    def test_columns(self):
        for path, column in (("mm/claims.c", "code"), ("include/xen/domctl.h", "code"), ("tests/unit/mm/claims_test.c", "host"),
                             ("tests/unit/hypercall/calls.h", "call"), ("tests/guests/selftest/main.c", "call"),
                             ("guest/test/memtest.c", "call"), ("tests/model/sets.pml", "model"), ("tests/fuzz/a.c", None)):
            self.assertEqual(trace.column_of(pathlib.Path(path)), column, path)


class Cells(unittest.TestCase):
    def test_something_or_a_word_and_not_both(self):
        here = {"code": {"CL-1.1": {pathlib.Path("mm/a.c"): ["`f()`"]}}}
        for rule, reasons, shown, faults_expected in (
                ("CL-1.1", {}, "a.c: `f()`", 0), ("CL-1.2", {("code", "CL-1.2"): "reason"}, "*reason*", 0),
                ("CL-1.1", {("code", "CL-1.1"): "reason"}, "a.c: `f()`", 1), ("CL-1.3", {}, None, 1)):
            faults = []
            cell = trace.cell("code", rule, here, reasons, faults)
            self.assertEqual(len(faults), faults_expected)
            if shown:
                self.assertEqual(cell, shown)


if __name__ == "__main__":
    cmocka.main()
