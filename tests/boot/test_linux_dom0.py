"""Debian's Linux as domain 0, with Debian's xl: the front door runs the short form of guest/linux-dom0/checks, and gives a shell. The
long form, also on Xen, is `make xl-test` (tests/linux-dom0/). Skipped if Debian's packages cannot be had."""
import os
import pty
import re

import pexpect
import pytest

import harness
import linux_guests
from checks import AnyRun

CHECKS = harness.ROOT / "guest" / "linux-dom0" / "checks"
TOOLSTACK = harness.ROOT / "build" / "toolstack"
# What is not there without Debian's libxen-dev and ocaml-nox.
OPTIONAL = {"hsctl": TOOLSTACK / "hsctl", "ocaml": TOOLSTACK / "ocaml-builder"}
SHORT = re.search(r"^SHORT=(\S+)$", CHECKS.read_text(), re.M).group(1).split(",")


def packages():
    linux_guests.kernel()
    linux_guests.dom0_packages()


class TestFrontDoor(AnyRun):
    """./run-qemu.sh --linux-dom0 --test"""

    @pytest.fixture(scope="class")
    def run(self):
        packages()
        return harness.boot("--direct", *harness.documented("./run-qemu.sh --linux-dom0 --test"), timeout=900)

    def test_it_passes(self, run):
        run.expect_status(harness.PASS)
        assert run.last_line() == "run-qemu: PASS"

    @pytest.mark.parametrize("check", [*SHORT, "memory", "summary"])
    def test_check(self, run, check):
        found = run.all("xl", check=check)
        expected = "skipped" if check in OPTIONAL and not OPTIONAL[check].exists() else "ok"
        assert [fact["result"] for fact in found] == [expected], run.tail(150)


class TestShell(AnyRun):
    """./run-qemu.sh --linux-dom0, booted by UEFI: a shell of domain 0 in which somebody looks around."""

    @pytest.fixture(scope="class")
    def run(self):
        packages()
        shell = linux_guests.Guests(*harness.documented("./run-qemu.sh --linux-dom0"), "--cmdline", "dom0_max_vcpus=1", timeout=480)
        shell.wait(rb"dom0# ")
        shell.child.send(b"xl list\n")
        shell.wait(rb"Domain-0 +0 +640 +1 ")
        shell.child.send(b"exit\n")
        return shell.end()

    def test_it_passes(self, run):
        run.expect_status(harness.PASS)

    def test_it_says_what_can_be_done(self, run):
        assert "xl create -c guests/linux.cfg" in run.text


def test_the_keys_that_end_a_run():
    """Those that the script names on a terminal, where Ctrl-C is domain 0's."""
    packages()
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as error:
        pytest.skip(f"no terminal: {error}")
    command = harness.command_of(("--timeout", 240, "--direct", "--linux-dom0"))
    terminal = pexpect.spawn(command[0], command[1:], cwd=str(harness.ROOT), timeout=300)
    terminal.expect_exact("keys go to domain 0, where exit ends the run; three times Ctrl-A, then R, ends it at once")
    terminal.expect_exact("@boot tsc_entry=")
    terminal.send("\x01\x01\x01")
    terminal.expect_exact("keys go to the hypervisor")
    terminal.send("R")
    terminal.expect_exact("@end how=reboot")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == harness.NO_VERDICT


def test_too_little_memory_for_the_initramfs():
    """A size in which not even the image and the module have room is refused with the least that is taken. With that Linux cannot
    unpack its initramfs: Homestead has said so before, and Linux's end is the end of the run."""
    packages()
    small = harness.boot("--direct", "--linux-dom0", "--cmdline", "dom0_mem=64M")
    least = re.search(r"^Domain 0: 64 MiB are too little: .*; dom0_mem=(\d+)M is the least \(error 28\)$", small.text, re.M)
    assert least, small.tail()
    small.expect_status(harness.PANIC)
    run = harness.boot("--direct", "--linux-dom0", "--cmdline", f"dom0_mem={least[1]}M", timeout=240)
    wanted = re.search(rf"^warning: domain 0 has {least[1]} MiB, which may be too little to unpack its initramfs: dom0_mem=(\d+)M$",
                       run.text, re.M)
    assert wanted and int(wanted[1]) > int(least[1]), run.tail()
    assert "Domain 0 has crashed." in run.lines, run.tail()
    run.expect_status(harness.FAIL)
