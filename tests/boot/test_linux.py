"""Linux as a guest: the front door, the checks that run in the guests, what a user can do to them, and bad images. The long
form (`make linux-test`, long_linux.py) has other kernels and larger guests. Without Debian's packages the tests are
skipped."""
import re
import shutil
import time

import pytest

import documented
import harness
import linux_guests as linux
from checks import AnyRun, GoodRun

FRONT_DOOR = "cpus,nodes,distances,date,memory,load,order"


class TestFrontDoor(GoodRun):
    """./run-qemu.sh --linux --test on four nodes: a guest a node, and one whose nodes are two of the machine's."""

    @pytest.fixture(scope="class")
    def run(self):
        linux.kernel()
        return harness.boot("--direct", *harness.documented("./run-qemu.sh --linux --test --nodes 4 --cpus 4 --mem 4G"),
                            timeout=600)

    def test_the_readme_shows_what_it_prints(self, run):
        documented.compare("README.md", "./run-qemu.sh --linux --test --nodes 4 --cpus 4 --mem 4G", run.lines)

    def test_the_guests_are_there(self, run):
        assert sorted(run.names()) == ["linux", "node0", "node1", "node2", "node3"]

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
        # Linux takes vCPUs offline when it powers off: not all of them are reported.
        assert all(vcpu["node"] == vcpu["id"] for vcpu in run.all("vcpu", domain=domain))

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
        shell = linux.Guests("--direct", "--mem", "1500M", *harness.documented("./run-qemu.sh --linux"), timeout=480)
        shell.wait(rb"linux# ")
        shell.child.send(b"nproc; cat /sys/devices/system/node/online\n")
        shell.wait(rb"\n2\r?\n(.*\n)*?0-1\r?\n")
        while b"event=started code=0 name=node0" not in shell.raw:
            shell.wait(rb"event=started code=0 name=\w+\r?\n")
        shell.escape(b"%d\n" % shell.started("node0"), rb"foreground domain=\d+ name=node0")
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
        guests = linux.Guests("--direct", "--cpus", 2, "--mem", "1G", "--guests", directory)
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


class TestEnds(GoodRun):
    """Four guests at once on four nodes, built in parallel, all busy. Then one is destroyed, one crashes, one powers off, and one
    reboots and is started again on its node. A fifth never uses its console."""

    CHECKS = "cpus,nodes,memory,load"
    ENDS = {"killed": "killed", "crashed": "crash", "off": "poweroff", "again": "poweroff"}

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp("ends"))
        for node, (name, end) in enumerate(self.ENDS.items()):
            linux.config(directory, name, f'expect = "{end}"', nodes=[node], run=self.CHECKS, end="ask", secs=3)
        linux.config(directory, "silent", memory=128, run="cpus", words="console=tty0 quiet")
        guests = linux.Guests("--direct", "--nodes", 4, "--mem", "2G", "--guests", directory,
                              "--cmdline", "dom0_max_vcpus=5", timeout=480)
        guests.wait_ready(4)
        guests.escape(b"%dk" % guests.started("killed"), rb"kill ")
        guests.type(guests.started("crashed"), "crash")
        guests.type(guests.started("off"), "poweroff")
        guests.type(guests.started("again"), "reboot")
        guests.wait_ready(1)
        guests.type(guests.started("again"), "poweroff")
        return guests.end()

    @pytest.mark.parametrize("name, code", [("killed", -4), ("crashed", 3), ("off", 0), ("silent", 0)])
    def test_each_ends_as_it_was_told(self, run, name, code):
        assert [event for event in run.events(name) if event[0] in ("shutdown", "killed")] == [("killed" if code == -4 else "shutdown", code)]

    @pytest.mark.parametrize("name", ENDS)
    def test_their_checks_were_ok(self, run, name):
        for guest in run.all("guest", event="created", name=name):
            linux.assert_all_ok(run, guest["domain"], self.CHECKS)

    def test_a_reboot_stays_on_its_node(self, run):
        domains = [guest["domain"] for guest in run.all("guest", event="created", name="again")]
        assert len(domains) == 2
        for domain in domains:
            claim = run.one("claim", domain=domain)
            assert claim["node"] == 3
            assert run.one("populated", domain=domain) == {"domain": domain, "node": 3, "pages": claim["pages"]}

    def test_the_crash_was_a_crash(self, run):
        # Without its number while it still has the input.
        assert re.search(r"^(\(d\d+\) )?\[.*Kernel panic - not syncing: sysrq triggered crash$", run.text, re.M)


LINUX = 'kernel = "vmlinuz"\nramdisk = "initramfs"\nmemory = 128\n'
# name: (configuration, how it fails, parts of the sentence with ... between)
BAD = {
    "cut": ('kernel = "cut"\nmemory = 128\n', "badkernel", "the kernel cut cannot be loaded: it is a bzImage that is cut short"),
    "damaged": ('kernel = "damaged"\nmemory = 128\n', "badkernel", "the kernel damaged cannot be loaded: it "),
    "large": ('kernel = "vmlinuz"\nramdisk = "large"\nmemory = 128\n', "badkernel",
              "the kernel vmlinuz, the ramdisk large and the start info need more than ... MiB of memory, the guest has 128 MiB"),
    "noteless": ('kernel = "noteless"\nmemory = 128\n', "badkernel", "the kernel noteless cannot be loaded: it has no PVH entry note"),
    "vsizes": (LINUX + 'vcpus = 2\nvnuma = [["pnode=0", "size=64", "vcpus=0"], ["pnode=1", "size=32", "vcpus=1"]]\n', "badconfig",
               "vnuma: the sizes add up to 96 MiB, but memory is 128"),
    "vroom": ('kernel = "vmlinuz"\nmemory = 1000\nvcpus = 2\n'
              'vnuma = [["pnode=0", "size=100", "vcpus=0"], ["pnode=1", "size=900", "vcpus=1"]]\n', "enomem",
              "wants 900 of its 1000 MiB on node 1, "),
    "vcpus": (LINUX + "vcpus = 129\n", "badconfig", "vcpus: the number must be from 1 to 128"),
}


class TestBadInput(GoodRun):
    """Each is refused with one sentence, and nothing is built of it."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp("bad"))
        image = (directory / "vmlinuz").read_bytes()
        (directory / "cut").write_bytes(image[:len(image) // 2])
        (directory / "damaged").write_bytes(image[:len(image) // 2] + bytes(4096) + image[len(image) // 2 + 4096:])
        shutil.copy(harness.BUILT / "linux-probe", directory / "noteless")
        with open(directory / "large", "wb") as file:
            file.truncate(120 << 20)
        for name, (text, end, _) in BAD.items():
            (directory / f"{name}.cfg").write_text(f'name = "{name}"\nexpect = "{end}"\n{text}')
        return harness.boot("--direct", "--mem", "1500M", "--guests", directory)

    @pytest.mark.parametrize("name", BAD)
    def test_one_sentence(self, run, name):
        parts = BAD[name][2].split("...")
        sentences = [line for line in run.lines
                     if re.match(rf"{name}(\.cfg:\d+:)? ", line) and all(part in line for part in parts)]
        assert len(sentences) == 1, run.tail(200)

    @pytest.mark.parametrize("name", BAD)
    def test_it_never_ran(self, run, name):
        assert not [f for f in run.all("guest", event="started") if f["name"] == name]


def test_a_pnode_that_does_not_exist(tmp_path_factory):
    """No expectation covers it, so the verdict is FAIL."""
    directory = linux.directory(tmp_path_factory.mktemp("pnode"))
    linux.config(directory, "pnode", vcpus=2, vnodes=[(0, 64, [0]), (9, 64, [1])])
    run = harness.boot("--direct", "--guests", directory)
    run.expect_status(harness.FAIL)
    assert "pnode     node 9: this host has nodes 0 to 1" in run.lines
    assert run.events("pnode") == [("failed", -2)] and run.one("leak", name="total")["pages"] == 0
