"""Where the memory of guests comes from whose configuration names no nodes, and where their vCPUs run."""
import pytest

from checks import GoodRun


def pages(mib):
    return mib * 256


def nodes_of(run, name):
    return {fact["node"]: fact["pages"] for fact in run.all("populated", domain=run.domain(name))}


class TestPinned(GoodRun):
    """Built one after the other from the moment of booting, so that much of the memory still waits for scrubbing."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("pinned", "--cpus", 4)

    @pytest.mark.parametrize("name, node", [
        ("hard", 1), ("soft", 1), ("hard_off", 1), ("soft_host", 1), ("each_vcpu", 1), ("soft_of_hard", 0)])
    def test_memory_is_where_the_vcpus_are(self, run, name, node):
        assert nodes_of(run, name) == {node: pages(64)}
        assert all(vcpu["node"] == node for vcpu in run.all("vcpu", domain=run.domain(name)))

    @pytest.mark.parametrize("name", ["soft_beats_memory", "hard_beats_memory"])
    def test_affinity_comes_before_the_memorys_node(self, run, name):
        assert nodes_of(run, name) == {0: pages(16)}
        assert run.one("vcpu", domain=run.domain(name))["node"] == 1

    @pytest.mark.parametrize("name", ["free", "free_host", "free_off"])
    def test_one_node_that_has_room_gets_all(self, run, name):
        placed = nodes_of(run, name)
        assert list(placed.values()) == [pages(64)]
        assert run.one("vcpu", domain=run.domain(name))["node"] in placed

    @pytest.mark.parametrize("name, node", [("hard", 1), ("soft_host", "host"), ("larger_than_a_node", "host")])
    def test_claims(self, run, name, node):
        assert run.one("claim", name=name)["node"] == node

    def test_more_than_a_node_has_is_split(self, run):
        placed = nodes_of(run, "larger_than_a_node")
        assert len(placed) == 2 and sum(placed.values()) == pages(1200)


class TestSideBySide(GoodRun):
    """Two guests at a time, of which a node has room for one."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("side_by_side", "--cpus", 4, "--cmdline", "dom0_max_vcpus=2")

    def test_each_has_a_node(self, run):
        placed = [nodes_of(run, name) for name in ("a", "b")]
        assert sorted(node for guest in placed for node in guest) == [0, 1]
        assert all(list(guest.values()) == [pages(600)] for guest in placed)
