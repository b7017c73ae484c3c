"""Guests, configurations and archives as others make them."""
import pytest

import harness
from checks import GoodRun


class TestStrangerGuest(GoodRun):
    """Guests that use the first MiB as their own at once, and print through the console ring until it has been taken."""

    @pytest.fixture(scope="class", params=[1, 4])
    def run(self, request, boot_guests):
        return boot_guests("stranger", "--cpus", request.param, "--mem", "4G", "--cmdline", "idle-scrub=off")

    def said(self, run, name):
        prefix = f"(d{run.domain(name)}) stranger: "
        return [line[len(prefix):] for line in run.lines if line.startswith(prefix)]

    @pytest.mark.parametrize("name", ["plain", "big", "flood", "wild", "after"])
    def test_it_powers_off(self, run, name):
        assert ("shutdown", 0) in run.events(name), run.tail()
        assert "the maps are the same, the ring is reserved, no store" in self.said(run, name)

    def test_the_start_info_is_behind_the_kernel(self, run):
        (where,) = [line for line in self.said(run, "plain") if line.startswith("start info at ")]
        address, words = int(where.split()[3].rstrip(","), 16), where.split("'", 1)[1][:-1]
        assert 0x100000 < address < 0x200000 and address % 4096 == 0
        assert words == "hello from libxc's layout"

    def test_ram_on_both_sides_of_the_ring(self, run):
        assert [line for line in self.said(run, "big") if line.startswith("map ")] == [
            "map 0 0xa0000 type 1", "map 0x100000 0xbff00000 type 1", "map 0xfefff000 0x1000 type 2",
            "map 0x100000000 0x8000000 type 1"]

    def test_a_flood_comes_out_whole_and_slowly(self, run):
        flood = [line for line in self.said(run, "flood") if line.startswith("a line that nobody needs")]
        assert {line for line in flood} == {"a line that nobody needs, again and again, to fill the ring and the log"}
        assert 20 < len(flood) < 1000 and self.said(run, "flood")[-1] == "it was taken"

    def test_wrong_indices_lose_lines_only(self, run):
        assert self.said(run, "wild")[-1] == "in step again"
        assert f"dom0: domain {run.domain('wild')} has wrong indices in its console ring, output was skipped" in run.lines
