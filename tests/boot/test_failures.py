"""Boots that must fail, with the expected message and status."""
import re

import pytest

import harness
from checks import AnyRun

GOOD = """\
[global]
default=homestead
[homestead]
options=com1=115200,8n1 console=com1 loglvl=info
kernel=homestead.elf
dom0=dom0.elf
module=guests.cpio
"""

# case: (homestead.cfg, what the loader must print)
LOADER_CASES = {
    "unknown-keys": (GOOD.replace("module=", "modul=") + "ramdisk=x\n",
                     r"\EFI\BOOT\homestead.cfg: line 7: unknown key 'modul'; line 8: unknown key 'ramdisk'."),
    "missing-file": (GOOD.replace("guests.cpio", "nothere.cpio"), r"cannot open \EFI\BOOT\nothere.cpio: not found."),
    "no-section": (GOOD.replace("default=homestead", "default=other"),
                   r"\EFI\BOOT\homestead.cfg: there is no section [other]; the file has [homestead]."),
    "no-dom0": (GOOD.replace("dom0=dom0.elf\n", ""), r"\EFI\BOOT\homestead.cfg: section [homestead] has no dom0=FILE."),
    "not-elf": (GOOD.replace("kernel=homestead.elf", "kernel=guests.cpio"), r"\EFI\BOOT\guests.cpio is not an ELF file."),
    "empty": ("", r"\EFI\BOOT\homestead.cfg is empty."),
    "foreign-elf": (GOOD.replace("kernel=homestead.elf", "kernel=dom0.elf"), r"\EFI\BOOT\dom0.elf "),
}


@pytest.mark.parametrize("case", sorted(LOADER_CASES))
class TestLoader:
    """The UEFI loader prints the reason and returns to the firmware, which starts its shell."""

    @pytest.fixture
    def run(self, case, tmp_path_factory):
        config = tmp_path_factory.getbasetemp() / f"{case}.cfg"
        config.write_text(LOADER_CASES[case][0])
        return harness.boot("--boot-config", config)

    def test_the_sentence(self, run, case):
        assert "homestead: " + LOADER_CASES[case][1] in run.text, run.tail()

    def test_back_to_the_firmware(self, run, case):
        refusal = run.text.index("homestead: not started, back to the firmware.")
        assert "Interactive Shell" in run.text[refusal:], run.tail()

    def test_status_and_last_line(self, run, case):
        run.expect_status(harness.NO_VERDICT)
        assert run.last_line() == "run-qemu: FAIL: the UEFI loader returned to the firmware, see above"

    def test_the_hypervisor_did_not_start(self, run, case):
        assert not run.facts, run.tail()


@pytest.mark.parametrize("options, sentence", [
    ("dom0_mem=2G", "wants 2048 MiB, more than the machine has: lower dom0_mem="),
    ("dom0_mem=600M dom0_nodes=1", "wants 600 MiB, more than is free on the nodes of dom0_nodes=: lower dom0_mem="),
])
def test_a_domain_0_that_does_not_fit(options, sentence):
    run = harness.boot("--direct", "--mem", "1G", "--cmdline", options)
    assert f"Domain 0: {sentence} (error 12)" in run.lines, run.tail()
    run.expect_status(harness.PANIC)


def test_a_bzimage_is_refused(tmp_path):
    """With the command that helps; tests/unit/tools/extract_kernel_test.py runs that."""
    image = tmp_path / "vmlinuz"
    image.write_bytes(b"MZ".ljust(514, b"\0") + b"HdrS" + bytes(5000))
    run = harness.boot("--direct", "--dom0", image)
    assert ("Domain 0: the image is a bzImage; give the ELF file in it, from tools/extract-kernel.sh VMLINUZ VMLINUX (error 8)"
            in run.lines), run.tail()
    run.expect_status(harness.PANIC)


def test_too_little_memory_for_the_module(tmp_path):
    """The size that it names is enough, and one MiB less is not."""
    module = tmp_path / "module"
    module.write_bytes(bytes(20 << 20))

    def boot(*options):
        return harness.boot("--direct", "--cmdline", *options, "--", "-initrd", f"build/guest/dom0.elf,{module}")

    run = boot("dom0_mem=8M")
    found = re.search(r"^Domain 0: 8 MiB are too little: the module does not fit after the image, below 4 GiB; "
                      r"dom0_mem=(\d+)M is the least \(error 28\)$", run.text, re.M)
    assert found, run.tail()
    run.expect_status(harness.PANIC)
    least = int(found[1])
    assert "Domain 0        module at" in boot(f"dom0_mem={least}M").text
    assert f"Domain 0: {least - 1} MiB are too little" in boot(f"dom0_mem={least - 1}M").text


# case: (options, seconds, status, the last line)
FAILED = {
    # Domain 0 is not an ELF image.
    "panic": (("--", "-initrd", "build/guest/default.cpio"), harness.BOOT_TIMEOUT, harness.PANIC, "the hypervisor panicked"),
    # The CPU does not run at all.
    "timeout": (("--", "-S"), 2, harness.TIMEOUT, "timeout after 2 s"),
}


@pytest.mark.parametrize("case", FAILED, scope="class")
class TestFailed(AnyRun):
    """Without a verdict a run fails, and the last line says why."""

    @pytest.fixture(scope="class")
    def run(self, case):
        options, seconds, *_ = FAILED[case]
        return harness.boot("--direct", *options, timeout=seconds)

    def test_status_and_last_line(self, run, case):
        *_, status, why = FAILED[case]
        run.expect_status(status)
        assert run.last_line() == f"run-qemu: FAIL: {why}" and not run.all("verdict")

    def test_the_panic_has_its_reason(self, run, case):
        assert ["domain 0" in fact["reason"].lower() for fact in run.all("panic")] == [True] * (case == "panic")
