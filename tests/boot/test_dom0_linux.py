"""The kernel of Debian's linux-image-amd64 as domain 0, with nothing but busybox: boots by Multiboot and UEFI, vCPUs that come and go,
the console in both directions, and every way to end. Debian's tools of Xen are test_linux_dom0.py's.

The files are vmlinux (or vmlinuz*, which is extracted) and busybox (or root/bin/busybox) of $DOM0_LINUX_DIR, else of
build/linux-dom0 (tools/get-linux-dom0.sh). Without them the tests are skipped."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import harness
import linux_guests
from checks import AnyRun

INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
dmesg -n 1
stty cols 500
echo "@linux check=started"
PS1='dom0> ' exec sh
"""
CPU = "/sys/devices/system/cpu"


def first(directory, *patterns):
    return next((path for pattern in patterns for path in sorted(directory.glob(pattern)) if path.is_file()), None)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(the kernel, an initramfs)."""
    source = pathlib.Path(os.environ.get("DOM0_LINUX_DIR") or linux_guests.dom0_packages())
    kernel, busybox = first(source, "vmlinux", "vmlinuz*"), first(source, "busybox", "root/bin/busybox")
    if not kernel or not busybox:
        pytest.skip(f"{source} has no vmlinux or no busybox: ./run-qemu.sh --linux-dom0 downloads them, or set DOM0_LINUX_DIR")
    made = tmp_path_factory.mktemp("dom0")
    if kernel.name != "vmlinux":
        subprocess.run([harness.ROOT / "tools" / "extract-kernel.sh", kernel, made / "vmlinux"], check=True)
        kernel = made / "vmlinux"
    root = made / "root"
    for name in ("bin", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    (root / "init").write_text(INIT)
    for program in (root / "init", root / "bin" / "busybox"):
        program.chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    archive = made / "initramfs"
    with archive.open("wb") as out:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=out, check=True)
    return kernel, archive


class Shell(harness.Console):
    """Types commands at hvc0."""

    def __init__(self, files, vcpus, *options, words=""):
        super().__init__("--dom0", files[0], "--guests", files[1], "--mem", "1G", "--dom0-args", f"console=hvc0 {words}".strip(),
                         "--cmdline", f"dom0_max_vcpus={vcpus}", *options, timeout=harness.BOOT_TIMEOUT)
        self.wait(rb"@linux check=started")
        self.wait(rb"dom0> ")

    def type(self, command):
        self.child.send(command.encode() + b"\n")

    def ask(self, command):
        """What it prints, without the echo of the line."""
        start = len(self.raw)
        self.type(command)
        self.wait(rb"dom0> ")
        lines = harness.clean(self.raw[start:])
        return "\n".join(lines[1:-1])


class TestFourCpus(AnyRun):
    """By Multiboot. Everything that does not end it is done here."""

    @pytest.fixture(scope="class")
    def run(self, files):
        shell = Shell(files, 4, "--direct")
        answers = {
            "echo": shell.ask("echo one two"),
            "online": shell.ask(f"cat {CPU}/online"),
            "off": shell.ask(f"for c in 3 1 2; do echo 0 > {CPU}/cpu$c/online; done; cat {CPU}/online"),
            "on": shell.ask(f"for c in 2 1 3; do echo 1 > {CPU}/cpu$c/online; done; cat {CPU}/online; nproc"),
            "each": shell.ask("for c in 0 1 2 3; do taskset -c $c sh -c 'echo ran'; done"),
            "iomem": shell.ask("cat /proc/iomem"),
            "dmesg": shell.ask("dmesg"),
            "pcpu": shell.ask("cat /sys/devices/system/xen_cpu/xen_cpu*/online"),
            "interrupts": shell.ask("grep hvc_console /proc/interrupts"),
            "set": shell.ask("date -u -s 2030-01-02 >/dev/null; date -u +%F"),
        }
        shell.type("poweroff -f")
        run = shell.end()
        run.answers = answers
        return run

    def test_it_ends(self, run):
        assert run.one("end")["how"] == "poweroff"
        assert run.status == harness.NO_VERDICT, run.tail()

    @pytest.mark.parametrize("name, answer", [("echo", "one two"), ("online", "0-3"), ("off", "0"), ("on", "0-3\n4"),
                                              ("each", "ran\nran\nran\nran"), ("pcpu", "1\n1\n1"), ("set", "2030-01-02")])
    def test_answer(self, run, name, answer):
        assert run.answers[name] == answer

    def test_typing_is_an_interrupt(self, run):
        assert int(run.answers["interrupts"].split()[1]) > 0

    def test_the_tables_are_found(self, run):
        for table in ("XSDT 0x00000000000E0030", "FACP 0x00000000000E0080", "APIC 0x"):
            assert f"ACPI: {table}" in run.answers["dmesg"]
        assert "smpboot: Allowing 4 CPUs, 0 hotplug CPUs" in run.answers["dmesg"]

    def test_foreign_frames_have_a_place(self, run):
        """Where Linux will map other domains' memory: space that the memory map says nothing about."""
        assert re.search(r"^[0-9a-f]+-[0-9a-f]+ : Xen scratch$", run.answers["iomem"], re.M), run.answers["iomem"]

    def test_nothing_is_wrong(self, run):
        """What the kernel says of errors is known."""
        harmless = ("Fast TSC calibration failed", "calibrate_delay_direct() failed", "this is not a bug", "and report a bug",
                    "xen_mcelog: Failed to get CPU numbers", "PCI: Fatal: No config space access function found")
        for line in run.answers["dmesg"].splitlines():
            if re.search(r"\b(BUG|WARNING|fail(ed|ure)?|error|fatal|oops|panic|unable)\b", line, re.I):
                assert any(text.lower() in line.lower() for text in harmless), line


class TestReboot(AnyRun):
    """By UEFI, two vCPUs."""

    @pytest.fixture(scope="class")
    def run(self, files):
        shell = Shell(files, 2)
        shell.online = shell.ask(f"cat {CPU}/online")
        shell.type("reboot -f")
        run = shell.end()
        run.online = shell.online
        return run

    def test_it_had_two(self, run):
        assert run.online == "0-1"

    def test_it_ends(self, run):
        assert run.one("end")["how"] == "reboot"
        assert run.status == harness.NO_VERDICT, run.tail()


class TestPanic(AnyRun):
    """One vCPU."""

    @pytest.fixture(scope="class")
    def run(self, files):
        shell = Shell(files, 1, "--direct", words="panic=1")
        shell.type("dmesg -n 8; echo c > /proc/sysrq-trigger")
        return shell.end()

    def test_it_ends(self, run):
        assert run.one("end")["how"] == "crash"
        assert "Kernel panic - not syncing: sysrq triggered crash" in run.text
        assert "Domain 0 has crashed." in run.lines
