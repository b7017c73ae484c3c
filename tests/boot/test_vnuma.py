"""Guests with virtual NUMA nodes: what is claimed and populated, and what the guest is told, in three ways."""
import re

import pytest

import harness
import linux_guests as linux
from checks import GoodRun

MIB = 256  # pages
# Each virtual node of each guest: the host's node, MiB, vCPUs, distances.
GUESTS = {
    "two": [(1, 16, "0,2", "10,21"), (0, 32, "1", "31,10")],
    "one_pnode": [(2, 17, "0", "10,20"), (2, 7, "1", "20,10")],
    "four": [(3, 16, "3", "10,20,20,20"), (0, 8, "none", "20,10,20,20"), (2, 0, "0,1", "20,20,10,20"),
             (3, 16, "2", "20,20,20,10")],
    "single": [(1, 16, "0", "10")],
    "high": [(1, 1600, "0", "10,20,20"), (3, 1580, "1", "20,10,20"), (0, 20, "2", "20,20,10")],
}


each = pytest.mark.parametrize("name", GUESTS)


class TestVnuma(GoodRun):
    """One guest after the other; each gives back a page of every virtual node and takes one again. A guest whose
    virtual nodes cannot be had is refused as a whole, in one sentence."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("vnuma", "--nodes", 4, "--cpus", 4, "--node-mem", "1536M,2G,1G,2G")

    def by_node(self, name):
        pages = {}
        for node, mib, _, _ in GUESTS[name]:
            pages[node] = pages.get(node, 0) + mib * MIB
        return {node: count for node, count in pages.items() if count}

    @each
    def test_one_claim_set(self, run, name):
        claims = run.all("claim", name=name)
        assert {fact["node"]: fact["pages"] for fact in claims} == self.by_node(name) and len(claims) == len(self.by_node(name))

    @each
    def test_memory_is_where_it_was_claimed(self, run, name):
        assert {fact["node"]: fact["pages"] for fact in run.all("populated", domain=run.domain(name))} == self.by_node(name)

    @each
    def test_what_the_hypervisor_has(self, run, name):
        vnodes = [(fact["node"], fact["pages"] // MIB, str(fact["vcpus"]), str(fact["distances"]))
                  for fact in run.all("vnuma", domain=run.domain(name))]
        assert vnodes == GUESTS[name]

    @each
    @pytest.mark.parametrize("source", ["told", "tables"])
    def test_what_the_guest_sees(self, run, name, source):
        lines = [line for line in run.lines if line.startswith(f"(d{run.domain(name)}) {source}: ")]
        assert [line.split(": ", 1)[1] for line in lines] == [
            f"vnode={i} pages={mib * MIB} vcpus={vcpus} distances={distances}"
            for i, (_, mib, vcpus, distances) in enumerate(GUESTS[name])]

    @each
    def test_vcpus_run_on_their_node(self, run, name):
        node_of = {int(vcpu): node for node, _, vcpus, _ in GUESTS[name] if vcpus != "none" for vcpu in vcpus.split(",")}
        ran = run.all("vcpu", domain=run.domain(name))
        assert ran and all(fact["node"] == node_of[fact["id"]] for fact in ran)

    @each
    def test_it_ends_well(self, run, name):
        assert run.events(name)[-2:] == [("shutdown", 0), ("destroyed", 0)]
        assert run.one("leak", name=name) == {"pages": 0, "claims": 0, "name": name}

    def test_a_part_that_does_not_fit(self, run):
        assert [(fact["node"], fact["result"]) for fact in run.all("claim", name="too_much")] == [(1, -12), (0, -12), (2, -12)]
        assert not run.all("populated", domain=run.domain("too_much")) and not run.all("vnuma", domain=run.domain("too_much"))
        said = [line for line in run.lines if re.match(r"too_much +wants 1600 of its 1664 MiB on node 0, .*; without vnuma it fits, "
                                                              r"or give its virtual nodes there at most 14\d\d MiB", line)]
        assert len(said) == 1, run.tail()

    def test_a_node_that_is_not_there(self, run):
        assert run.events("no_node") == [("skipped", -2)]
        assert [line for line in run.lines if re.match(r"no_node +node 4: this host has nodes 0 to 3", line)]

    def test_sizes_that_do_not_add_up(self, run):
        assert "8-no_sum.cfg:4: vnuma: the sizes add up to 31 MiB, but memory is 32" in run.lines

    def test_all_nodes_can_be_used_afterwards(self, run):
        assert ("shutdown", 0) in run.events("after")
        assert all((fact["pages"], fact["claims"]) == (0, 0) for fact in run.all("leak"))


class TestLinuxVnuma(GoodRun):
    """Debian's Linux finds the virtual nodes as they were configured: vCPU 0 not on the first, two on one node of the host,
    one without vCPUs, and distances that differ by direction."""

    # The memory check takes 80 % of each: so large that what Linux itself has on a node, up to some 30 MiB, is in the rest.
    VNODES = ((1, 384, [1, 3]), (0, 256, [0]), (1, 256, [2]), (2, 192, []))
    ROWS = [[10, 21, 31, 41], [22, 10, 32, 42], [23, 33, 10, 43], [24, 34, 44, 10]]
    CHECKS = "cpus,nodes,distances,memory"

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        guests = linux.directory(tmp_path_factory.mktemp("linux"))
        linux.config(guests, "linux", vcpus=4, vnodes=self.VNODES, distance=self.ROWS, run=self.CHECKS)
        return harness.boot("--direct", "--nodes", 3, "--cpus", 4, "--mem", "3G", "--cmdline", "dom0_mem=160M", "--guests", guests)

    def test_linux_agrees(self, run):
        linux.assert_all_ok(run, run.domain("linux"), self.CHECKS)

    def test_memory_is_where_it_was_claimed(self, run):
        domain = run.domain("linux")
        assert {fact["node"]: fact["pages"] for fact in run.all("populated", domain=domain)} == {0: 256 * MIB, 1: 640 * MIB, 2: 192 * MIB}
        assert [fact["pages"] // MIB for fact in run.all("vnuma", domain=domain)] == [mib for _, mib, _ in self.VNODES]
