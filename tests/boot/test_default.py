"""The default guests, by UEFI and directly, on machines of several shapes."""
import datetime
import re

import pytest

import documented
import harness
from checks import PAGES_PER_MIB, GoodRun, check_nodes


class DefaultGuests(GoodRun):
    def test_a_guest_ran(self, run):
        assert any(("shutdown", 0) in run.events(name) for name in run.names()), run.tail()

    def test_a_guest_was_claimed_and_populated_on_one_node(self, run):
        alone = [c for c in run.all("claim", result=0) if len(run.all("claim", domain=c["domain"], name=c["name"])) == 1]
        assert alone, run.tail()
        for claim in alone:
            if claim["node"] != "host":
                assert [p["node"] for p in run.all("populated", domain=claim["domain"])] == [claim["node"]]


    clock_by = "CMOS"

    def test_the_wall_clock_is_the_hosts(self, run):
        date, by = re.search(r"^Wall clock +(.*) UTC \(by (.*)\)$", run.text, re.M).groups()
        age = datetime.datetime.utcnow() - datetime.datetime.strptime(date, "%Y-%m-%d %H:%M:%S")
        assert datetime.timedelta() <= age < datetime.timedelta(hours=1)  # the boot was some tests ago
        assert by == self.clock_by


class TestUefi(DefaultGuests):
    """./run-qemu.sh without options, as in the README."""

    clock_by = "UEFI"

    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot(*harness.documented("./run-qemu.sh"))

    @pytest.mark.parametrize("page", ["README.md", "docs/tutorials/first-run.md"])
    def test_the_page_shows_what_it_prints(self, run, page):
        documented.compare(page, "./run-qemu.sh", run.lines)

    def test_the_loader_starts_it(self, run):
        assert "homestead: starting homestead.elf" in run.text and "UEFI: EDK II" in run.text

    def test_nodes(self, run):
        # OVMF keeps a few MiB for its runtime and ACPI.
        check_nodes(run, [1024, 1024], [2, 2])

    def test_options_arrive(self, run):
        assert "com1=115200,8n1 console=com1 loglvl=info" in run.text


class TestMemoryKept(GoodRun):
    """What the hypervisor keeps of 2 GiB, all of which but the first MiB is counted."""

    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot("--direct", "--cpus", 1)

    def test_it_keeps_4_mib_and_a_bit(self, run):
        assert run.one("kept")["pages"] <= 4.2 * PAGES_PER_MIB

    def test_what_only_booting_needs_is_given_back(self, run):
        kept = run.one("kept")
        assert kept["given_back"] > 1 * PAGES_PER_MIB > 2.2 * kept["image"]

    def test_domain_0_finds_it_free(self, run):
        free, total = map(int, re.search(r"([0-9]+) of ([0-9]+) pages free", run.text).groups())
        dom0 = 64 * PAGES_PER_MIB + 0x60  # and what is behind the hole below 1 MiB
        assert 0 <= total - free - dom0 - run.one("kept")["pages"] <= 8  # what domain 0 has mapped since


# (options, MiB of each node, CPUs of each node)
@pytest.mark.parametrize("machine", [
    (("--nodes", 1, "--cpus", 1, "--mem", "1G"), [1024], [1]),
    ((), [1024, 1024], [2, 2]),
    # Uneven shares.
    (("--nodes", 4, "--cpus", 6, "--mem", "2050M"), [513, 513, 512, 512], [2, 2, 1, 1]),
], ids=["1-node", "2-nodes", "4-nodes"], scope="class")
class TestDirect(DefaultGuests):
    @pytest.fixture(scope="class")
    def run(self, machine):
        return harness.boot("--direct", *machine[0])

    def test_nodes(self, run, machine):
        _, sizes, cpus = machine
        check_nodes(run, sizes, cpus)
