"""Many random hypercalls and bad guests on several CPUs at once, release and debug; `make stress` does it for longer."""
import os
import re

import pytest

import harness
from checks import AnyRun

RUNS = int(os.environ.get("STRESS_RUNS", "1"))
BUILDS = {"release": [], "debug": ["-kernel", "build/debug/homestead"]}
CALLS = {"release": 60000, "debug": 30000}  # of the first seed


class OnFourCpus(AnyRun):
    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_the_hypervisor_lived(self, run):
        assert not run.all("panic")

    def test_nothing_is_lost(self, run):
        assert all((leak["pages"], leak["claims"]) == (0, 0) for leak in run.all("leak")) and run.all("leak"), run.tail()


@pytest.mark.parametrize("seed", range(RUNS), scope="class")
@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestRandomCalls(OnFourCpus):
    """Domain 0 as an attacker: tests/guests/hostile; the debug build has assertions and the check of lock levels."""

    @pytest.fixture(scope="class")
    def run(self, build, seed):
        return harness.boot("--direct", "--cpus", "4", "--nodes", "2", "--cmdline", "loglvl=error", "--",
                            *BUILDS[build], "-initrd", f"build/guest/hostile.elf seed={100 + seed} calls={15000 if seed else CALLS[build]}")

    def test_it_really_did_something(self, run):
        made = re.search(r"(\d+) of (\d+) calls refused, (\d+) domains made, 0 left", run.text)
        refused, calls, domains = (int(n) for n in made.groups())
        assert domains > min(100, calls // 300) and calls // 10 < refused < calls


@pytest.mark.parametrize("seed", range(RUNS), scope="class")
@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestGuestsAtOnce(OnFourCpus):
    """Guests that loop, crash, abuse hypercalls and reboot, each on its own CPU while the next is built."""

    @pytest.fixture(scope="class")
    def run(self, build, seed, boot_guests):
        # The machine differs from run to run, not the guests: another number of CPUs, another meeting.
        return boot_guests("modes", "--cpus", str(4 + seed % 5), "--nodes", "2", "--", *BUILDS[build])
