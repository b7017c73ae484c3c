"""Placement of vCPUs: on the CPUs of the node that has their memory."""
import pytest

import harness
from checks import GoodRun


class TestHome(GoodRun):
    """Guests run on the node of their memory, domain 0 on those of dom0_nodes=."""

    @pytest.fixture(scope="class", params=[0, 1])
    def run(self, request):
        run = harness.boot("--direct", "--nodes", "2", "--cpus", "8", "--cmdline", f"dom0_nodes={request.param}")
        run.dom0_node = request.param
        return run

    def test_domain_0(self, run):
        assert run.one("vcpu", domain=0)["node"] == run.dom0_node

    @pytest.mark.parametrize("name", ["near", "far"])
    def test_guests(self, run, name):
        domain = run.domain(name)
        vcpu = run.one("vcpu", domain=domain)
        assert vcpu["node"] == run.one("populated", domain=domain)["node"]
        assert vcpu["ms"] > 0

    def test_the_cpu_is_of_that_node(self, run):
        for vcpu in run.all("vcpu"):
            assert run.one("cpu", id=vcpu["cpu"])["node"] == vcpu["node"]

    def test_not_on_domain_0s_cpu(self, run):
        own = run.one("vcpu", domain=0)["cpu"]
        assert all(vcpu["cpu"] != own for vcpu in run.all("vcpu") if vcpu["domain"])


class TestFair(GoodRun):
    """
    A domain of one vCPU beside one of 128 that all spin: it keeps its half of two CPUs, 98 to 100 % of a CPU here. On a busy
    host QEMU's one thread delivers timers up to 100 ms late, which takes a tenth more; sched_fair_test.c asks for 90 %.
    """

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("spin", "--cpus", "2", "--mem", "1G", "--one-thread", "--cmdline", "dom0_max_vcpus=3")

    def test_one_has_a_cpu(self, run):
        assert run.one("vcpu", domain=run.domain("one"))["ms"] >= 0.8 * 6000

    def test_all_of_the_many_run(self, run):
        many = run.all("vcpu", domain=run.domain("many"))
        assert len(many) == 128 and all(vcpu["ms"] > 0 for vcpu in many)


class TestWeights(GoodRun):
    """Three guests with two spinning vCPUs each, on two CPUs, by `cpu_weight` and `cap`."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        run = boot_guests("weights", "--cpus", "2", "--mem", "1G", "--one-thread", "--cmdline", "dom0_max_vcpus=4")
        run.ms = {name: sum(vcpu["ms"] for vcpu in run.all("vcpu", domain=run.domain(name)))
                  for name in ("heavy", "light", "capped")}
        return run

    def test_twice_the_weight_is_twice_the_time(self, run):
        assert 1.7 < run.ms["heavy"] / run.ms["light"] < 2.3

    def test_the_cap_holds(self, run):
        assert 0.22 * 6000 < run.ms["capped"] < 0.28 * 6000
