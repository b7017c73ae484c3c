#!/usr/bin/python3
"""build/host/boot-storm in short, and what tests/bench/storm.py makes of it. Prints what cmocka would print (tools/run-unit.py)."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
sys.dont_write_bytecode = True
import cmocka  # noqa: E402
import storm  # noqa: E402

# Small domains, as each of a life's instructions in mm/ is counted by a signal.
ARGUMENTS = ["--node-gib", "1", "--extents", "32", "--pool", "96", "--life", "40000", "--xen", "14800000,12000000,24000,480"]


class Storm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine, cls.runs = storm.run([1, 16], 64, ARGUMENTS)

    def grown(self, locks):
        return storm.throughput(self.runs[locks, 16]) / storm.throughput(self.runs[locks, 1])

    def test_alone_nobody_waits(self):
        for name, _, _ in storm.LOCKS:
            self.assertEqual(self.runs[name, 1]["waited"], 0)

    def test_a_life_takes_what_it_was_said_to_take(self):
        facts = self.runs["built", 1]
        self.assertLess(abs(facts["instructions"] / facts["builds"] / 40000 - 1), 0.05)
        facts = self.runs["xen", 1]
        self.assertLess(abs(facts["instructions"] / facts["builds"] / 14800000 - 1), 0.01)

    def test_builders_on_many_nodes_do_not_wait_for_each_other(self):
        """16 builders draw one of 64 nodes each: a few meet."""
        self.assertGreater(self.grown("built"), 8)
        self.assertLess(storm.waiting(self.runs["built", 16], 16), 0.25)

    def test_one_lock_of_the_host_is_a_limit(self):
        self.assertLess(self.grown("host"), self.grown("built") / 2)
        self.assertLess(self.grown("xen"), 10)

    def test_the_locks_that_were_counted_are_those_that_are_taken(self):
        calls = self.machine["calls"] * sum(facts["builds"] for (name, _), facts in self.runs.items() if name != "xen")
        self.assertLess(self.machine["strange"], calls * 0.05)

    def test_the_plot_is_deterministic(self):
        if not storm.shutil.which("gnuplot"):
            self.skipTest("there is no gnuplot")
        once = storm.draw(self.runs)
        self.assertEqual(once, storm.draw(self.runs))
        self.assertIn("a lock for each node", once)


if __name__ == "__main__":
    cmocka.main()
