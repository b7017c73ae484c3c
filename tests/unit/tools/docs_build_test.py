#!/usr/bin/python3
"""docs/build.py and docs/api.py: links of staged pages, pages made from headers. Prints what cmocka would print
(tools/run-unit.py)."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "docs"))
import api  # noqa: E402
import build  # noqa: E402

HEADER = """/*
 * Things: what *out is.
 */
#ifndef THINGS_H
#define THINGS_H
#include <homestead/types.h>

/* --- making them --- */
/* Makes nr things. -EINVAL: nr is 0.
 * Takes THING_LOCK. */
int thing_make(u32 nr,
               struct thing **out);

#define THING_MAX 8u /* at most */
struct thing {
    int a;

    int b; /* not a */
};
#endif
"""


class Links(unittest.TestCase):
    def moved(self, page, text):
        return build.rewritten(text, pathlib.Path(page))

    def test_a_link_leaves_docs(self):
        self.assertEqual(self.moved("docs/guest-guide/abi.md", "[it](../../toolstack/README.md#errors-in-words)"),
                         "[it](../repository/toolstack/README.md#errors-in-words)")

    def test_a_link_comes_from_outside(self):
        self.assertEqual(self.moved("guest/README.md", "[it](../docs/guest-guide/abi.md) ![p](../docs/benchmarks.svg)"),
                         "[it](../../guest-guide/abi.md) ![p](../../benchmarks.svg)")

    def test_a_file_name_becomes_the_title(self):
        self.assertEqual(self.moved("docs/index.md", "[abi.md](guest-guide/abi.md) [abi.md](guest-guide/abi.md#calling)"),
                         "[The hypercall interface](guest-guide/abi.md) [Calling](guest-guide/abi.md#calling)")

    def test_a_section_that_is_named_after_the_link(self):
        self.assertEqual(self.moved("docs/index.md", "[abi.md](guest-guide/abi.md#calling) section 1"),
                         "[The hypercall interface](guest-guide/abi.md#calling) section 1")

    def test_a_source_file_is_linked_where_it_is(self):
        self.assertEqual(self.moved("docs/index.md", "[it](../mm/claims.h)"), "[it](../../../mm/claims.h)")

    def test_a_link_of_two_lines(self):
        self.assertEqual(self.moved("docs/index.md", "[a\nb](../guest/README.md#x)"), "[a\nb](repository/guest/README.md#x)")

    def test_a_directory_is_its_readme(self):
        self.assertEqual(self.moved("README.md", "[it](toolstack/)"), "[it](toolstack/README.md)")

    def test_code_stays(self):
        text = "`[a](../x.md)` [`b`](#c)\n```\n[a](../../README.md)\n```"
        self.assertEqual(self.moved("docs/guest-guide/abi.md", text), text)

    def test_toctrees_and_included_files(self):
        self.assertEqual(self.moved("docs/project.md", "```{toctree}\n../README.md\nT <../SECURITY.md>\nbenchmarks\n```\n"
                                                       "```{literalinclude} ../mm/claims.h\n```"),
                         "```{toctree}\nrepository/README.md\nT <repository/SECURITY.md>\nbenchmarks\n```\n"
                         "```{literalinclude} ../../../mm/claims.h\n```")

    def test_a_colon_in_a_text(self):
        self.assertEqual(self.moved("docs/index.md", "```{mermaid}\n:alt: Two: a and b\n\na: b\n```"),
                         '```{mermaid}\n:alt: "Two: a and b"\n\na: b\n```')


class Remote(unittest.TestCase):
    def test_what_a_browser_would_fetch(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "good.html").write_text('<a href="https://example.org">x</a><img src="a.svg"><svg xmlns="http://w3.org/x"/>')
            self.assertEqual(list(build.remote_resources(folder)), [])
            for text in ['<script async src="https://cdn.example.org/a.js">', '<link rel="stylesheet" href="//fonts.example.org/a">',
                         "<style>@import url(http://example.org/a.css);</style>", "<img\nalt='' src='http://example.org/a.png'>"]:
                (folder / "bad.html").write_text(text)
                self.assertEqual(len(list(build.remote_resources(folder))), 1, text)


class Api(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(self.folder.name)
        (root / "mm").mkdir()
        (root / "mm/things.h").write_text(HEADER)
        (root / "mm/things.c").write_text("#include <mm/things.h>\n\nint thing_make(u32 nr,\n    struct thing **out)\n{\n}\n")
        self.text, self.names = api.page(root, "mm/things.h")
        self.root = root

    def tearDown(self):
        self.folder.cleanup()

    def test_names(self):
        self.assertEqual(self.names, ["thing_make", "THING_MAX", "thing"])

    def test_text_and_code(self):
        self.assertEqual(self.text, "# mm/things.h\n\nThings: what `*out` is.\n\n## Making them\n\n### `thing_make`\n\n"
                                    "Makes nr things. `-EINVAL`: nr is 0.\nTakes `THING_LOCK`.\n\n"
                                    "```c\nint thing_make(u32 nr,\n               struct thing **out);\n```\n\n"
                                    "Defined in `mm/things.c`.\n\n"
                                    "```c\n#define THING_MAX 8u /* at most */\nstruct thing {\n    int a;\n\n"
                                    "    int b; /* not a */\n};\n```\n")

    def test_public_is_what_another_directory_includes(self):
        self.assertEqual(api.public_headers(self.root), [])
        (self.root / "domain").mkdir()
        (self.root / "domain/a.c").write_text("#include <mm/things.h>\n")
        self.assertEqual(api.public_headers(self.root), ["mm/things.h"])

    def test_every_public_function_of_the_tree_is_on_a_page(self):
        _, names = api.page(ROOT, "mm/claims.h")
        self.assertLessEqual({"claim_install_set", "claim_read_set", "refusal_get", "claim_view", "CLAIM_HOST"}, set(names))


if __name__ == "__main__":
    cmocka.main()
