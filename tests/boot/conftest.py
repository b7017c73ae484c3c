"""Fixtures for the boot tests, and their summary line."""
import pathlib

import pytest

import harness


@pytest.fixture(scope="session")
def boot_guests(tmp_path_factory):
    """boot_guests(NAME, *options): boots directly with the guests of tests/boot/guests/NAME, or of a path, once for each NAME
    and options."""
    packed = {}

    def run(name, *options):
        if name not in packed:
            packed[name] = harness.guest_dir(name, tmp_path_factory.mktemp(pathlib.Path(name).name))
        return harness.boot("--direct", "--guests", packed[name], *options)

    return run


def pytest_terminal_summary(terminalreporter):
    count = {key: len(terminalreporter.stats.get(key, [])) for key in ("passed", "failed", "error")}
    # Setup errors count as failures, and so does a run without any test.
    failed = count["failed"] + count["error"]
    if not count["passed"] and not failed:
        failed = 1
    terminalreporter.summary_line = f"boot: {count['passed']} passed, {failed} failed"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and hasattr(reporter, "summary_line"):
        print(reporter.summary_line, flush=True)
