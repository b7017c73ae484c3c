"""Domain 0 as an attacker: tests/guests/hostile makes random hypercalls; afterwards no page may be lost."""
import pytest

import harness
from checks import AnyRun


class HostileRun(AnyRun):
    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_nothing_is_lost(self, run):
        leak = run.one("leak")
        assert (leak["pages"], leak["claims"]) == (0, 0)

    def test_it_really_did_something(self, run):
        made = harness.re.search(r"(\d+) of (\d+) calls refused, (\d+) domains made, 0 left", run.text)
        refused, calls, domains = (int(n) for n in made.groups())
        assert domains > 100 and calls // 10 < refused < calls

    def test_the_hypervisor_lived(self, run):
        assert not run.all("panic")


class TestRelease(HostileRun):
    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot("--direct", "--cmdline", "loglvl=error", "--",
                            "-initrd", "build/guest/hostile.elf seed=11 calls=60000")


class TestDebug(HostileRun):
    """The same with assertions and the check of lock levels."""

    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot("--direct", "--cmdline", "loglvl=error", "--", "-kernel", "build/debug/homestead",
                            "-initrd", "build/guest/hostile.elf seed=12 calls=30000")
