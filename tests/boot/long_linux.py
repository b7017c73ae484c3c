"""The long form of test_linux.py, `make linux-test`: other kernels, more vCPUs, a minute of load, several nodes."""
import pytest

import harness
import linux_guests as linux
from checks import GoodRun

LONG = "cpus,nodes,distances,date,memory,load,order,balloon,dmesg"
VNODES = [(0, 320, [0, 1]), (1, 256, [2, 3])]


def boot(directory, *options, mem="3G"):
    return harness.boot("--direct", "--mem", mem, "--guests", directory, "--cmdline", "dom0_max_vcpus=4", *options,
                        timeout=1500)


@pytest.mark.parametrize("kernel", list(linux.KERNELS), scope="class")
class TestKernels(GoodRun):
    """Each kernel with 1, 2 and 8 vCPUs, and with virtual nodes, at the same time on two nodes; a minute of forks and timers."""

    @pytest.fixture(scope="class")
    def run(self, kernel, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp("kernels"), kernel)
        more = "timeout = 1200"
        linux.config(directory, "one", more, nodes=[0], run=LONG, secs=60)
        linux.config(directory, "two", more, nodes=[1], vcpus=2, memory=320, run=LONG + ",hotplug", secs=60)
        linux.config(directory, "eight", more, nodes=[1], vcpus=8, memory=320, run=LONG + ",hotplug", secs=60)
        linux.config(directory, "virtual", more, vcpus=4, vnodes=VNODES, run=LONG + ",hotplug", secs=60)
        return boot(directory)

    @pytest.mark.parametrize("name", ["one", "two", "eight", "virtual"])
    def test_all_checks(self, run, name):
        linux.assert_all_ok(run, run.domain(name), LONG + ("" if name == "one" else ",hotplug"))

    def test_virtual_nodes_are_where_they_were_claimed(self, run):
        domain = run.domain("virtual")
        found = linux.Said(run).nodes[domain]
        for node, mib, _ in VNODES:
            assert run.one("populated", domain=domain, node=node)["pages"] == mib * 256
            assert mib * 256 - 160 <= found[node] <= mib * 256


class TestManyVcpus(GoodRun):
    """64 vCPUs on two virtual nodes."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp("many"))
        linux.config(directory, "many", "timeout = 1200", vcpus=64, vnodes=[(0, 512, range(32)), (1, 512, range(32, 64))],
                     run=LONG + ",hotplug", secs=60)
        return boot(directory)

    def test_all_checks(self, run):
        linux.assert_all_ok(run, run.domain("many"), LONG + ",hotplug")


@pytest.mark.parametrize("end", ["reboot", "crash"], scope="class")
class TestEndOfMany(GoodRun):
    """A guest of eight vCPUs reboots, and one crashes, by itself."""

    @pytest.fixture(scope="class")
    def run(self, end, tmp_path_factory):
        directory = linux.directory(tmp_path_factory.mktemp(end))
        linux.config(directory, "eight", f'expect = "{end}"', vcpus=8, memory=256, run="cpus", end=end)
        return boot(directory, mem="1G")

    def test_it_ended_so(self, run, end):
        linux.assert_all_ok(run, run.domain("eight"), "cpus")
        assert ("shutdown", {"reboot": 1, "crash": 3}[end]) in run.events("eight")
