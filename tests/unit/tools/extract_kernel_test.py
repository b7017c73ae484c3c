#!/usr/bin/python3
"""tools/extract-kernel.sh: bzImages of every format, made here, and those that are no bzImage, cut short or damaged. Prints what
cmocka would print (tools/run-unit.py)."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

TOOL = pathlib.Path(__file__).resolve().parents[3] / "tools/extract-kernel.sh"
KERNEL = b"\x7fELF" + bytes(range(1, 256)) * 400
# As Linux's build calls them: scripts/Makefile.lib.
PACKERS = {
    "gzip": ["gzip", "-n", "-9"],
    "xz": ["xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB"],
    "lzma": ["xz", "--format=lzma", "-9"],
    "lz4": ["lz4", "-l", "-9", "-c"],
    "zstd": ["zstd", "-q", "-22", "--ultra"],
    "bzip2": ["bzip2", "-9"],
    "lzop": ["lzop", "-9"],
}


def packed(name, kernel=KERNEL):
    out = subprocess.run(PACKERS[name], input=kernel, stdout=subprocess.PIPE, check=True).stdout
    return out if name == "gzip" else out + struct.pack("<I", len(kernel))


def bzimage(payload, sectors=27, protocol=0x20F, offset=0x300, length=None, behind=b"\0" * 700):
    image = bytearray(((sectors or 4) + 1) * 512 + offset)
    image[497] = sectors
    image[514:518] = b"HdrS"
    struct.pack_into("<H", image, 518, protocol)
    struct.pack_into("<II", image, 584, offset, len(payload) if length is None else length)
    return bytes(image) + payload + behind


class Extract(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = pathlib.Path(directory.name)
        self.out = self.dir / "vm linux"

    def run_tool(self, image, **more):
        path = self.dir / "-vm linuz"
        path.write_bytes(image)
        return subprocess.run([TOOL, path.name, self.out.name], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, check=False, **more)

    def extracted(self, image):
        done = self.run_tool(image)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        return self.out.read_bytes()

    def refused(self, image, why, **more):
        self.out.write_bytes(b"as it was")
        done = self.run_tool(image, **more)
        self.assertEqual(done.returncode, 1)
        self.assertIn(why, done.stdout)
        self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
        self.assertEqual(self.out.read_bytes(), b"as it was")
        self.assertEqual(sorted(os.listdir(self.dir)), ["-vm linuz", "vm linux"])

    def test_an_elf_file_is_copied(self):
        self.assertEqual(self.extracted(KERNEL), KERNEL)

    def test_a_payload_that_is_not_packed(self):
        self.assertEqual(self.extracted(bzimage(KERNEL)), KERNEL)

    def test_no_setup_sectors_are_four(self):
        self.assertEqual(self.extracted(bzimage(packed("gzip"), sectors=0)), KERNEL)

    def test_nothing_follows(self):
        self.assertEqual(self.extracted(bzimage(packed("xz"), behind=b"")), KERNEL)

    def test_other_images(self):
        self.refused(b"", "is neither a bzImage nor an ELF file")
        self.refused(b"MZ" + bytes(5000), "is neither a bzImage nor an ELF file")
        self.refused(bzimage(packed("gzip"), protocol=0x207), "boot protocol before 2.08")
        self.refused(bzimage(b"\0" * 64), "in a format that is not known")
        self.refused(bzimage(b"", length=0), "has no kernel in it")

    def test_cut_short(self):
        image = bzimage(packed("xz"), behind=b"")
        for size in (600, 5000, len(image) - 1):
            self.refused(image[:size], "cut short" if size > 600 else "has no kernel in it" if size < 590 else "cut short")
        self.refused(bzimage(packed("gzip"), length=0xFFFFFFF0), "cut short")

    def test_damaged(self):
        for name in ("gzip", "xz"):
            payload = bytearray(packed(name))
            payload[len(payload) // 2] ^= 0x40
            self.refused(bzimage(bytes(payload)), "damaged")
        self.refused(bzimage(packed("xz")[:-4] + struct.pack("<I", len(KERNEL) + 1)), "damaged: 102004 bytes came out, 102005 should")
        self.refused(bzimage(packed("xz", b"no ELF file" * 100)), "has a kernel that is no ELF file")

    def test_the_program_is_missing(self):
        tools = self.dir / "bin"
        tools.mkdir()
        for name in ("bash", "sed", "stat", "od", "tr", "mktemp", "dirname", "rm", "head", "tail", "chmod", "mv", "cp"):
            (tools / name).symlink_to(shutil.which(name))
        self.out.write_bytes(b"as it was")
        done = self.run_tool(bzimage(packed("xz")), env={"PATH": str(tools)})
        self.assertEqual(done.returncode, 1)
        self.assertIn("is packed by xz, and there is no xz: apt-get install xz-utils", done.stdout)

    def test_no_place(self):
        done = subprocess.run([TOOL, __file__, self.dir / "none/vmlinux"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, f"extract-kernel: there is no directory for {self.dir}/none/vmlinux\n"))
        done = subprocess.run([TOOL, self.dir / "none", self.out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, f"extract-kernel: there is no file {self.dir}/none\n"))

    def test_usage(self):
        done = subprocess.run([TOOL], stderr=subprocess.PIPE, universal_newlines=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("tools/extract-kernel.sh VMLINUZ VMLINUX", done.stderr)


def format_test(name):
    def test(self):
        self.assertEqual(self.extracted(bzimage(packed(name))), KERNEL)
    return test


MISSING = [packer for packer, program in PACKERS.items() if not shutil.which(program[0])]
for packer in PACKERS:
    if packer not in MISSING:
        setattr(Extract, f"test_{packer}", format_test(packer))

if __name__ == "__main__":
    if MISSING:
        print("note: without the program of " + ", ".join(MISSING))
    cmocka.main()
