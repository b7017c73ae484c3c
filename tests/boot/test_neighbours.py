"""16 guests at a time that change their memory and event channels at random while others are built and end; `make
neighbour-boot` runs 200 rounds."""
import os
import re
import shutil

import pytest

import harness
from checks import GoodRun

ROUNDS = int(os.environ.get("NEIGHBOUR_ROUNDS", "3"))
GUESTS = 16
NODES = ("", "nodes = [0]", "nodes = [1]", "nodes = [0, 1]", 'nodes = "all"')
CLAIMS = ("node", "host", "off")


def name_of(number):
    return f"r{number // GUESTS:03}-{number % GUESTS:02}"


def config(number):
    """Sizes, nodes, claims and times differ from guest to guest, in other combinations each round."""
    return (f'name = "{name_of(number)}"\nkernel = "test.elf"\nmemory = {10 + 2 * (number % 7)}\n'
            f'{NODES[number % len(NODES)]}\nclaim_mode = "{CLAIMS[number // 5 % len(CLAIMS)]}"\n'
            f'extra = "mode=restless seed={number + 1} ms={100 + 60 * (number % 11)}"\n')


@pytest.mark.parametrize("options", [("--cpus", 4), ("--cpus", 1, *harness.DEBUG_BUILD)], ids=["4-cpus", "1-cpu-debug"],
                         scope="class")
class TestNeighbours(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, options, tmp_path_factory):
        directory = tmp_path_factory.mktemp("neighbours")
        shutil.copy(harness.BUILT / "test.elf", directory / "test.elf")
        for number in range(ROUNDS * GUESTS):
            (directory / f"{name_of(number)}.cfg").write_text(config(number))
        return harness.boot("--direct", "--guests", directory, "--mem", "1G", "--cmdline", f"dom0_max_vcpus={GUESTS}", *options,
                            timeout=240 + 20 * ROUNDS)

    def test_every_verdict_is_right(self, run):
        verdicts = [match.groups() for match in map(re.compile(r"(r\d+-\d+) +(PASS|FAIL): ").match, run.lines) if match]
        assert sorted(verdicts) == [(name_of(number), "PASS") for number in range(ROUNDS * GUESTS)]

    def test_they_were_there_at_the_same_time(self, run):
        alive, most = 0, 0
        for fact in run.all("guest"):
            alive += {"created": 1, "destroyed": -1}.get(fact["event"], 0)
            most = max(most, alive)
        assert most >= GUESTS // 2

    def test_they_were_restless(self, run):
        reports = [line for line in run.lines if ") restless: " in line]
        figures = [re.search(r": (\d+) pages given, (\d+) taken, \d+ not, (\d+) ports opened, (\d+) faults$", line).groups()
                   for line in reports]
        given, taken, opened, faults = (sum(map(int, column)) for column in zip(*figures))
        assert len(reports) == ROUNDS * GUESTS
        assert given > taken > 50 * len(reports) and opened > 50 * len(reports) and faults == 0, figures
