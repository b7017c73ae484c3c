"""The claim table of three domains over four nodes: what each has claimed and owns, before, during and after its build."""
import re

import pytest

import documented
import harness
from checks import GoodRun

STAGES = ["before", "claimed", "quarter", "half", "three_quarters", "built"]
DONE = {"before": None, "claimed": 0, "quarter": 1, "half": 2, "three_quarters": 3, "built": 4}


@pytest.mark.parametrize("nodes,options", [
    (4, None), (2, ()),
    (4, ("--one-thread", "--cmdline", "dom0_max_vcpus=3")),  # each domain is built by its own vCPU
], ids=["4-nodes", "2-nodes", "at-once"], scope="class")
class TestClaimTable(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, nodes, options):
        if options is None:
            return harness.boot(*harness.documented("./run-qemu.sh --direct --nodes 4 --dom0-args mode=claimtable"))
        return harness.boot("--direct", "--nodes", nodes, *options, "--dom0-args", "mode=claimtable")

    @pytest.fixture(scope="class")
    def table(self, run):
        """{(stage, domain, node): (claim, own)}"""
        found = {(f["stage"], f["domain"], f["node"]): (f["claim"], f["own"]) for f in run.all("claimtable")}
        assert len(found) == len(run.all("claimtable"))
        return found

    @pytest.fixture(scope="class")
    def staked(self, run):
        """{(domain, node): pages}, as the claims say that were granted"""
        claims = run.all("claim")
        assert claims and all(claim["result"] == 0 for claim in claims)
        return {(claim["domain"], claim["node"]): claim["pages"] for claim in claims}

    def test_it_is_complete(self, table, nodes):
        columns = list(range(nodes)) + ["host"]
        assert sorted(table, key=str) == sorted(((s, d, n) for s in STAGES for d in (1, 2, 3) for n in columns), key=str)

    def test_before_nothing_is_claimed_or_owned(self, table):
        assert all(cell == (0, 0) for (stage, _, _), cell in table.items() if stage == "before")

    def test_then_everything_is_claimed_at_once(self, table, staked):
        for (stage, domain, node), cell in table.items():
            if stage == "claimed":
                assert cell == (staked.get((domain, node), 0), 0)

    def test_the_claim_falls_exactly_as_own_rises(self, table, staked, nodes):
        """On every node that the domain's whole memory was claimed on; and in sum for the one with a host-wide claim."""
        with_host = {domain for domain, node in staked if node == "host"}
        assert len(with_host) == 1
        for (stage, domain, node), (claim, own) in table.items():
            if stage != "before" and node != "host" and domain not in with_host:
                assert claim + own == staked.get((domain, node), 0), (stage, domain, node)
        for stage in STAGES[1:]:
            for domain in (1, 2, 3):
                claims = sum(table[stage, domain, node][0] for node in [*range(nodes), "host"])
                owned = sum(table[stage, domain, node][1] for node in range(nodes))
                assert table[stage, domain, "host"][1] == owned
                assert claims + owned == sum(pages for (d, _), pages in staked.items() if d == domain), (stage, domain)

    def test_a_quarter_is_built_at_a_time(self, table, staked):
        for domain in (1, 2, 3):
            whole = sum(pages for (d, _), pages in staked.items() if d == domain)
            for stage in STAGES[1:]:
                assert table[stage, domain, "host"][1] * 4 == whole * DONE[stage]

    def test_the_hosts_figures_fit(self, run, nodes):
        """In the printed table, unclaimed = free - claims of the three domains; building a claimed page does not change it."""
        rows = {name: [[int(word) for word in line.split()[1:]] for line in run.lines if line.startswith(name + " ")]
                for name in ("free", "unclaimed")}
        assert len(rows["free"]) == len(rows["unclaimed"]) == len(STAGES)
        for stage, free, unclaimed in zip(STAGES, rows["free"], rows["unclaimed"]):
            for node in range(nodes):
                claims = sum(f["claim"] for f in run.all("claimtable", stage=stage, node=node))
                assert free[node] - unclaimed[node] == claims
        assert len({unclaimed[-1] for unclaimed in rows["unclaimed"][1:]}) == 1

    def test_the_readme_shows_it(self, run, options):
        if options is None:
            documented.compare("README.md", "./run-qemu.sh --direct --nodes 4 --dom0-args mode=claimtable", run.lines)

    def test_people_can_read_it(self, run):
        heads = [line for line in run.lines if re.match(r"claim table, stage \w+: pages claimed/owned$", line)]
        assert len(heads) == len(STAGES)
        for name in ("red", "green", "blue"):
            rows = [line for line in run.lines if re.match(rf"{name} +d\d ", line)]
            assert len(rows) == len(STAGES) and len({len(row) for row in rows}) == 1
