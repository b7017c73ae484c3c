"""Eight builders on four nodes compete for slightly too little memory; `make claim-boot` runs 200 rounds."""
import os

import pytest

import harness
from checks import GoodRun

ROUNDS = int(os.environ.get("CLAIM_ROUNDS", "10"))
README = harness.documented("./run-qemu.sh --direct --one-thread --nodes 4 --mem 400M --dom0 build/guest/selftest.elf "
                            '--cmdline dom0_max_vcpus=8 --dom0-args "mode=claimstress rounds=10"')
MACHINE = [word.replace("rounds=10", f"rounds={ROUNDS}") for word in README]


@pytest.mark.parametrize("options", [
    (),
    harness.DEBUG_BUILD,  # mm_check() after the end of each domain, and every lock's level
    ("--cpus", 1, *harness.DEBUG_BUILD),  # builders are preempted at any point
], ids=["4-cpus", "4-cpus-debug", "1-cpu-debug"], scope="class")
class TestClaimStress(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, options):
        return harness.boot(*MACHINE, *options, timeout=240 + 4 * ROUNDS)

    def test_every_round_has_one_end(self, run):
        for fact in run.all("claimstress"):
            assert (fact["rounds"], fact["builders"]) == (ROUNDS, 8)
            assert fact["built"] + fact["failed"] + fact["destroyed_midway"] == 8 * ROUNDS, fact

    def test_with_claims_every_build_succeeds(self, run):
        fact = run.one("claimstress", mode="claims")
        assert fact["failed"] == 0 and fact["built"] > 0

    def test_there_was_not_enough_for_all(self, run):
        """Otherwise the test before this one proves nothing: claims were refused, and builds without claims failed."""
        assert run.one("claimstress", mode="claims")["refused"] > 0
        assert run.one("claimstress", mode="free")["failed"] > 0

    def test_domains_were_destroyed_while_they_were_populated(self, run):
        assert all(fact["destroyed_midway"] > 0 for fact in run.all("claimstress"))

    def test_the_stress_leaks_nothing(self, run):
        for fact in run.all("claimstress"):
            assert (fact["leaked_pages"], fact["leaked_claims"]) == (0, 0)

    def test_nothing_was_wrong(self, run):
        assert not [line for line in run.lines if line.startswith("claimstress: ")]
