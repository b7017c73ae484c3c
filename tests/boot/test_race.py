"""Two builders that each want more than half of one node, in turns: Homestead's half of `make race-lab` (docs/race-lab.md), on a smaller
machine. With claims on nodes one is refused before it has built anything; without, both stop half way."""
import json
import sys

import pytest

import harness
from checks import GoodRun

sys.path.insert(0, str(harness.ROOT / "tests" / "race-lab"))
import race  # noqa: E402


class TestRace(GoodRun):
    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot("--direct", "--one-thread", "--nodes", 2, "--cpus", 2, "--mem", "640M", "--cmdline", "dom0_max_vcpus=2",
                            "--dom0", "build/guest/selftest.elf", "--dom0-args", "mode=race rounds=1")

    @pytest.fixture(scope="class")
    def races(self, run):
        return race.parse(run.text)

    def test_claims_are_kept(self, races):
        assert race.faults("homestead", races) == []

    def test_it_ends_as_on_the_page(self, races):
        old = json.loads((harness.ROOT / "docs" / "data" / "race-lab.json").read_text())["homestead"]["fixed"]
        assert race.differences("homestead", old, race.data_of(races)["fixed"]) == []

    def test_at_once_too(self, races):
        assert [len(races[name]) for name in ("free", "free_gone", "free_host", "free_node")] == [1] * 4
        assert race.outcome(races["free_node"][0]) == "refused"
