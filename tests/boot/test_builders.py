"""Domain 0 with several vCPUs builds guests concurrently."""
import re

import pytest

from checks import GoodRun

NAMES = ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize("cpus", [4, 1], scope="class")
class TestConcurrent(GoodRun):
    """Four builders: lines of different guests alternate, but each line is complete and correct. On one CPU builders are
    preempted at any point."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests, cpus):
        return boot_guests("concurrent", "--cpus", cpus, "--mem", "1G", "--one-thread", "--cmdline", "dom0_max_vcpus=4")

    def test_each_guest_ran(self, run):
        for name in NAMES:
            assert [event for event, _ in run.events(name)] == ["created", "started", "shutdown", "destroyed"], name

    def test_they_were_built_at_the_same_time(self, run):
        alive, most = 0, 0
        for fact in run.all("guest"):
            alive += {"created": 1, "destroyed": -1}.get(fact["event"], 0)
            most = max(most, alive)
        assert 2 <= most <= 4

    def test_all_memory_is_reported(self, run):
        for name in NAMES:
            populated = run.all("populated", domain=run.domain(name))
            assert sum(fact["pages"] for fact in populated) == 32 * 256, name
        assert {f["node"]: f["pages"] for f in run.all("populated", domain=run.domain("f"))} == {0: 32 * 256}
        assert len(run.all("populated", domain=run.domain("c"))) == 2

    def test_guests_without_memory_are_tried_again_alone(self, run):
        ends = [event for event, _ in run.events("big")]
        assert ends == ["created", "failed", "destroyed"] * 2
        second = run.all("guest", name="big", event="created")[1]
        assert all(f.line < second.line for f in run.all("guest", event="destroyed") if f["name"] in NAMES)

    def test_every_guest_is_judged(self, run):
        for name in NAMES + ["big"]:
            run.one("leak", name=name)
            assert len([line for line in run.lines if re.match(rf"{name} +PASS: ", line)]) == 1

    def test_all_of_domain_0s_vcpus_worked(self, run):
        assert "dom0      4 vCPUs" in run.text


class TestManyVcpus(GoodRun):
    """The maximum number of vCPUs of a domain; most have no work."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("one", "--cpus", 2, "--one-thread", "--cmdline", "dom0_max_vcpus=128")

    def test_it_ran(self, run):
        assert ("shutdown", 0) in run.events("one")
