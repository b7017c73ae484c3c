"""Guests that give memory back and take it again, or more: what they take is on their nodes."""
import pytest

from checks import GoodRun

MIB = 256


class TestBalloon(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("balloon", "--nodes", 2, "--cpus", 2, "--mem", "1536M")

    def owned(self, run, name):
        return {fact["node"]: fact["pages"] for fact in run.all("owned", domain=run.domain(name))}

    @pytest.mark.parametrize("name, grown", [("near", 32), ("far", 32), ("both", 0), ("virtual", 0), ("chosen", 16)])
    def test_gives_and_takes(self, run, name, grown):
        (line,) = [line for line in run.lines if line.startswith(f"(d{run.domain(name)}) balloon: ")]
        assert line.endswith(f" taken, {grown * MIB} beyond the memory it was built with, 0 faults")
        assert int(line.split(" pages given, ")[1].split()[0]) >= (grown + 40) * MIB

    def test_what_it_takes_is_on_its_node(self, run):
        assert self.owned(run, "near") == {0: (64 - 20) * MIB}
        assert self.owned(run, "far") == {1: (64 + 32) * MIB}

    def test_what_it_takes_is_on_the_node_that_was_chosen_for_it(self, run):
        (built,) = run.all("populated", domain=run.domain("chosen"))
        assert self.owned(run, "chosen") == {built["node"]: (64 + 16) * MIB}

    def test_it_stays_spread(self, run):
        pages = {0: 32 * MIB, 1: 32 * MIB} | self.owned(run, "both")
        assert sum(pages.values()) == 64 * MIB and abs(pages[0] - pages[1]) <= 2 * 64 * 512, pages

    def test_virtual_nodes_stay_where_they_were(self, run):
        assert self.owned(run, "virtual") == {}

    def test_a_full_node_gives_nothing(self, run):
        owned = self.owned(run, "nowhere")
        assert list(owned) == [0] and 64 * MIB < owned[0] < 800 * MIB
        assert run.events("nowhere")[2] == ("shutdown", 3)
