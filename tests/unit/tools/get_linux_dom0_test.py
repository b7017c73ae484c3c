#!/usr/bin/python3
"""tools/get-linux-dom0.sh with a directory whose packages are missing, are none or are damaged: a sentence, and the next run does not
find them in its cache. Prints what cmocka would print (tools/run-unit.py)."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

TOOL = pathlib.Path(__file__).resolve().parents[3] / "tools/get-linux-dom0.sh"
KERNEL = "linux-image-6.1.0-1-amd64"
OTHERS = ("xen-utils-4.17", "xen-utils-common", "xenstore-utils", "busybox-static", "grub-xen-host")


@unittest.skipUnless(shutil.which("dpkg-deb"), "no dpkg-deb")
@unittest.skipUnless(shutil.which(os.environ.get("CROSS_COMPILE", "x86_64-linux-gnu-") + "readelf"), "no readelf")
class Packages(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = pathlib.Path(directory.name)
        self.given = self.top / "given_by_somebody"
        self.given.mkdir()

    def package(self, name, called=None):
        """A package that has a file of random bytes only."""
        tree = self.top / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody <n@n>\nDescription: none\n")
        (tree / "bytes").write_bytes(os.urandom(100000))
        file = self.given / f"{called or name}_1_amd64.deb"
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, file], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
        return file

    def refused(self, sentence):
        run = subprocess.run([TOOL, self.top / "out"], env=dict(os.environ, LINUX_DOM0_DIR=str(self.given)), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertEqual(run.stderr.splitlines()[-1], f"no Linux for domain 0: {sentence}")

    def kept(self, name):
        return list((self.top / "out/packages").glob(f"{name}_*.deb"))

    def test_missing(self):
        self.refused(f"{self.given} has no linux-image-*-amd64_*.deb")
        self.package(KERNEL)
        self.refused(f"{self.given} has no xen-utils-4.17_*.deb")
        self.given = self.top / "nowhere"
        self.refused(f"there is no directory {self.given}")

    def test_no_package(self):
        file = self.given / f"{KERNEL}_1_amd64.deb"
        for content in (b"", b"!<arch>\n", os.urandom(5000)):
            file.write_bytes(content)
            self.refused(f"{file} is not the package {KERNEL}, or damaged")
            self.assertEqual(self.kept(KERNEL), [])

    def test_another_package(self):
        file = self.package("linux-image-5.10.0-1-amd64", called=KERNEL)
        self.refused(f"{file} is not the package {KERNEL}, or damaged")

    def test_a_package_that_is_cut(self):
        for name in (KERNEL, *OTHERS):
            file = self.package(name)
        cut = self.given / f"{OTHERS[0]}_1_amd64.deb"
        cut.write_bytes(cut.read_bytes()[:50000])
        self.refused(f"the package {OTHERS[0]} cannot be unpacked")
        self.assertEqual(self.kept(OTHERS[0]), [])
        self.assertTrue(cut.exists() and file.exists())


if __name__ == "__main__":
    cmocka.main()
