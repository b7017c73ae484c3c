"""The named cases of claims (docs/hypervisor-guide/mm/claims.md), which selftest.elf as domain 0 tries through real hypercalls."""
import pytest

import harness
from checks import GoodRun

NEED_TWO_NODES = ["case_order_of_redemption", "case_big_extent_elsewhere", "case_all_or_nothing", "case_strict",
                  "case_legacy_by_affinity"]
CASES = NEED_TWO_NODES + [
    "case_host_claim", "case_node_full_but_ten", "case_legacy_against_each_way", "case_claim_four_mib", "case_bad_arguments",
    "case_too_many_pages", "case_destroyed_midway", "case_dying_domain", "case_release_twice", "case_replaced_at_full",
    "case_claim_on_every_node_in_64_domains", "case_eight_builders", "case_claim_by_order", "case_scrub_on_claim",
    "case_refusal_is_told", "case_offline_two_of_four",
]


class SelfTest(GoodRun):
    """With a fixture `skipped`: the cases that the machine cannot have."""

    @pytest.mark.parametrize("case", CASES)
    def test_case(self, run, case, skipped):
        fact = run.one("selftest", name=case)
        if case in skipped:
            assert fact == {"name": case, "result": "SKIP"}
            return
        assert fact["result"] == "PASS" and fact["got"] == 0, [f for f in run.all("selftest", result="FAIL")]
        assert run.one("leak", name=case) == {"pages": 0, "claims": 0, "name": case}

    def test_no_case_is_left_out_here(self, run):
        assert sorted(CASES) == sorted(f["name"] for f in run.all("selftest") if f["name"].startswith("case_"))

    def test_no_check_failed(self, run):
        assert not run.all("selftest", result="FAIL")
        assert len(run.all("selftest", result="PASS")) > 80


# (cases that are skipped there, options)
@pytest.mark.parametrize("machine", [
    ([], ()),
    # Four nodes; other vCPUs destroy domains that are built and compete for their memory; debug build.
    ([], ("--nodes", 4, "--one-thread", "--cmdline", "dom0_max_vcpus=4", *harness.DEBUG_BUILD)),
    (NEED_TWO_NODES, ("--nodes", 1, "--cpus", 1, "--mem", "512M")),
], ids=["2-nodes", "4-vcpus-debug", "1-node"], scope="class")
class TestSelf(SelfTest):
    @pytest.fixture(scope="class")
    def run(self, machine):
        return harness.boot("--direct", "--dom0", "build/guest/selftest.elf", *machine[1])

    @pytest.fixture
    def skipped(self, machine):
        return machine[0]
