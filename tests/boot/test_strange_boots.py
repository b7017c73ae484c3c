"""Boots as others set them up: by loaders that hold memory, from odd directories, on odd machines."""
import os
import subprocess

import pytest

import harness
from checks import PAGES_PER_MIB, GoodRun

BUILD = harness.ROOT / "build"
CONFIG = """\
[global]
default=homestead
[homestead]
options=com1=115200,8n1 console=com1 loglvl=info
dom0=dom0.elf
module={module}
"""


def make_disk(path, files):
    """A FAT disk. files: {path on it: file of the host}."""
    def mtools(command, *words):
        subprocess.run([command, "-i", path, *words], check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})

    with open(path, "wb") as disk:
        disk.truncate(64 << 20)
    mtools("mformat", "-F", "::")
    parts = {file.rsplit("/", count)[0] for file in files for count in range(1, file.count("/") + 1)}
    for folder in sorted(parts):
        mtools("mmd", f"::/{folder}")
    for name, source in files.items():
        mtools("mcopy", source, f"::/{name}")
    return path


def chainloaded(path, directory, module="default.cpio"):
    """A disk whose firmware starts holder.efi, which starts the loader in the directory."""
    config = path.with_suffix(".cfg")
    config.write_text(CONFIG.format(module=module))
    homestead = {"BOOTX64.EFI": BUILD / "BOOTX64.EFI", "homestead.cfg": config, "homestead.elf": BUILD / "homestead.elf",
                 "dom0.elf": harness.BUILT / "dom0.elf", module: harness.BUILT / "default.cpio"}
    return make_disk(path, {"EFI/BOOT/BOOTX64.EFI": BUILD / "holder.efi",
                            **{f"{directory}/{name}": source for name, source in homestead.items()}})


class TestLoaderThatHoldsMemory(GoodRun):
    """Another boot loader has three quarters of memory as EfiLoaderData and EfiLoaderCode. It is RAM."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        return harness.boot("--esp", chainloaded(tmp_path_factory.mktemp("esp") / "disk", "EFI/homestead"))

    @pytest.fixture(scope="class")
    def plain(self):
        return harness.boot()

    def test_the_memory_was_held(self, run):
        assert "holder: three quarters of free memory held" in run.text

    def test_no_memory_is_lost(self, run, plain):
        """As much is free as without the other loader, on each node too, to the MiB."""
        for key in ("pages", "free"):
            assert abs(run.one("memory")[key] - plain.one("memory")[key]) < PAGES_PER_MIB
            for node in run.all("node"):
                assert abs(node[key] - plain.one("node", id=node["id"])[key]) < 8 * PAGES_PER_MIB

    def test_homestead_keeps_the_same(self, run, plain):
        assert abs(run.one("kept")["pages"] - plain.one("kept")["pages"]) < 32


@pytest.mark.parametrize("directory", ["EFI/Hyperviseur-\u00e9", "EFI/\u4e2d\u6587 and a space"], scope="class")
class TestDirectoryInAnyScript(GoodRun):
    """The loader and its files are in a directory whose name is not ASCII; homestead.cfg, which is UTF-8, names such a file."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory, directory):
        return harness.boot("--esp", chainloaded(tmp_path_factory.mktemp("esp") / "disk", directory, "invit\u00e9s.cpio"))


class TestMultibootOnUefi(GoodRun):
    """Multiboot 1 has no field for the RSDP, which UEFI does not put where a BIOS does: the cause and the way out are named."""

    degraded = "acpi"

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        return harness.boot("--esp", make_disk(tmp_path_factory.mktemp("esp") / "disk", {
            "EFI/BOOT/BOOTX64.EFI": BUILD / "multiboot.efi", "boot/homestead": BUILD / "homestead",
            **{f"boot/{name}": harness.BUILT / name for name in ("dom0.elf", "default.cpio")}}))

    def test_the_cause_and_the_way_out(self, run):
        assert ("warning: booted by Multiboot on a UEFI machine: the firmware's ACPI tables are not handed over that way; "
                "start BOOTX64.EFI (GRUB: chainloader) instead") in run.lines
        assert "warning: ACPI: no tables found: one node, one CPU" in run.lines

    def test_what_there_is(self, run):
        assert run.one("cpus") == {"found": 1, "online": 1} and len(run.all("node")) == 1


@pytest.mark.parametrize("cpu", ["Opteron_G4", "Opteron_G5", "EPYC,-xsaveopt,-xgetbv1,-avx,-avx2"], scope="class")
class TestWithoutXsaveopt(GoodRun):
    """CPUs with XSAVE and an empty CPUID leaf 0xD.1: QEMU 7.2 never ends a write that sets CR4.OSXSAVE (docs/hypervisor-guide/testing.md)."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests, cpu):
        return boot_guests("one", "--", "-cpu", cpu)
