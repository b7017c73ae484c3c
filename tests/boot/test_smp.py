"""Starting all CPUs: different numbers, CPUs that do not start, and the output after a failure."""
import re

import pytest

import harness
import monitor
from checks import AnyRun, GoodRun


# 255 is the maximum for 8-bit APIC ids.
@pytest.mark.parametrize("cpus,nodes", [(1, 1), (2, 1), (4, 2), (16, 4), (64, 16), (255, 8)], scope="class")
class TestCounts(GoodRun):
    """Every CPU of the machine runs, has the next free number, and is on its node."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests, cpus, nodes):
        return boot_guests("tiny", "--cpus", cpus, "--nodes", nodes, "--mem", "1G")

    def test_all_are_online(self, run, cpus):
        assert run.one("cpus") == {"found": cpus, "online": cpus}
        assert all(f["state"] == "online" for f in run.all("cpu"))

    def test_each_has_a_line(self, run, cpus):
        assert [f["id"] for f in run.all("cpu")] == list(range(cpus))
        assert sorted(f["apic_id"] for f in run.all("cpu")) == list(range(cpus))

    def test_the_boot_cpu_is_first(self, run):
        assert run.one("cpu", id=0)["apic_id"] == 0

    def test_nodes(self, run, cpus, nodes):
        """run-qemu.sh gives node i the i-th share."""
        for node in range(nodes):
            share = cpus // nodes + (node < cpus % nodes)
            assert len(run.all("cpu", node=node)) == share == run.one("node", id=node)["cpus"]

    def test_time_is_the_same(self, run):
        assert run.one("tsc") == {"sync": "yes", "max_skew": 0}

    def test_the_summary_is_short(self, run, cpus, nodes):
        about = [line for line in run.lines if re.match(r"  (CPU|Node) +\d+ ", line)]
        assert len(about) == (cpus if cpus <= 16 else nodes)


class TestFailed(GoodRun):
    """CPUs that do not start are reported and not used; they keep their numbers."""

    degraded = "cpus"

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("one", "--cpus", "6", "--cmdline", "test_cpu_fail=1,4", *harness.DEBUG_BUILD)

    def test_states(self, run):
        assert {f["id"]: f["state"] for f in run.all("cpu")} == {
            0: "online", 1: "failed", 2: "online", 3: "online", 4: "failed", 5: "online"}
        assert run.one("cpus") == {"found": 6, "online": 4}

    def test_they_are_in_no_nodes_count(self, run):
        assert [n["cpus"] for n in run.all("node")] == [2, 2]

    def test_the_verdict_says_so(self, run):
        assert "Degraded        cpus: less than the firmware describes, see the warnings above" in run.lines

    def test_a_sentence_each(self, run):
        for cpu, node in (1, 0), (4, 1):
            assert f"warning: CPU {cpu} (APIC {cpu}, node {node}) is left out: it did not come up" in run.lines


class TestMaxcpus(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("one", "--cpus", "4", "--cmdline", "maxcpus=3 test_panic=0")

    def test_a_release_build_knows_no_faults(self, run):
        assert "warning: unknown option 'test_panic' is ignored" in run.lines

    def test_the_rest_is_off(self, run):
        assert [f["state"] for f in run.all("cpu")] == ["online", "online", "online", "off"]
        assert run.one("cpus") == {"found": 4, "online": 3}


def section(run, start):
    """The backtrace after the line that starts with `start`."""
    at = next((i for i, line in enumerate(run.lines) if line.startswith(start)), None)
    assert at is not None, f"no line starts with '{start}'\n{run.tail()}"
    assert run.lines[at + 1] == "Backtrace:", run.tail()
    rest = run.lines[at + 2:]
    end = next(i for i, line in enumerate(rest) if not re.match(r"  [0-9a-f]{16}  ", line))
    return "\n".join(rest[:end])


def accounted(run):
    """The CPUs in the dump: those with a line of their own and those in the lists of idle and silent CPUs."""
    ids = {int(m.group(1)) for line in run.lines for m in [re.match(r"CPU (\d+) \(node \d+\): ", line)] if m}
    for line in run.lines:
        match = re.match(r"CPUs( [0-9 -]+): (idle|busy, too many to show|no answer to an NMI)$", line)
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", match.group(1)) if match else ():
            ids |= set(range(int(first), int(last or first) + 1))
    return ids


class TestPanic(AnyRun):
    """A panic on one CPU stops all CPUs and shows what each was doing."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("long", "--cpus", "5", "--cmdline", "test_panic=2", *harness.DEBUG_BUILD)

    def test_status(self, run):
        run.expect_status(harness.PANIC)

    def test_the_cpu_is_named(self, run):
        assert run.one("panic")["cpu"] == 2
        assert "PANIC on CPU 2: asked for by test_panic=" in run.lines
        assert "boot_run" in section(run, "PANIC on CPU 2")

    def test_every_other_cpu_is_accounted_for(self, run):
        assert accounted(run) == {0, 1, 3, 4}, run.tail()
        assert "no answer" not in run.text


class TestPanicOfMany(AnyRun):
    """If several CPUs panic at once, one prints its panic; the others are shown where they panicked."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("long", "--cpus", "64", "--cmdline", "test_panic=8-15", *harness.DEBUG_BUILD)

    def test_one_reports(self, run):
        run.expect_status(harness.PANIC)
        assert run.text.count("PANIC on CPU") == 1
        assert 8 <= run.one("panic")["cpu"] <= 15

    def test_all_are_stopped(self, run):
        assert accounted(run) == set(range(64)) - {run.one("panic")["cpu"]}, run.tail(100)
        assert "no answer" not in run.text


class TestLockup(AnyRun):
    """The watchdog of the next CPU detects a CPU that is locked up; its backtrace shows where."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("long", "--cpus", "3", "--cmdline", "test_lockup=1 watchdog=2", *harness.DEBUG_BUILD)

    def test_it_is_named(self, run):
        run.expect_status(harness.PANIC)
        assert run.one("panic") == {"cpu": 0, "reason": "CPU 1 is locked up: no sign of life for 2 s"}

    def test_where_it_is(self, run):
        assert "fail_as_wanted" in section(run, "CPU 1 (node "), run.tail()


class TestQuietWatchdog(GoodRun):
    """Looping guests and sleeping CPUs are not reported as lockups."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("modes", "--cpus", "4", "--cmdline", "watchdog=1")

    def test_the_guest_looped_longer_than_the_limit(self, run):
        assert ("timeout", -11) in run.events("loop")


LOOPING = rb"looping for ever\r?\n"


def nmi(qemu):
    qemu.command("inject-nmi")


def monitored(tmp_path_factory, name, steps, *options):
    """A direct boot with the guests of this name, and with the monitor."""
    directory = tmp_path_factory.mktemp(name)
    return monitor.boot(directory / "qmp", steps, "--direct", "--guests", harness.guest_dir(name, directory), *options)


class TestNmi(GoodRun):
    """An external NMI is reported by the CPU that gets it, and the run continues."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        # While the guest loops, domain 0 waits, so the report does not interrupt another line.
        return monitored(tmp_path_factory, "modes", [(LOOPING, nmi), (rb"NMI on CPU 0[^\n]*\n", nmi)], "--cpus", "2")

    def test_it_is_reported(self, run):
        lines = [line for line in run.lines if "NMI on CPU " in line]
        assert len(lines) == 2, run.text
        assert all(re.search(r"NMI on CPU 0 \(node 0\), port 0x61 reads 0x[0-9a-f]+, at \w+\+0x", line) for line in lines)


class TestNmiPanic(AnyRun):
    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        return monitored(tmp_path_factory, "long", [(LOOPING, nmi)], "--cpus", "4", "--cmdline", "nmi=panic")

    def test_it_panics(self, run):
        run.expect_status(harness.PANIC)
        assert run.one("panic") == {"cpu": 0, "reason": "NMI"}

    def test_the_guest_is_named(self, run):
        assert "guest d1v0" in run.text, run.tail()
        assert accounted(run) == {1, 2, 3}


class TestMachineCheck(AnyRun):
    """An uncorrected error on a sleeping CPU: bank, status and address are printed, and the run stops."""

    # VAL, UC, EN, MISCV, ADDRV, PCC; a cache error
    STATUS = 0xbe00000000000135

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        inject = lambda m: m.human(f"mce 3 4 {self.STATUS:#x} 0x5 0x12345678 0x8c")
        return monitored(tmp_path_factory, "long", [(LOOPING, inject)], "--cpus", "4")

    def test_it_panics(self, run):
        run.expect_status(harness.PANIC)
        assert run.one("panic") == {"cpu": 3, "reason": "machine check"}

    def test_what_is_printed(self, run):
        assert any(line.startswith("Machine check on CPU 3 (node 1): MCG_STATUS 5, at 0x") for line in run.lines), run.tail()
        assert "  CPU 3 bank 4: status be00000000000135, uncorrected, address 0x12345678, misc 0x8c" in run.lines, run.tail()

    def test_the_others_are_stopped(self, run):
        assert accounted(run) == {0, 1, 2}
        assert "no answer" not in run.text
