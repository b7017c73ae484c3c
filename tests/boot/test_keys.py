"""The debug console: keys typed while a guest loops, and while a CPU is stuck that holds the console."""
import re
import time

import pytest

import harness
from checks import AnyRun

SWITCH = b"\x01\x01\x01"
LOOPING = rb"looping for ever"


class Typist(harness.Console):
    """A run with input on its console."""

    def __init__(self, tmp_path_factory, guests, *options):
        directory = harness.guest_dir(guests, tmp_path_factory.mktemp(guests))
        super().__init__("--direct", "--guests", directory, *options)
        self.type = self.child.send

    def key(self, key):
        """Presses the key and waits for the end of its output."""
        self.type(key.encode())
        self.wait(rb"@key key=" + key.encode() + rb"\r?\n")


def section(run, key):
    """The first output of that key."""
    start = next(i for i, line in enumerate(run.lines) if line.startswith(f"--- {key}: "))
    stop = next(i for i in range(start, len(run.lines)) if run.lines[i] == f"@key key={key}")
    return run.lines[start + 1:stop]


def typed(tmp_path_factory, pause, *options):
    typist = Typist(tmp_path_factory, "looping", *options)
    typist.wait(LOOPING)
    pause(typist)
    typist.type(SWITCH)
    typist.wait(b"keys go to the hypervisor")
    for key in "hmdvceltk":
        typist.key(key)
    typist.type(b"z" + SWITCH)
    typist.wait(b"keys go to domain 0")
    typist.type(b"h" + SWITCH)  # this h is domain 0's
    typist.wait(b"keys go to the hypervisor")
    typist.type(b"R")
    return typist.end()


class Keys(AnyRun):
    def test_help_lists_every_key(self, run):
        assert [line.split()[0] for line in section(run, "h")[:-1]] == list("Rcdehklmtv")

    def test_memory_of_nodes(self, run):
        rows = [line.split() for line in section(run, "m") if re.match(r" +\d+ +\d+ +\d+ +\d+ ", line)]
        assert [int(row[0]) for row in rows] == [0, 1]
        for row, node in zip(rows, run.all("node")):
            pages, free, clean, dirty, scrubbing, claimed, *pieces = map(int, row[1:10])
            assert pages >= node["pages"] and claimed == 0 and clean + dirty == free < pages
            assert sum(pieces) == free >= scrubbing  # what is being cleaned is free, and counts where it will be

    def test_memory_of_the_guest(self, run):
        lines = section(run, "m")
        at = next(i for i, line in enumerate(lines) if line.startswith("d1 "))
        pages = run.one("populated", domain=1)["pages"]
        assert lines[at].split()[:4] == ["d1", "all", str(pages), "0"]
        assert lines[at + 1].split() == ["1", str(pages), "0"]  # all on node 1

    def test_domains(self, run):
        domains = section(run, "d")
        assert [line.split()[0] for line in domains] == ["d0", "d1"]
        assert all(line.split()[1] == "running" for line in domains), domains

    def test_the_looping_vcpu(self, run):
        row = next(line for line in section(run, "v") if line.startswith("d1v0")).split()
        assert row[1] == "running" and re.search(r"rip 0x[0-9a-f]+$", " ".join(row)), row
        assert int(row[4]) > 100  # ms on a CPU

    def test_cpus(self, run):
        assert [line.split()[1] for line in section(run, "c") if line.startswith("CPU")] == ["0", "1", "2", "3"]

    def test_exits(self, run):
        last = section(run, "e")[-1]
        assert last.startswith("all") and int(re.search(r"hypercall (\d+)", last)[1]) > 100

    def test_locks(self, run):
        lines = section(run, "l")
        for kind in ("domain list", "grant table", "account", "claimants", "node", "run queue", "timers", "wall clock", "console output"):
            assert any(re.match(rf"{kind} +\d+, 0 held$", line) for line in lines), (kind, lines)

    def test_memory_is_checked(self, run):
        assert section(run, "k") == [self.CHECKED]

    def test_topology(self, run):
        lines = section(run, "t")
        assert any(re.match(r"node 1 +PXM 1 +CPUs 2-3 \(2\)$", line) for line in lines), lines
        assert "distances from 1   20 10" in lines

    def test_an_unknown_key_is_named(self, run):
        assert run.text.count("no key 'z'") == 1

    def test_outside_keys_do_nothing(self, run):
        assert len(run.all("key", key="h")) == 1

    def test_reboot(self, run):
        assert run.one("end")["how"] == "reboot"
        run.expect_status(harness.NO_VERDICT)


class TestLoopingGuest(Keys):
    CHECKED = "0 faults"

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        return typed(tmp_path_factory, lambda typist: time.sleep(1))

    def test_no_cpu_is_stuck(self, run):
        assert not any("STUCK" in line for line in section(run, "c"))


class TestStuckCpu(Keys):
    """The CPU that polls the serial line and runs domain 0 stops while it holds the console."""

    CHECKED = "not checked: a CPU is busy for too long, or another check is under way"

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        def pause(typist):
            typist.wait(rb"CPU 0 stops here")
            time.sleep(3)  # then it counts as stuck

        return typed(tmp_path_factory, pause, "--cmdline", "test_stuck=0 watchdog=0", *harness.DEBUG_BUILD)

    def test_it_is_named(self, run):
        stuck = [line for line in section(run, "c") if line.endswith("STUCK")]
        assert len(stuck) == 1 and stuck[0].startswith("CPU 0 "), section(run, "c")

    def test_its_backtrace_is_printed(self, run):
        lines = section(run, "c")
        assert any("NMI on CPU 0" in line for line in lines), lines
        assert any(re.search(r" hang\+0x", line) for line in lines), lines

    def test_another_cpu_serves_the_keys(self, run):
        headers = [line for line in run.lines if line.startswith("--- ")]
        assert headers and not any(line.endswith("(CPU 0)") for line in headers), headers


class TestOneCpu(AnyRun):
    """A guest that never yields the only CPU."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        typist = Typist(tmp_path_factory, "looping", "--cpus", 1)
        typist.wait(LOOPING)
        typist.type(SWITCH)
        typist.key("c")
        typist.type(b"R")
        return typist.end()

    def test_it_is_served(self, run):
        assert len([line for line in section(run, "c") if line.startswith("CPU 0 ")]) == 1


class TestSwitchedOff(AnyRun):
    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        typist = Typist(tmp_path_factory, "one", "--cmdline", "debugkeys=no")
        typist.wait(rb"event=started")
        typist.type(SWITCH + b"R")
        return typist.end()

    def test_the_run_goes_on(self, run):
        run.expect_status(harness.PASS)
        assert "Debug console" not in run.text and "keys go to" not in run.text
