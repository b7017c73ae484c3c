#!/usr/bin/python3
"""tests/race-lab/race.py: what is read of a run, how races are judged, and what counts as a fault. Prints what cmocka would print
(tools/run-unit.py)."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "race-lab"))
sys.dont_write_bytecode = True
import cmocka  # noqa: E402
import race  # noqa: E402
from race import Builder  # noqa: E402

VERDICT = "@verdict result=PASS\n"
DONE = Builder(None, 0, 40, 40, 0, "complete")
SHORT = Builder(None, 0, 40, 32, 0, "short")
KEPT = Builder(0, 1, 40, 40, 0, "complete")
REFUSED = Builder(-12, 1, 40, 0, 0, "refused")


def line(variant, builder, b, number=0):
    claim = "none" if b.claim is None else b.claim
    return (f"@race variant={variant} round={number} builder={builder} claim={claim} tries={b.tries} asked={b.asked} got={b.got} "
            f"away={b.away} end={b.end}\n")


def good():
    """Races of a Homestead that keeps its claims."""
    two = {"A": KEPT, "B": REFUSED}
    all_fit = {"A": KEPT, "B": KEPT}
    return {"fits": [{"A": DONE, "B": DONE}], "turns": [{"A": SHORT, "B": SHORT}], "node": [two], "node_in_order": [two],
            "node_fits": [all_fit], "node_wait": [all_fit], "node_one": [{"A": KEPT, "B": SHORT}], "both_nodes_set": [two],
            "free_node": [two, {"A": REFUSED, "B": KEPT}]}


class Reading(unittest.TestCase):
    def test_a_run(self):
        text = "dom0 says\r\n" + line("turns", "A", SHORT) + line("turns", "B", DONE) + \
            line("free", "A", DONE) + line("free", "B", SHORT) + line("free", "A", SHORT, 1) + line("free", "B", DONE, 1) + VERDICT
        self.assertEqual(race.parse(text), {"turns": [{"A": SHORT, "B": DONE}],
                                            "free": [{"A": DONE, "B": SHORT}, {"A": SHORT, "B": DONE}]})

    def test_what_is_no_complete_run(self):
        one = line("turns", "A", SHORT)
        for text in (one, one.replace("got=32", "got=") + VERDICT, one.replace("end=short", "end=building") + VERDICT,
                     one + one.replace("round=0", "round=2") + VERDICT, one + line("turns", "B", SHORT) * 2 + VERDICT,
                     one + "@verdict result=FAIL\n"):
            with self.assertRaises(race.BadRun):
                race.parse(text)

    def test_of_the_record_and_back(self):
        data = race.data_of({"turns": [{"A": SHORT, "B": DONE}], "free": [{"A": DONE, "B": SHORT}]})
        self.assertEqual(race.race_of(data["fixed"]["turns"]), {"A": SHORT, "B": DONE})
        self.assertEqual(list(data["free"]), ["free"])


class Judging(unittest.TestCase):
    def test_outcomes(self):
        away = DONE._replace(away=8)
        for a, b, word, text in [(DONE, DONE, "built", "both complete"), (away, away, "elsewhere", "both complete, 8 of 40 elsewhere"),
                                 (KEPT, REFUSED, "refused", "A complete, B refused at once"), (SHORT, SHORT, "half_way", "both stop at 32"),
                                 (KEPT, SHORT, "half_way", "A complete, B stops at 32"), (REFUSED, SHORT, "half_way", "A refused at once, B stops at 32"),
                                 (DONE, SHORT._replace(end="oom"), "half_way", "A complete, B killed at 32"),
                                 (DONE, SHORT._replace(end="absent"), "absent", "-"),
                                 (KEPT, KEPT._replace(tries=2), "built", "both complete, B at try 2"),
                                 (DONE, away, "elsewhere", "both complete, B 8 of 40 elsewhere")]:
            self.assertEqual((race.outcome({"A": a, "B": b}), race.text_of({"A": a, "B": b})), (word, text))

    def test_a_bystander_is_no_builder(self):
        held = {"A": DONE, "B": DONE, "bystander": SHORT}
        self.assertEqual((race.outcome(held), race.text_of(held)), ("built", "both complete"))

    def test_histogram(self):
        counts = race.histogram([{"A": DONE, "B": SHORT}, {"A": SHORT._replace(got=24), "B": DONE}, {"A": SHORT, "B": SHORT},
                                 {"A": KEPT, "B": REFUSED}, {"A": DONE, "B": DONE}])
        self.assertEqual(counts, {"rounds": 5, "both": 1, "A": 2, "B": 1, "nobody": 1, "refused": 1, "least": 24, "most": 32,
                                  "bystander": 0})
        killed = {"A": DONE, "B": SHORT, "bystander": SHORT._replace(end="oom")}
        self.assertEqual(race.histogram([killed, {**killed, "bystander": DONE}])["bystander"], 1)


class Faults(unittest.TestCase):
    def test_none(self):
        self.assertEqual(race.faults("homestead", good()), [])
        self.assertEqual(race.faults("linux", {"fits": [{"A": DONE, "B": DONE}], "turns": [{"A": SHORT, "B": SHORT}]}), [])

    def test_a_claim_that_was_not_kept(self):
        for variant, b in (("node", SHORT._replace(claim=0)), ("node_one", KEPT._replace(away=1)),
                           ("both_nodes_set", KEPT._replace(claim=-22)), ("free_node", SHORT._replace(claim=-12, got=1))):
            races = good()
            races[variant] = [{"A": b, "B": KEPT}]
            self.assertIn("a claim was not kept", " ".join(race.faults("homestead", races)), variant)

    def test_nobody_was_served(self):
        races = good()
        races["node"] = [{"A": REFUSED, "B": REFUSED}]
        self.assertIn("homestead: node: nobody is complete", race.faults("homestead", races))

    def test_controls(self):
        for system in ("linux", "xen", "homestead"):
            races = good()
            races["turns"] = [{"A": DONE, "B": DONE}]
            self.assertEqual(len(race.faults(system, races)), 1)
            races["turns"] = good()["turns"]
            races["fits"] = [{"A": DONE, "B": SHORT}]
            self.assertEqual(len(race.faults(system, races)), 1)
            del races["fits"]
            self.assertEqual(len(race.faults(system, races)), 1)

    def test_both_were_served_where_one_had_to_wait(self):
        races = good()
        races["node"] = [{"A": KEPT, "B": KEPT}]
        self.assertEqual(len(race.faults("homestead", races)), 1)

    def test_a_variant_that_did_not_run(self):
        for variant in ("node", "node_in_order", "both_nodes_set"):
            races = good()
            del races[variant]
            self.assertTrue(race.faults("homestead", races), variant)

    def test_what_is_not_as_recorded(self):
        old = race.data_of({"a": [{"A": DONE, "B": DONE}], "gone": [{"A": DONE}], "same": [{"A": SHORT}]})["fixed"]
        new = race.data_of({"a": [{"A": DONE, "B": SHORT}], "new": [{"A": DONE}], "same": [{"A": SHORT}]})["fixed"]
        self.assertEqual(race.differences("xen", old, new), [
            "xen: a: recorded: both complete; now: A complete, B stops at 32",
            "xen: gone: recorded: A complete; now: nothing", "xen: new: recorded: nothing; now: A complete"])


if __name__ == "__main__":
    cmocka.main()
