"""Boots in Bochs on the models of one vendor (--vendor), and the table of verdicts at the end: `make bochs`, `make bochs-intel`."""
import collections
import pathlib
import re
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
pytest.register_assert_rewrite("checks", "linux_guests", "test_guest_smp", "test_guests", "test_hostile", "test_selftest")

import harness  # noqa: E402

# name: (CPUs, options of tools/run-bochs.sh). Bochs describes no topology of several cores rightly for AMD's models.
MACHINES = {
    "amd": {"ryzen": (1, "--cpus", "1:1:1"), "ryzen-2": (2, "--cpus", "2:1:1")},
    "intel": {"haswell": (4, "--model", "corei7_haswell_4770", "--cpus", "1:2:2"),
              "skylake_x": (8, "--model", "corei7_skylake_x", "--cpus", "1:4:2")},
}
RUNS = {}  # (class, machine): its Run
BAD = collections.Counter()  # (class, machine): checks that failed
COUNT = collections.Counter()  # by outcome


def pytest_addoption(parser):
    parser.addoption("--vendor", choices=list(MACHINES), default="amd")


def pytest_generate_tests(metafunc):
    """Each class runs on all machines of the vendor, or on those of its attribute `machines`."""
    if "machine" in metafunc.fixturenames:
        of_vendor = MACHINES[metafunc.config.getoption("--vendor")]
        metafunc.parametrize("machine", [m for m in of_vendor if m in getattr(metafunc.cls, "machines", of_vendor)], scope="class")


@pytest.fixture(scope="class")
def cpus(request, machine):
    return MACHINES[request.config.getoption("--vendor")][machine][0]


@pytest.fixture(scope="class")
def bochs(request, machine, tmp_path_factory):
    """bochs(options, guests=NAME): boots there, with the guests of tests/boot/guests/NAME if that is given."""
    vendor = request.config.getoption("--vendor")

    def boot(*more, guests=None, timeout=900):
        if guests:
            more += ("--guests", harness.guest_dir(guests, tmp_path_factory.mktemp(guests)))
        run = harness.bochs("--vendor", vendor, *MACHINES[vendor][machine][1:], *more, timeout=timeout)
        RUNS[request.cls.__name__, machine] = run
        return run

    return boot


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" or not report.passed:
        COUNT["failed" if report.failed else report.outcome] += 1
        if report.failed and hasattr(item, "callspec"):
            BAD[item.cls.__name__, item.callspec.params.get("machine")] += 1


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("verdicts")
    for (job, machine), run in RUNS.items():
        seconds = re.search(r"([\d.]+) s of CPU time", run.text)
        bad = BAD[job, machine]
        words = [f"{seconds.group(1) if seconds else '?':>7} s of CPU time"]
        words += [f"{bad} checks failed"] * (bad > 0) + [run.last_line()] * (run.status != harness.PASS)
        verdict = "FAIL" if bad or run.status != harness.PASS else "PASS"
        terminalreporter.write_line(f"{machine:10} {job[len('Test'):]:20} {verdict}  {', '.join(words)}")
    failed = COUNT["failed"] + (not COUNT["passed"])
    terminalreporter.write_line(f"bochs: {COUNT['passed']} passed, {failed} failed")
