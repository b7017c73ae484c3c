"""One judgement for all comparison tests, and the one line that sums them up."""
import pytest

import differences
import machine
import oracle


@pytest.fixture(scope="session")
def judgement():
    """The Result of the boots of this run. Without Xen the tests that want it are skipped; if something went wrong they fail."""
    try:
        outcome = oracle.judge(twice=True)
    except oracle.NoXen as why:
        pytest.skip(str(why))
    except (machine.Failed, differences.BadList) as why:
        pytest.fail(str(why), pytrace=False)
    return outcome.result


def pytest_terminal_summary(terminalreporter):
    stats = terminalreporter.stats
    # A test that could not run is no success, nor is an empty run.
    passed, failed = len(stats.get("passed", [])), len(stats.get("failed", [])) + len(stats.get("error", []))
    skipped = stats.get("skipped", [])
    if not passed and not failed:
        failed = 1
    lines = []
    if skipped:
        lines.append(f"oracle: SKIP {len(skipped)} comparisons with Xen: {skipped[0].longrepr[2].replace('Skipped: ', '')}")
        try:
            oracle.get_xen()
            lines.append("oracle: but there is Xen, so that is a failure")
            failed += 1
        except oracle.NoXen:
            pass
    terminalreporter.oracle_lines = lines + [f"oracle: {passed} passed, {failed} failed"]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for line in getattr(reporter, "oracle_lines", []):
        print(line, flush=True)
