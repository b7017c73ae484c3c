#!/usr/bin/env python3
"""What `make toolstack-install` installs: every function is declared, exported and has a manual page, and a program that is
built with pkg-config alone, from a directory of the test's, finds what it needs. Prints what cmocka would print
(tools/run-unit.py)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import cmocka  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "toolstack/libhomestead"
PAGES = sorted((LIBRARY / "man").glob("*.3"))
PROGRAM = """
int main(void)
{
    return claim_guest_memory(NULL, 1, 1) == -1 && release_claim(NULL, 1) == -1 ? 0 : 1;
}
"""


def run(*command, **more):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            universal_newlines=True, **more)
    if result.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: status {result.returncode}\n{result.stdout}")
    return result.stdout


def exported():
    text = (LIBRARY / "homestead.map").read_text()
    return set(re.findall(r"^    (\w+);$", text, re.M))


def declared():
    text = re.sub(r"/\*.*?\*/", "", (LIBRARY / "homestead.h").read_text(), flags=re.S)
    return set(re.findall(r"\b((?:hs|xc)_\w+)\(", text))


class Names(unittest.TestCase):
    def test_every_function_is_exported(self):
        self.assertEqual(exported(), declared())
        self.assertGreater(len(exported()), 20)

    def test_every_function_has_a_page(self):
        named = [name for page in PAGES for name in re.findall(r"^\.Nm (\w+)", page.read_text(), re.M)]
        self.assertEqual(sorted(set(named) - {"libhomestead"}), sorted(exported()))

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc")
    def test_pages_are_in_order(self):
        for page in PAGES:
            self.assertEqual(run("mandoc", "-Tlint", "-W", "warning", page), "")

    def test_references_of_pages(self):
        names = exported() | {"libhomestead"}
        for page in PAGES:
            for name in re.findall(r"^\.(?:It )?Xr ((?:hs|xc)_\w+) 3", page.read_text(), re.M):
                self.assertIn(name, names, page.name)


@unittest.skipUnless(shutil.which("pkg-config"), "no pkg-config")
class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.top = pathlib.Path(cls.directory.name)
        # Variables of the make that runs this test are not for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        run("make", "-C", ROOT, "--no-print-directory", "toolstack-install", f"DESTDIR={cls.top}/root", "PREFIX=/opt/hs",
            env=environment)
        cls.prefix = cls.top / "root/opt/hs"
        cls.environment = dict(environment, PKG_CONFIG_PATH=str(cls.prefix / "lib/pkgconfig"))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def config(self, *words):
        # As if what is in the directory were in the root.
        text = run("pkg-config", *words, env=self.environment)
        return text.replace("/opt/hs", str(self.prefix)).split()

    def build(self, name, *linked):
        readme = (ROOT / "toolstack/README.md").read_text()
        source = self.top / f"{name}.c"
        source.write_text(readme.split("```c\n", 1)[1].split("```", 1)[0] + PROGRAM)
        run("gcc", "-Wall", "-Wextra", "-Werror", *self.config("--cflags", "homestead-xenctrl"), source, "-o", self.top / name, *linked)
        return self.top / name

    def test_a_shared_library(self):
        program = self.build("shared", *self.config("--libs", "homestead"))
        self.assertIn("libhomestead.so.1", run("readelf", "-d", program))
        run(program, env=dict(os.environ, LD_LIBRARY_PATH=str(self.prefix / "lib")))
        made = set(re.findall(r" T (\w+)", run("nm", "-D", "--defined-only", "--without-symbol-versions",
                                                self.prefix / "lib/libhomestead.so.1")))
        self.assertEqual(made, exported())

    def test_a_static_library(self):
        program = self.build("static", self.prefix / "lib/libhomestead.a", "-lxencall", "-pthread")
        self.assertNotIn("libhomestead", run("readelf", "-d", program))
        run(program)
        self.assertIn("-lxencall", self.config("--static", "--libs", "homestead"))

    def test_pages_of_every_function(self):
        for name in exported():
            self.assertTrue((self.prefix / f"share/man/man3/{name}.3").is_file(), name)


if __name__ == "__main__":
    if not pathlib.Path("/usr/include/xencall.h").exists():
        print("[  SKIPPED ] toolstack_files: no /usr/include/xencall.h (Debian's libxen-dev)")
        sys.exit(0)
    cmocka.main()
