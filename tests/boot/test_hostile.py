"""Attacks of tests/guests/hostile, as domain 0 and as a guest, on both builds."""
import re

import pytest

import harness
from checks import AnyRun

BUILDS = {"release": [], "debug": ["-kernel", "build/debug/homestead"]}


def as_domain_0(attack, build, *options):
    return harness.boot("--direct", "--cpus", "4", "--nodes", "2", "--cmdline", "loglvl=error dom0_max_vcpus=3", *options, "--",
                        *BUILDS[build], "-initrd", f"build/guest/hostile.elf attack={attack}")


def replaced(run):
    found = re.search(r"replace: (\d+) frames replaced, (\d+) reads and writes, (\d+) stale, (\d+) soiled", run.text)
    return [int(number) for number in found.groups()]


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestReplaceInDomain0(AnyRun):
    """The frame behind a page changes while two other vCPUs use it: populated over, the shared info page, foreign frames."""

    @pytest.fixture(scope="class")
    def run(self, build):
        return as_domain_0("replace rounds=200", build)

    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_figures(self, run):
        frames, accesses, stale, soiled = replaced(run)
        assert frames == 200 * 6 and accesses > frames and (stale, soiled) == (0, 0)


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestReplaceInAGuest(AnyRun):
    """The same by a guest, whose frames are its own."""

    @pytest.fixture(scope="class")
    def run(self, build, boot_guests):
        return boot_guests("replace", "--cpus", "4", "--nodes", "2", "--", *BUILDS[build])

    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_figures(self, run):
        frames, accesses, stale, soiled = replaced(run)
        assert frames == 250 * 4 and accesses > frames and (stale, soiled) == (0, 0)
