"""Guests with many vCPUs, started by INIT-SIPI-SIPI as Linux does it, on one CPU and on several."""
import re

import pytest

from checks import GoodRun

CHECKS = ("priorities", "start", "ring", "nmi", "logical", "broadcast", "memory", "timer", "spin", "restart asleep",
          "runstates", "restart spinning", "startup ignored", "restart each other", "VCPUOP_initialise", "started by VCPUOP_up")


class GuestSmp(GoodRun):
    """With a fixture `guests`: {name: vCPUs}."""

    def test_all_of_them(self, run, guests):
        for name, vcpus in guests.items():
            said = [line for line in run.lines if line.startswith(f"(d{run.domain(name)}) smp: ")]
            found = [re.sub(r"^\(d\d+\) smp: ", "", line) for line in said]
            assert found == [f"{check} ok" for check in CHECKS] + [f"{vcpus} vCPUs ok"], run.tail()

    def test_memory_on_both_nodes(self, run, guests):
        for name in {"two-nodes"} & set(guests):
            nodes = {fact["node"]: fact["pages"] for fact in run.all("populated", domain=run.domain(name))}
            assert set(nodes) == {0, 1} and min(nodes.values()) > 10000


# ({guest: vCPUs}, directory of guests, options)
@pytest.mark.parametrize("case", [
    ({"eight": 8, "two-nodes": 8}, "smp", ("--cpus", "4", "--one-thread")),
    # More vCPUs than CPUs: a spinning vCPU must not starve the one that it waits for.
    ({"eight": 8}, "smp", ("--cpus", "1", "--nodes", "1", "--dom0-args", "only=eight")),
    # The maximum number of vCPUs.
    ({"many": 128}, "smp_many", ("--cpus", "1", "--nodes", "1")),
], ids=["4-cpus", "1-cpu", "128-vcpus"], scope="class")
class TestGuestSmp(GuestSmp):
    @pytest.fixture(scope="class")
    def run(self, boot_guests, case):
        return boot_guests(case[1], *case[2])

    @pytest.fixture
    def guests(self, case):
        return case[0]


class TestRandomApic(GoodRun):
    """Resetting its own vCPUs at random, a guest does not affect others."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("apic", "--cpus", "2", "--one-thread")

    def test_it_came_to_its_end(self, run):
        assert any("random writes, 6 vCPUs, still here" in line for line in run.lines), run.tail()
        assert ("shutdown", 0) in run.events("apic")

    def test_the_next_guest_is_well(self, run):
        assert ("shutdown", 0) in run.events("after")
