"""What runs in Bochs: jobs of the boot tests, with their checks, by another implementation of hardware virtualization."""
import re

import pytest

import harness
import linux_guests as linux
import test_guest_smp
import test_guests
import test_hostile
import test_selftest
from checks import AnyRun, GoodRun, MainJob

# In an SVM guest Bochs 2.7 ends itself at a triple fault, takes no interrupt that ends a guest which was entered with
# interrupts off, and delivers a virtual interrupt only after the guest has changed its interrupt flag. Not on AMD:
ONLY_VMX = ("haswell", "skylake_x")


@pytest.fixture(scope="session")
def main_guests(tmp_path_factory):
    return harness.guests_on(tmp_path_factory.mktemp("main"), [0, 1], mib=MainJob.mib)


class TestMainJob(MainJob):
    @pytest.fixture(scope="class")
    def run(self, bochs, main_guests):
        return bochs("--guests", main_guests)


class TestByUefi(MainJob):
    machines = ("ryzen", "haswell")

    @pytest.fixture(scope="class")
    def run(self, bochs, main_guests):
        return bochs("--uefi", "--guests", main_guests)


class TestX2apicByFirmware(GoodRun):
    """The firmware leaves the boot CPU in x2APIC mode, the others in xAPIC mode: all get into x2APIC mode."""

    machines = ONLY_VMX

    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs("--x2apic", guests="tiny")

    def test_all_cpus_in_that_mode(self, run, cpus):
        assert re.search(rf"^CPUs +{cpus} found, {cpus} online, x2APIC mode$", run.text, re.M), run.tail()


class TestSelf(test_selftest.SelfTest):
    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs("--dom0", "build/guest/selftest.elf")

    @pytest.fixture
    def skipped(self):
        return []


def hostile(attacks):
    return "--dom0", "build/guest/hostile.elf", "--dom0-args", "attack=" + "+".join(attacks) + " calls=300"


class TestMeasures(GoodRun):
    """Measures against leaks around guests, which the debug build takes on any CPU. Bochs' models have none of the
    registers, and its log has each access."""

    @pytest.fixture(scope="class")
    def kept(self, tmp_path_factory):
        return tmp_path_factory.mktemp("measures")

    @pytest.fixture(scope="class")
    def run(self, bochs, kept):
        return bochs("--kernel", "build/debug/homestead", "--cmdline", "test_spec_ctrl=0-7", "--keep", kept, guests="tiny")

    def test_registers_before_and_after_each_guest(self, run, kept, cpus):
        log = (kept / "log").read_text(errors="replace")
        spec_ctrl, pred_cmd, flush_cmd = (len(re.findall(rf"WRMSR: Unknown register {msr}$", log, re.M))
                                          for msr in ("0x48", "0x49", "0x10b"))
        assert flush_cmd > 100, run.tail()
        # Once on each CPU, and twice an entry, the last of which may end with the machine.
        assert 0 <= cpus + 2 * flush_cmd - spec_ctrl <= cpus, (spec_ctrl, flush_cmd)
        # After the guest's exits, and when a CPU changes domains; domain 0's exits are spared.
        assert 0 < pred_cmd < flush_cmd, (pred_cmd, flush_cmd)


# Attacks that need one vCPU only.
ALONE = ["instructions", "tables", "claims", "offline", "pod", "grants", "fifo"]


class TestAttacksByOneVcpu(AnyRun):
    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs("--cmdline", "loglvl=error dom0_max_vcpus=1", *hostile(ALONE))

    def test_status(self, run):
        run.expect_status(harness.PASS)

    @pytest.mark.parametrize("name", ALONE)
    def test_the_attack(self, run, name):
        assert run.one("attack", name=name)["result"] == "ok", run.tail()


class TestModes(test_guests.TestModes):
    """A guest that crashes, two that loop, with interrupts off and on, and others."""

    machines = ONLY_VMX

    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs(guests="modes")


class TestLinux(GoodRun):
    """Debian's Linux to its shell, whose script checks the vCPUs and the node, and powers off. One CPU: Bochs then runs it in half of the time."""

    machines = ("haswell",)

    @pytest.fixture(scope="class")
    def run(self, bochs, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp("linux"))
        linux.config(directory, "linux", memory=160, nodes=[1], run="cpus,nodes")
        return bochs("--cpus", "1:1:1", "--guests", directory, timeout=1800)

    def test_its_checks(self, run):
        linux.assert_all_ok(run, run.domain("linux"), "cpus,nodes")


class TestSmpGuests(test_guest_smp.GuestSmp):
    machines = ONLY_VMX

    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs(guests="smp")

    @pytest.fixture
    def guests(self):
        return {"eight": 8, "two-nodes": 8}


class TestAttacksOfDomain0(test_hostile.AttacksOfDomain0):
    machines = ONLY_VMX

    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs("--cmdline", "loglvl=error dom0_max_vcpus=3", *hostile(test_hostile.DOMAIN_0))


class TestAttacksOfGuests(test_hostile.AttacksOfGuests):
    machines = ONLY_VMX

    @pytest.fixture(scope="class")
    def run(self, bochs):
        return bochs(guests="attacks")
