"""The Multiboot image. GRUB is stricter than QEMU, so GRUB's rules are checked here."""
import struct

import pytest

import harness

PT_LOAD, PF_X, PF_W = 1, 1, 2
MULTIBOOT_MAGIC = 0x1BADB002


@pytest.fixture(scope="module")
def image():
    return (harness.ROOT / "build" / "homestead").read_bytes()


@pytest.fixture(scope="module")
def segments(image):
    """Program headers: type, offset, vaddr, paddr, filesz, memsz, flags, align."""
    offset, size, count = struct.unpack_from("<I10xHH", image, 28)
    return [s for s in (struct.unpack_from("<8I", image, offset + i * size) for i in range(count)) if s[0] == PT_LOAD]


def test_it_is_elf32(image):
    assert image[:5] == b"\x7fELF\x01"


def test_the_header_is_where_loaders_look(image):
    at = next(i for i in range(0, 8192, 4) if struct.unpack_from("<I", image, i)[0] == MULTIBOOT_MAGIC)
    assert sum(struct.unpack_from("<3I", image, at)) & 0xFFFFFFFF == 0


def test_the_entry_is_in_an_executable_segment(image, segments):
    # "entry point isn't in a segment" is GRUB's word for a physical entry in a virtually linked image.
    entry = struct.unpack_from("<I", image, 24)[0]
    homes = [s for s in segments if s[2] <= entry < s[2] + s[4]]
    assert len(homes) == 1 and homes[0][6] & PF_X


def test_no_segment_is_writable_and_executable(segments):
    assert segments and not any(s[6] & PF_W and s[6] & PF_X for s in segments)


def test_segments_load_above_1_mib_and_apart(segments):
    spans = sorted((s[3], s[3] + s[5]) for s in segments)
    assert spans[0][0] >= 1 << 20
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:]))
