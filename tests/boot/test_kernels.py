"""Kernels as Linux's build makes them: a bzImage with a payload of each kind, made here from the test guest."""
import gzip
import lzma
import re
import struct

import pytest

import harness
from checks import GoodRun

SECTOR, SETUP_SECTORS, OFFSET = 512, 2, 0x40
TEST = harness.ROOT / "build/guest/test.elf"
STRANGER = harness.ROOT / "build/guest/stranger.elf"


def bzimage(payload, version=0x20f):
    """Protocol 2.15, the payload at OFFSET of the protected-mode code."""
    head = bytearray((SETUP_SECTORS + 1) * SECTOR + OFFSET)
    head[0x1f1], head[0x1fe:0x200], head[0x202:0x206] = SETUP_SECTORS, b"\x55\xaa", b"HdrS"
    struct.pack_into("<H", head, 0x206, version)
    struct.pack_into("<II", head, 0x248, OFFSET, len(payload))
    return bytes(head) + payload + bytes(32)


def lz4(data):
    """`lz4 -l`, with literals alone: a token, the length beyond 15 in bytes of 255, the bytes."""
    out = b"\x02\x21\x4c\x18"
    for at in range(0, len(data), 8 << 20):
        block = data[at:at + (8 << 20)]
        rest = len(block) - 15
        coded = b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + block
        out += struct.pack("<I", len(coded)) + coded
    return out


def xz(data):
    """The kernel's xz_wrap.sh."""
    return lzma.compress(data, check=lzma.CHECK_CRC32, filters=[
        {"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 8 << 20}])


def zstd(data):
    """A frame of raw blocks: RFC 8878, 3.1.1."""
    out = b"\x28\xb5\x2f\xfd" + bytes([0xa0]) + struct.pack("<I", len(data))
    for at in range(0, len(data), 128 << 10):
        block = data[at:at + (128 << 10)]
        header = (len(block) << 3) | (at + len(block) == len(data))
        out += header.to_bytes(3, "little") + block
    return out


def sized(payload, size):
    return payload + struct.pack("<I", size)


def config(directory, name, kernel, **keys):
    keys = {"memory": 64, "timeout": 60, **keys}
    lines = [f'name = "{name}"', f'kernel = "{kernel}"'] + [f"{key} = {value!r}" for key, value in keys.items()]
    (directory / f"{name}.cfg").write_text("\n".join(lines) + "\n")


def good(directory, text):
    kinds = {"gzip": gzip.compress(text), "lz4": sized(lz4(text), len(text)), "xz": sized(xz(text), len(text)),
             "zstd": sized(zstd(text), len(text))}
    for kind, payload in kinds.items():
        (directory / f"vmlinuz-{kind}").write_bytes(bzimage(payload))
        config(directory, kind, f"vmlinuz-{kind}")
    config(directory, "again", "vmlinuz-xz")
    (directory / "vmlinux.gz").write_bytes(gzip.compress(text))
    config(directory, "bare", "vmlinux.gz")
    return kinds


def no_note(text):
    """PT_NOTEs are PT_NULLs."""
    text = bytearray(text)
    at, size, count = struct.unpack_from("<Q", text, 32)[0], *struct.unpack_from("<HH", text, 54)
    for i in range(count):
        if struct.unpack_from("<I", text, at + i * size)[0] == 4:
            struct.pack_into("<I", text, at + i * size, 0)
    return bytes(text)


def grown(text, mem_size):
    """Its segment has so many bytes in memory, as a kernel with a large .bss."""
    text = bytearray(text)
    at, size, count = struct.unpack_from("<Q", text, 32)[0], *struct.unpack_from("<HH", text, 54)
    for i in range(count):
        if struct.unpack_from("<I", text, at + i * size)[0] == 1:
            struct.pack_into("<Q", text, at + i * size + 40, mem_size)
    return bytes(text)


SENTENCES = {
    "cut": "the kernel cut.bad cannot be loaded: it is a bzImage that is cut short: its payload ends after the file",
    "damaged": "the kernel damaged.bad cannot be loaded: it has an LZ4 payload that is damaged",
    "damaged-xz": "the kernel damaged-xz.bad cannot be loaded: it has an xz payload that is damaged",
    "short": "the kernel short.bad cannot be loaded: it has a zstd payload that is cut short",
    "larger": "the kernel larger.bad cannot be loaded: it has a zstd payload that is larger when decoded than it claims",
    "smaller": "the kernel smaller.bad cannot be loaded: it has an xz payload that is smaller when decoded than it claims",
    "trailing": "the kernel trailing.bad cannot be loaded: it has an xz payload with bytes after its end",
    "claims": "the kernel claims.bad cannot be loaded: it claims that its payload is larger than 1 GiB when decoded",
    "bzip2": "the kernel bzip2.bad cannot be loaded: it has a bzip2 payload; gzip, LZ4, xz and zstd can be decoded",
    "old": "the kernel old.bad cannot be loaded: it is a Linux image of a boot protocol before 2.08: it names no payload",
    "bare-bytes": "the kernel bare-bytes.bad cannot be loaded: it is not an ELF file",
    "no-note": "the kernel no-note.bad cannot be loaded: it has no PVH entry note",
    "arm": "the kernel arm.bad cannot be loaded: it is a kernel for ARM, not for x86",
    "arm-elf": "the kernel arm-elf.bad cannot be loaded: it is not an executable for x86",
    "zboot": "the kernel zboot.bad cannot be loaded: it is an EFI zboot image; take its vmlinux, or a bzImage",
    "empty": "the kernel empty.bad cannot be loaded: it is empty",
    "initrd": "the kernel initrd.bad cannot be loaded: it is a cpio archive; kernel= and ramdisk= may be swapped",
}


def bad(directory, text, kinds):
    middle = len(kinds["lz4"]) // 2
    files = {
        "cut": bzimage(kinds["gzip"])[:-1000],
        # A block that is larger than its literals say.
        "damaged": bzimage(kinds["lz4"][:4] + struct.pack("<I", middle) + kinds["lz4"][8:8 + middle] + kinds["lz4"][-4:]),
        "damaged-xz": bzimage(kinds["xz"][:100] + b"damage" + kinds["xz"][106:]),
        "short": bzimage(kinds["zstd"][:-1004] + kinds["zstd"][-4:]),
        "larger": bzimage(sized(kinds["zstd"][:-4], len(text) - 1)),
        "smaller": bzimage(sized(kinds["xz"][:-4], len(text) + 1)),
        "trailing": bzimage(sized(kinds["xz"][:-4] + b"more", len(text))),
        "claims": bzimage(sized(kinds["lz4"][:-4], 0xffffffff)),
        "bzip2": bzimage(b"BZh91AY&SY" + bytes(20)),
        "old": bzimage(kinds["gzip"], 0x207),
        "bare-bytes": bzimage(sized(zstd(b"These bytes are no program." * 3), 81)),
        "no-note": bzimage(sized(lz4(no_note(text)), len(text))),
        "arm": b"MZ" + bytes(54) + b"ARM\x64" + bytes(100),
        "arm-elf": text[:18] + struct.pack("<H", 183) + text[20:],
        "zboot": b"MZ\0\0zimg" + bytes(200),
        "empty": b"",
        "initrd": b"070701" + bytes(200),
    }
    assert files.keys() == SENTENCES.keys()
    for name, data in files.items():
        (directory / f"{name}.bad").write_bytes(data)
        config(directory, name, f"{name}.bad", expect="badkernel")


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    directory = tmp_path_factory.mktemp("kernels")
    text = TEST.read_bytes()
    kinds = good(directory, text)
    bad(directory, text, kinds)
    (directory / "high.elf").write_bytes(grown(text, 100 << 20))
    config(directory, "high", "high.elf", expect="badkernel")
    # More than domain 0 has; it is not written, so its size is only claimed.
    (directory / "vmlinuz-large").write_bytes(bzimage(sized(lz4(text), 512 << 20)))
    config(directory, "large", "vmlinuz-large", expect="enomem")
    (directory / "stranger.elf").write_bytes(STRANGER.read_bytes())
    (directory / "large.img").write_bytes(bytes(range(256)) * (20 << 12))
    config(directory, "ramdisk", "stranger.elf", ramdisk="large.img")
    config(directory, "ramdisk-20", "stranger.elf", ramdisk="large.img", memory=20, expect="badkernel")
    return directory


class TestKernels(GoodRun):
    """Each kind of payload boots, each fault has its sentence: one after the other, and three at a time."""

    @pytest.fixture(scope="class", params=[1, 3])
    def run(self, request, kernels):
        return harness.boot("--direct", "--guests", kernels, "--cmdline", f"dom0_max_vcpus={request.param}")

    def said(self, run, name):
        return [re.sub(r"^\S+ +", "", line) for line in run.lines if line.startswith(f"{name} ")]

    @pytest.mark.parametrize("name", ["gzip", "lz4", "xz", "zstd", "again", "bare", "ramdisk"])
    def test_it_runs(self, run, name):
        assert ("shutdown", 0) in run.events(name), run.tail()

    @pytest.mark.parametrize("name", SENTENCES)
    def test_the_sentence(self, run, name):
        assert SENTENCES[name] in self.said(run, name), run.tail()

    def test_more_memory_is_named(self, run):
        (line,) = [line for line in self.said(run, "high") if "needs more than" in line]
        assert re.fullmatch(r"the kernel high.elf needs more than 101 MiB of memory, the guest has 64 MiB", line)
        (line,) = [line for line in self.said(run, "ramdisk-20") if "more than" in line]
        assert line == ("the kernel stranger.elf, the ramdisk large.img and the start info need more than 22 MiB of memory, "
                        "the guest has 20 MiB")

    def test_domain_0_has_too_little_memory(self, run):
        line = [line for line in self.said(run, "large") if line.startswith("the kernel vmlinuz-large cannot")][-1]
        size = re.fullmatch(r"the kernel vmlinuz-large cannot be loaded: it needs 512 MiB of domain 0's memory to be decoded, of which "
                            r"(\d+) MiB are free; give domain 0 dom0_mem=(\d+)M", line)
        assert size and 512 < int(size[2]) < 700, line
        assert 96 < int(size[1]) < 200, line  # a large archive has kernels, and domain 0 the memory for one

    def test_a_large_ramdisk_arrives_whole(self, run):
        sum31 = 0
        for byte in bytes(range(256)) * (20 << 12):
            sum31 = (sum31 * 31 + byte) & 0xffffffff
        assert [line for line in run.lines if f"1 module, {20 << 20} bytes at start info + 0x1000, sum {sum31:#x}" in line]
