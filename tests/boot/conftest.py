"""Fixtures for the boot tests, and the one line that sums them up."""
import pytest

import harness


@pytest.fixture(scope="session")
def boot_guests(tmp_path_factory):
    """boot_guests(NAME, *options): a direct boot with the guests of tests/boot/guests/NAME; once a NAME and options."""
    packed = {}

    def run(name, *options):
        if name not in packed:
            packed[name] = harness.guest_dir(name, tmp_path_factory.mktemp(name))
        return harness.boot("--direct", "--guests", packed[name], *options)

    return run


def pytest_terminal_summary(terminalreporter):
    count = {key: len(terminalreporter.stats.get(key, [])) for key in ("passed", "failed", "error")}
    # A test that could not run is no success: setup errors count as failures, and so does an empty run.
    failed = count["failed"] + count["error"]
    if not count["passed"] and not failed:
        failed = 1
    terminalreporter.summary_line = f"boot: {count['passed']} passed, {failed} failed"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and hasattr(reporter, "summary_line"):
        print(reporter.summary_line, flush=True)
