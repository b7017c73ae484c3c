"""Options as strangers write them, on the command line, in homestead.cfg and as UEFI's load options: what they cause, and
what is said of those that do not hold."""
import pathlib
import re
import shlex
import shutil
import struct
import subprocess

import pytest

import documented
import harness
from checks import AnyRun, GoodRun


class TestXensForms(GoodRun):
    """A line as GRUB's menus for Xen have it, and the console on two serial lines."""

    @pytest.fixture(scope="class")
    def second(self, tmp_path_factory):
        return tmp_path_factory.mktemp("serial") / "com2"

    @pytest.fixture(scope="class")
    def run(self, second):
        return harness.boot("--direct", "--nodes", 2, "--cpus", 2, "--cmdline",
                            "dom0_mem=128M,max:128M dom0_max_vcpus=1-2 loglvl=all/all console=vga,com1,com2 "
                            "com2=115200,8n1,0x2f8,3 x2apic=off watchdog iommu=verbose dom0_nodes=0 sync_console "
                            "dom0_nodes=1,0x -- only=near slack=1O root=/dev/sda", "--", "-serial", f"file:{second}")

    def test_domain_0_has_what_was_asked_for(self, run):
        assert "Domain 0           128 MiB on node 0" in run.text, run.tail()

    def test_it_has_a_vcpu_for_each_cpu_within_the_bounds(self, run):
        assert "dom0      2 vCPUs, each can build a guest" in run.lines

    def test_what_follows_two_dashes_reaches_it(self, run):
        assert run.names() == ["near"]

    def test_it_names_what_it_cannot_use(self, run):
        assert [line for line in run.lines if line.startswith(("dom0: ", "slack="))] == [
            "slack= needs a number, not '1O'", "dom0: unknown option 'root=/dev/sda' is ignored"]

    def test_each_word_that_does_not_hold_is_named_once(self, run):
        assert [line for line in run.lines if line.startswith(("warning: ", "option "))] == [
            "option console: 'vga,com1,com2' is taken: console=com1,com2 holds",
            "warning: unknown option 'iommu' is ignored",
            "warning: unknown option 'sync_console' is ignored",
            "warning: option dom0_nodes: cannot use '1,0x' (nodes such as 0 or 1,3-5); domain 0's memory is on node 0, "
            "its vCPUs prefer CPUs there",
        ]

    def test_both_lines_have_all_of_the_output(self, run, second):
        lines = harness.clean(second.read_bytes())
        begin = next(i for i, line in enumerate(run.lines) if line.startswith("Homestead 0.1"))
        end = next(i for i, line in enumerate(run.lines) if line.startswith("@end"))
        assert end - begin > 40
        assert "\n".join(run.lines[begin:end + 1]) in "\n".join(lines)


class TestNobodyAnswers(GoodRun):
    """The only serial line asked for is not there: the output and the complaint are where there is one."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("tiny", "--nodes", 1, "--cpus", 1, "--cmdline", "com1=115200,8n1,0x2f8,3")

    def test_the_complaint(self, run):
        assert [line for line in run.lines if line.startswith("warning: ")] == [
            "warning: com1: no serial line answers at 0x2f8: printing on 0x3f8 and 0x2f8"]


class TestSecondLineOnly(GoodRun):
    """com1= and console=com2: nothing is printed on the first line."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        # What is on the first line in QEMU is read here: the ports are exchanged.
        return boot_guests("tiny", "--nodes", 1, "--cpus", 1, "--cmdline",
                           "com1=115200,8n1,0x2f8 com2=auto,8n1,0x3f8,msi console=com2", "--", "-serial", "none")

    def test_nothing_is_refused(self, run):
        assert not [line for line in run.lines if line.startswith("warning: ")], run.tail()


class TestX2apicWanted(GoodRun):
    """x2APIC mode is there then, or a warning says that there is none: QEMU 7.2 has none."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("tiny", "--nodes", 1, "--cpus", 2, "--cmdline", "x2apic")

    def test_it_is_entered_or_missing(self, run):
        missing = "warning: this CPU has no x2APIC mode" in run.lines
        assert missing != any(re.fullmatch("CPUs .*, x2APIC mode", line) for line in run.lines), run.tail()


TWO_SECTIONS = """\
# One for every day, one for rescue.
[global]
default=normal
[normal]
options=com1=115200,8n1 console=com1 loglvl=info
dom0=dom0.elf
module=default.cpio
[safe]
options=com1=115200,8n1 console=com1 loglvl=info maxcpus=1 numa=off # as little as possible
dom0=dom0.elf quiet
module=guests.cpio
"""


class TestLoadOptions(GoodRun):
    """The loader is started three times from the shell: twice with what is not there, then with what is."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        config = tmp_path_factory.mktemp("config") / "two.cfg"
        config.write_text(TWO_SECTIONS)
        guests = harness.guest_dir("tiny", tmp_path_factory.mktemp("tiny"))
        return harness.boot("--boot-config", config, "--guests", guests, "--load-options", "nosuch", "--load-options",
                            "-cfg=none.cfg safe", "--load-options", "-basevideo -q root=/dev/sda safe -- maxcpus=3 idle_scrub=no")

    def test_a_section_that_is_not_there(self, run):
        assert r"homestead: \EFI\BOOT\homestead.cfg: there is no section [nosuch]; the file has [normal], [safe]." in run.lines

    def test_a_file_that_is_not_there(self, run):
        assert r"homestead: cannot open \EFI\BOOT\none.cfg: not found." in run.lines

    def test_words_without_effect_are_named(self, run):
        assert [line for line in run.lines if line.startswith("homestead: warning: ")] == [
            "homestead: warning: load option '-basevideo' has no effect here.",
            "homestead: warning: load option '-q' has no effect here.",
            "homestead: warning: load option 'root=/dev/sda' is not used: the section is [safe]."]

    def test_the_section_and_its_options_hold_and_then_those_given(self, run):
        assert "homestead: starting homestead.elf of section [safe]" in run.text
        assert "Options         com1=115200,8n1 console=com1 loglvl=info maxcpus=1 numa=off maxcpus=3 idle_scrub=no" in run.lines
        assert run.one("cpus") == {"found": 4, "online": 3} and len(run.all("node")) == 1
        assert run.names() == ["tiny"]

    def test_the_hypervisor_refuses_nothing(self, run):
        assert not [line for line in run.lines if line.startswith(("warning: ", "option "))]


# Debian's and Ubuntu's names of the same.
CODE = next((name for name in ("OVMF_CODE.fd", "OVMF_CODE_4M.fd") if (pathlib.Path("/usr/share/OVMF") / name).exists()), None)
GLOBAL_VARIABLES = "-guid 8be4df61-93ca-11d2-aa0d-00e098032b8c -bs -rt -nv"  # UEFI 2.10, 3.3


def boot_entry(path, description, optional):
    """An EFI_LOAD_OPTION (UEFI 2.10, 3.1.3) for a file on any volume."""
    path = (path + "\0").encode("utf-16-le")
    devices = struct.pack("<BBH", 4, 4, 4 + len(path)) + path + struct.pack("<BBH", 0x7F, 0xFF, 4)
    return struct.pack("<IH", 1, len(devices)) + (description + "\0").encode("utf-16-le") + devices + optional


class TestBootEntry(AnyRun):
    """A boot entry with load options, as efibootmgr -u makes it: the firmware passes no name in front."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        place = tmp_path_factory.mktemp("entry")
        entry = boot_entry(r"\EFI\BOOT\homestead.efi", "rescue", "safe -- maxcpus=2\0".encode("utf-16-le"))
        (place / "startup.nsh").write_text(f"setvar Boot0009 {GLOBAL_VARIABLES} ={entry.hex()}\r\n"
                                           f"setvar BootNext {GLOBAL_VARIABLES} =0900\r\nreset\r\n")
        (place / "homestead.cfg").write_text(TWO_SECTIONS)
        guest = harness.ROOT / "build/guest"
        subprocess.run([harness.ROOT / "tools/mkesp.sh", "--startup", place / "startup.nsh", place / "esp.img",
                        harness.ROOT / "build/BOOTX64.EFI", place / "homestead.cfg", harness.ROOT / "build/homestead.elf",
                        guest / "dom0.elf", f"{guest / 'default.cpio'}=guests.cpio"], check=True)
        shutil.copy(f"/usr/share/OVMF/{CODE.replace('CODE', 'VARS')}", place / "vars")
        qemu = shlex.split(subprocess.run([harness.ROOT / "run-qemu.sh", "--dry-run"], check=True, stdout=subprocess.PIPE,
                                          universal_newlines=True).stdout)
        qemu.remove("-no-reboot")
        at = qemu.index("-bios")  # variables must survive the reset
        qemu[at:at + 2] = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/{CODE}",
                           "-drive", f"if=pflash,unit=1,format=raw,file={place}/vars"]
        qemu = [re.sub("file=[^,]*esp.img", f"file={place}/esp.img", word).replace(",bootindex=0", "") for word in qemu]
        done = subprocess.run(["timeout", "-k", "5", str(harness.BOOT_TIMEOUT), *qemu], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, cwd=harness.ROOT)
        return harness.Run(done.stdout, done.returncode, " ".join(qemu))

    def test_it_passes(self, run):
        assert run.status == 33 and run.one("verdict")["result"] == "PASS", run.tail()

    def test_the_section_and_the_options_hold(self, run):
        assert "homestead: starting homestead.elf of section [safe]" in run.text and "homestead: warning" not in run.text
        assert run.one("cpus") == {"found": 4, "online": 2} and len(run.all("node")) == 1


class TestUsbStick(GoodRun):
    """The image of docs/tutorials/bare-metal.md."""

    page = "docs/tutorials/bare-metal.md"

    @pytest.fixture(scope="class")
    def run(self):
        documented.documented("make")
        documented.documented("tools/mkesp.sh build/usb.img build/BOOTX64.EFI docs/samples/usb-stick/homestead.cfg build/homestead.elf "
                              "build/guest/dom0.elf build/guest/default.cpio")
        return harness.boot(*harness.documented("./run-qemu.sh --esp build/usb.img"))

    def test_the_default_guests_run(self, run):
        assert run.names() == ["near", "far"]

    def test_the_page_shows_it(self, run):
        documented.compare(self.page, "./run-qemu.sh --esp build/usb.img", run.lines)

    def test_the_options_for_the_first_boot_exist(self):
        page = (harness.ROOT / self.page).read_text()
        options = (harness.ROOT / "docs/hypervisor-guide/options.md").read_text()
        table = page[page.index("## Options for the first boot"):page.index("All options are")]
        names = re.findall(r"`([a-z0-9]{2,})(?:=[^`]*)?`", table)
        assert len(names) >= 7 and all(f"\n| `{name}` |" in options for name in names), names

    def test_the_help_names_the_files(self):
        readme = (harness.ROOT / "docs/samples/usb-stick/homestead.cfg").read_text()
        text = (harness.ROOT / "run-qemu.sh").read_text()
        named = re.search(r"--boot-config FILE.*?--load-options", text, re.S)[0]
        for name in re.findall(r"^(?:kernel|dom0|module)=(\S+)", readme, re.M):
            assert name in named and name in (harness.ROOT / "docs/hypervisor-guide/options.md").read_text()
