#!/usr/bin/python3
"""tests/bench/{machines,bench,plot,vendors}.py without a machine: what becomes of a run's text, of tables, docs and plot.
Prints what cmocka would print (tools/run-unit.py)."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
sys.dont_write_bytecode = True
import bench  # noqa: E402
import cmocka  # noqa: E402
import machines  # noqa: E402
import plot  # noqa: E402
import record  # noqa: E402
import vendors  # noqa: E402
from machines import Figure  # noqa: E402

TEXT = ("@bench name=dom0_entry tsc=5\n@bench name=free_memory pages=700\n"
        "@bench name=null_hypercall instructions=50 calls=64 span=1 spans=3\n"
        "@bench name=populate_4k_clean instructions=4000 calls=1 pages=16 span=4 spans=1\n"
        "count: first=123 others=0\n")
WINDOWS = [(9, 9, 9), (3300, 640, 64), (3400, 1280, 128), (3200, 0, 0), (4100, 90, 2)]


def quietly(what, *args):
    """(result, what it printed)"""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        return what(*args), said.getvalue()


class Runs(unittest.TestCase):
    def test_figures_of_xen(self):
        found = machines.figures(TEXT, WINDOWS, True)
        self.assertEqual(found, {
            "free_memory": Figure(pages=700),
            # The window in the middle of its three, by instructions, for one of 64 calls.
            "null_hypercall": Figure(50, 0, 10, 1),
            "populate_4k_clean": Figure(4000, 16, 90, 2),
            "boot_to_dom0": Figure(123, 0, 0, 0)})

    def test_figures_without_symbols(self):
        found = machines.figures(TEXT, WINDOWS, False)
        self.assertEqual(found["null_hypercall"], Figure(50, 0, None, 0))

    def test_no_count_is_a_failed_run(self):
        with self.assertRaises(machines.Failed):
            machines.figures(TEXT.replace("count:", "cont:"), WINDOWS, True)

    def test_runs_that_differ(self):
        same = [{"a": Figure(1)}] * 3
        self.assertEqual(machines.repeat(mock.Mock(side_effect=same), None, 3), {"a": Figure(1)})
        with self.assertRaises(SystemExit) as stop:
            machines.repeat(mock.Mock(side_effect=[{"a": Figure(1)}, {"a": Figure(1)}, {"a": Figure(2)}]), None, 3)
        self.assertIn("differ", str(stop.exception))


class Vendors(unittest.TestCase):
    TEXT = "@boot tsc_entry=10 tsc_ready=700 ticks=690 tsc_khz=50000\n@bench name=io_exit instructions=228 calls=64\n"
    HALT = "i[CPU0  ] WARNING: HLT instruction with IF=0!\n"

    def test_figures(self):
        self.assertEqual(vendors.read(self.TEXT), {"io_exit": 228, "boot": 690})

    def test_main_job_ends_with_the_last_halt(self):
        log = f"00000000600{self.HALT}00000000900{self.HALT}00000001000i[CPU1  ] WARNING: HLT instruction with IF=0!\n00000002000e[MEM   ] x\n"
        self.assertEqual(vendors.read_main_job(self.TEXT, log), 200)

    def test_no_halt_is_a_failed_run(self):
        for log in ("", f"00000000600{self.HALT}"):
            with self.assertRaises(SystemExit):
                vendors.read_main_job(self.TEXT, log)


class Tables(unittest.TestCase):
    CASES = [("one", "one call", 300), ("two", "  a page", 8), ("three", "ours only", None), ("four", "theirs only", None)]
    OURS = {"one": Figure(200), "two": Figure(1000, 512), "three": Figure(7)}
    THEIRS = {"one": Figure(5000, 0, 4600, 1), "two": Figure(51200, 512), "four": Figure(9)}

    def test_rows(self):
        rows = bench.rows_of(self.CASES, "", self.OURS, self.THEIRS)
        self.assertEqual(rows[0], ("one call", 200, 300, 5000, 400, 2.0))
        # Where nobody knows the search, the ratio is of what was measured.
        self.assertEqual(rows[1], ("  a page", 1000 / 512, 8, 100, None, 51.2))
        self.assertEqual(rows[2], ("ours only", 7, None, None, None, None))
        self.assertEqual(rows[3], ("theirs only", None, None, 9, None, None))

    def test_what_is_not_there_is_a_dash(self):
        text = bench.table(bench.HEADS, bench.rows_of(self.CASES, "", self.OURS, self.THEIRS), True)
        self.assertIn("| one call | 200 | 300 | 5,000 | 400 | 2.00 |", text)
        self.assertIn("| ours only | 7.00 |  | - | - | - |", text)
        self.assertIn("| &emsp;a page | 1.95 | 8.00 | 100 | - | 51.20 |", text)

    def test_plot_is_deterministic(self):
        if not plot.shutil.which("gnuplot"):
            self.skipTest("there is no gnuplot")
        rows = [("a_b \"x\"", 20.0, 2.0, "2.00"), ("c", 3.0, 3.0, "3.00")]
        once = plot.draw(rows)
        self.assertEqual(once, plot.draw(rows))
        self.assertIn("a_b 'x'", once)

    def test_nothing_to_plot(self):
        result, said = quietly(plot.draw, [])
        self.assertIsNone(result)
        self.assertIn("SKIP", said)


class Records(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        patch = mock.patch.object(record, "DATA", pathlib.Path(directory.name) / "data")
        patch.start()
        self.addCleanup(patch.stop)

    def test_what_is_written_is_read(self):
        data = {"homestead": {"one": Figure(200, 512), "two": Figure(None, 3)}, "xen": {}, "xen_version": "4.17.9"}
        record.write("bench", data)
        self.assertEqual(bench.recorded("homestead"), ("4.17.9", data["homestead"]))
        # A figure is a line, so that a change of one is one in a diff.
        self.assertIn(' "one": [200, 512, null, 0],\n', record.path("bench").read_text())

    def test_without_xen_its_record_is_shown(self):
        record.write("bench", {"xen_version": "4.17.9", "homestead": {}, "xen": {"null_hypercall": [600, 0, 300, 1]}})
        with mock.patch.object(machines, "XEN", pathlib.Path("/nowhere")):
            (version, xen, now), said = quietly(bench.measure_xen, True)
        self.assertEqual((version, xen, now), ("4.17.9", {"null_hypercall": Figure(600, 0, 300, 1)}, False))
        self.assertIn("SKIP Xen: xen-hypervisor-4.17-amd64 is not installed", said)

    def test_without_xen_or_record(self):
        (version, xen, now), _ = quietly(bench.measure_xen, False)
        self.assertEqual((version, xen, now), ("none", {}, False))


if __name__ == "__main__":
    cmocka.main()
