"""Linux as a guest: the front door, the checks that run in the guests, what a user can do to them, and bad images. The long
form (`make linux-test`, long_linux.py) has other kernels and larger guests. Without Debian's packages the tests are
skipped."""
import re
import shutil
import subprocess
import time

import pexpect
import pytest

import harness
import linux_guests as linux
from checks import AnyRun, GoodRun

FRONT_DOOR = "cpus,nodes,distances,date,memory,load,order"


class TestFrontDoor(GoodRun):
    """./run-qemu.sh --linux --test on four nodes: a guest a node, and one whose nodes are two of the machine's."""

    @pytest.fixture(scope="class")
    def run(self):
        linux.kernel()
        return harness.boot("--direct", "--nodes", 4, "--cpus", 4, "--mem", "4G", "--linux", "--test", timeout=600)

    def test_the_guests_are_there(self, run):
        assert sorted(run.names()) == ["node0", "node1", "node2", "node3", "linux"]

    @pytest.mark.parametrize("name", ["node0", "node1", "node2", "node3", "linux"])
    def test_all_checks(self, run, name):
        more = ",hotplug" if name == "linux" else ""
        linux.assert_all_ok(run, run.domain(name), FRONT_DOOR + more + ",dmesg")

    @pytest.mark.parametrize("node", range(4))
    def test_a_guest_has_its_node(self, run, node):
        domain = run.domain(f"node{node}")
        claim, populated = run.one("claim", domain=domain), run.one("populated", domain=domain)
        assert claim["node"] == populated["node"] == node and claim["pages"] == populated["pages"]
        assert all(vcpu["node"] == node for vcpu in run.all("vcpu", domain=domain))

    def test_two_nodes_of_the_guest_are_two_of_the_machine(self, run):
        """What Linux has found is what was claimed and what was populated: its node 0 on node 0, its node 1 on node 1."""
        domain = run.domain("linux")
        found = linux.Said(run).nodes[domain]
        claimed = {c["node"]: c["pages"] for c in run.all("claim", domain=domain)}
        populated = {p["node"]: p["pages"] for p in run.all("populated", domain=domain)}
        assert claimed == populated and sorted(found) == sorted(populated) == [0, 1]
        for node, pages in populated.items():
            # Linux counts no page that the memory map reserves: below 1 MiB, the tables, the console ring.
            assert pages - 160 <= found[node] <= pages, (found, populated)
        assert {v["id"]: v["node"] for v in run.all("vcpu", domain=domain)} == {0: 0, 1: 1}

    def test_they_lived_at_the_same_time(self, run):
        alive, most = 0, 0
        for fact in run.all("guest"):
            alive += {"started": 1, "destroyed": -1}.get(fact["event"], 0)
            most = max(most, alive)
        assert most >= 4


class TestShell(AnyRun):
    """./run-qemu.sh --linux: the first guest's shell."""

    @pytest.fixture(scope="class")
    def run(self):
        linux.kernel()
        shell = linux.Guests("--direct", "--mem", "1500M", "--linux")
        shell.wait(rb"linux# ")
        shell.child.send(b"nproc; cat /sys/devices/system/node/online\n")
        shell.wait(rb"2\r?\n0-1\r?\n")
        shell.escape(b"n", rb"foreground domain=\d+ name=node0")
        shell.child.send(b"\n")
        shell.wait(rb"node0# ")
        shell.child.send(b"poweroff\n")
        shell.wait(rb"@guest domain=\d+ event=shutdown code=0 name=node0")
        shell.child.send(linux.ESCAPE + b"x")
        return shell.end()

    def test_it_passes(self, run):
        run.expect_status(harness.PASS)

    def test_the_facts_are_shown(self, run):
        assert "available: 2 nodes (0-1)" in run.text
        assert re.search(r"node 1 cpus: 1 *\n", run.text) and re.search(r"  1:   20  10 *\n", run.text)


class TestClock(GoodRun):
    """Each vCPU's clock against the host's, ten seconds each; again while the domain is paused for three seconds. On a machine that does
    nothing else, or the lines would come late."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp("clock"))
        linux.config(directory, "clock", vcpus=2, nodes=[0], run="marks,cpus,marks", secs=10)
        guests = linux.Guests("--direct", "--cpus", 2, "--mem", "1G", "--guests", directory, "--cmdline", "dom0_mem=160M")
        end = rb"@linux check=marks result=ok"

        def pause():
            guests.escape(b"1p", rb"paused")
            time.sleep(3)
            guests.escape(b"1p", rb"unpaused")

        marks = [guests.marks(end), guests.marks(end, (4, pause))]
        run = guests.end()
        run.marks = marks
        return run

    @pytest.mark.parametrize("cpu", [0, 1])
    @pytest.mark.parametrize("time", ["running", "paused"])
    def test_within_a_thousandth(self, run, cpu, time):
        marks = [(host, ns) for host, of, ns in run.marks[time == "paused"] if of == cpu]
        assert marks[-1][0] - marks[0][0] > 9
        assert abs(linux.drift(marks)) < 0.001

    def test_time_goes_on_while_it_is_paused(self, run):
        times = [ns / 1e9 for _, _, ns in run.marks[1]]
        assert 2.9 < max(later - earlier for earlier, later in zip(times, times[1:])) < 5
