#!/usr/bin/python3
"""tools/check-docs.py: columns, links, anchors, toctrees. Prints what cmocka would print (tools/run-unit.py)."""
import importlib.util
import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

TOOLS = pathlib.Path(__file__).resolve().parents[3] / "tools"
sys.path.insert(0, str(TOOLS))
import markup  # noqa: E402

spec = importlib.util.spec_from_file_location("check_docs", TOOLS / "check-docs.py")
check_docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_docs)

INDEX = "# All\n\n```{toctree}\n:glob:\n\na\nguide/index\nTitle <../README.md>\nreference/*\n```\n"
GOOD = {
    "README.md": "# Read me\n[a](docs/a.md#two-words), [code](src/code.c), [all](docs)\n",
    "docs/index.md": INDEX,
    "docs/a.md": "# A\n\n## Two words\n[here](#two-words) [up](../README.md) ![picture](a.svg)\n",
    "docs/guide/index.md": "# Guide\n\n```{toctree}\n*\n```\n",
    "docs/guide/b.md": "# B\n",
}


class Documents(unittest.TestCase):
    def setUp(self):
        self.before, self.folder = os.getcwd(), tempfile.TemporaryDirectory()
        os.chdir(self.folder.name)
        markup.headings.cache_clear()

    def tearDown(self):
        os.chdir(self.before)
        self.folder.cleanup()

    def faults(self, **changed):
        """The faults of GOOD with changed documents, whose names have _ for . and __ for /."""
        texts = dict(GOOD)
        for name, text in changed.items():
            texts[name.replace("__", "/").replace("_", ".")] = text
        for name, text in {**texts, "src/code.c": "", "docs/a.svg": ""}.items():
            pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(name).write_text(text)
        return list(check_docs.faults(texts))

    def test_good_documents_have_no_fault(self):
        self.assertEqual(self.faults(), [])

    def test_a_link_to_nothing(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n\nSee [it](../c.md) and [that](../a.md)\n"),
                         ["docs/guide/b.md:3: no file docs/c.md"])

    def test_a_picture_that_is_not_there(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n![it](a.svg)\n"), ["docs/guide/b.md:2: no file docs/guide/a.svg"])

    def test_an_anchor_without_a_heading(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n[it](../a.md#three-words), [own](#none), [good](../a.md#two-words)\n"),
                         ["docs/guide/b.md:2: no heading #three-words in docs/a.md",
                          "docs/guide/b.md:2: no heading #none in docs/guide/b.md"])

    def test_a_link_whose_text_is_code(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n[`it`](gone.md)\n"), ["docs/guide/b.md:2: no file docs/guide/gone.md"])

    def test_code_and_other_sites_are_not_followed(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n`[it](gone.md)`\n\n```\n[it](gone.md)\n```\n\n    [0](1)\n\n"
                                                       "[more](https://example.org/x.md)\n"), [])

    def test_a_heading_in_code_is_none(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n```sh\n# comment\n```\n[it](#comment)\n"),
                         ["docs/guide/b.md:5: no heading #comment in docs/guide/b.md"])

    def test_a_page_in_no_toctree(self):
        self.assertEqual(self.faults(docs__c_md="# C\n"), ["docs/c.md: not in a toctree that docs/index.md leads to"])

    def test_a_toctree_that_nothing_leads_to(self):
        self.assertEqual(self.faults(docs__c_md="# C\n```{toctree}\nc2\n```\n", docs__c2_md="# D\n"),
                         ["docs/c.md: not in a toctree that docs/index.md leads to",
                          "docs/c2.md: not in a toctree that docs/index.md leads to"])

    def test_an_entry_without_a_page(self):
        self.assertEqual(self.faults(docs__index_md=INDEX.replace("\na\n", "\na\nz\n")), ["docs/index.md:7: no page z"])

    def test_a_pattern_does_not_match_other_folders(self):
        self.assertEqual(self.faults(docs__guide__index_md="# G\n```{toctree}\n*\n```\n", docs__guide__deep__c_md="# C\n"),
                         ["docs/guide/deep/c.md: not in a toctree that docs/index.md leads to"])

    def test_long_lines(self):
        self.assertEqual(self.faults(docs__guide__b_md="# B\n" + "x" * 121 + "\n| " + "x" * 121 + "\n"),
                         ["docs/guide/b.md:2: 121 columns, documents wrap at 120"])


class Markup(unittest.TestCase):
    def test_anchors_are_those_of_github(self):
        for heading, expected in [("2. The host-wide claim: XENMEM_claim_pages (memory_op 24)",
                                   "2-the-host-wide-claim-xenmem_claim_pages-memory_op-24"),
                                  ("`@claim` and [a link](x.md)", "claim-and-a-link"), ("What's on  it?", "whats-on--it")]:
            self.assertEqual(markup.anchor(heading), expected)

    def test_equal_headings_have_numbers(self):
        self.assertEqual(list(markup.headings_of("# A\n## B\n## B\n(here)=\n### B\n")), ["", "a", "b", "b-1", "here", "b-2"])

    def test_colons_hold_text(self):
        self.assertEqual(list(markup.links("# A\n:::{note}\n[it](gone.md)\n:::\n[more](b.md)\n")), [(3, "gone.md"), (5, "b.md")])


if __name__ == "__main__":
    cmocka.main()
