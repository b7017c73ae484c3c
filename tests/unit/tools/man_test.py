#!/usr/bin/python3
"""tools/man.py: the manual pages of docs/man have what --help and the documents have, and mandoc finds no fault in them. Prints what
cmocka would print (tools/run-unit.py)."""
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
spec = importlib.util.spec_from_file_location("man", ROOT / "tools/man.py")
man = importlib.util.module_from_spec(spec)
spec.loader.exec_module(man)

HELP = """usage: tool [FILE|DIR]... [--size N] [--all]
            [--help]

Does it with `care`.
.This is no request.

  FILE      a back\\slash,
            and a [link](x)
  --size N  how much. Decimal
  --all     each

Exit status: 0 done, 2 refused. See elsewhere.
"""


def made(*arguments):
    return subprocess.run([ROOT / "tools/man.py", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, check=False)


class Help(unittest.TestCase):
    def test_parts(self):
        self.assertEqual(man.of_help(HELP), {
            "synopsis": ".Op Ar FILE | DIR ...\n.Op Fl -size Ar N\n.Op Fl -all\n.Op Fl -help",
            "description": "Does it with \\fBcare\\fR. .This is no request.",
            "options": ".Bl -tag -width Ds\n.It Ar FILE\na back\\eslash, and a link\n.It Fl -size Ar N\nhow much.\nDecimal\n"
                       ".It Fl -all\neach\n.El",
            "status": ".Bl -tag -width Ds\n.It 0\nDone.\n.It 2\nRefused.\n.El"})

    def test_nothing_begins_a_request(self):
        self.assertEqual(man.prose("One. `.Sh` two. 'three"), "One.\n\\fB.Sh\\fR two. 'three")
        self.assertEqual(man.prose(".Sh x"), "\\&.Sh x")


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = {"acpi-topology.1": made("docs/man/acpi-topology.1.in", "build/host/acpi-topology"),
                     "homestead-check.1": made("docs/man/homestead-check.1.in", "build/host/homestead-check"),
                     "homestead.7": made("docs/man/homestead.7.in")}

    def test_they_are_made(self):
        for name, done in self.pages.items():
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertNotRegex(done.stdout, r"(?m)^@\w+@$")

    def test_the_options_of_the_tools(self):
        """Those that the program takes, in --help's synopsis and list: the page is made of that. --help itself may be left out."""
        for tool, value_word, least in (("acpi-topology", "F", 7), ("homestead-check", "DIR", 2)):
            source = (ROOT / f"tools/{tool}/main.c").read_text()
            taken = [(name, value) for name, value in re.findall(r'\{"(\w+)", (required|no)_argument', source) if name != "help"]
            self.assertGreaterEqual(len(taken), least)
            page = self.pages[f"{tool}.1"].stdout
            for name, value in taken:
                word = f" Ar {value_word}" if value == "required" else ""
                self.assertRegex(page, rf"(?m)^\.It Fl -{name}{word}$")
                self.assertRegex(page, rf"(?m)^\.Op Fl -{name}{word}$")
            named = set(re.findall(r"(?m)^\.It Fl -(\w+)", page))
            self.assertEqual(named - {"help"}, {name for name, _ in taken})

    def test_the_options_of_the_hypervisor(self):
        page = self.pages["homestead.7"].stdout
        names = re.findall(r'(?m)^\| `([\w-]+)` \| `', (ROOT / "docs/hypervisor-guide/options.md").read_text())
        self.assertGreater(len(names), 20)
        self.assertEqual(re.findall(r"(?m)^\.It Cm (.*)$", page), names)
        self.assertIn("\\fBcom1=115200,8n1,0x3f8,4,reg-width=1,reg-shift=0\\fR", page)

    def test_the_keys_of_the_debug_console(self):
        keys = re.findall(r"\.It Ic (.)\n", self.pages["homestead.7"].stdout)
        files = [path for folder in ("arch", "boot", "domain") for path in (ROOT / folder).rglob("*.c")]
        registered = [key for path in files for key in re.findall(r"keys_register(?:_for_line)?\('(.)'", path.read_text())]
        self.assertEqual(sorted(keys), sorted(registered))
        self.assertGreater(len(keys), 8)

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc")
    def test_mandoc_finds_no_fault(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, done in self.pages.items():
                path = pathlib.Path(directory, name)
                path.write_text(done.stdout)
                lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", path], stdout=subprocess.PIPE, universal_newlines=True,
                                      check=False)
                self.assertEqual(lint.stdout, "", name)

    def test_a_template_that_leaves_something_out_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".in") as template:
            template.write("@options@\n")
            template.flush()
            done = made(template.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the template has ['options'], the source ['keys', 'options']", done.stderr)


if __name__ == "__main__":
    cmocka.main()
