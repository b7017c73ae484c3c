#!/usr/bin/python3
"""tools/claim-timeline: what the lines of a log become, against samples that are written down here; logs that it refuses; and on the
recorded runs of the tutorial, the sums of every sample. Prints what cmocka would print (tools/run-unit.py)."""
import importlib.machinery
import importlib.util
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools/claim-timeline"
loader = importlib.machinery.SourceFileLoader("claim_timeline", str(TOOL))
spec = importlib.util.spec_from_loader("claim_timeline", loader)
tool = importlib.util.module_from_spec(spec)
loader.exec_module(tool)

NODES = ["@node id=0 pxm=0 pages=1000 free=900 cpus=2", "@node id=1 pxm=1 pages=2000 free=2000 cpus=2",
         "@populated domain=0 node=0 pages=50"]


def log(*lines):
    """One line a second, from 100 on; those of a claim at the same time."""
    return [f"{100 + i}.250 {line}\n" for i, line in enumerate(lines)]


def samples(*lines):
    """{time in seconds: lines of the sample without its time}, the last sample of each."""
    found = {}
    for line in tool.samples_of(log(*NODES, *lines))[1:]:
        if line.startswith("sample "):
            now = found[int(line.split()[1]) / 1000 - 100.25] = []
        elif line != "end":
            now.append(line)
    return found


class Lines(unittest.TestCase):
    def test_nodes_and_domain_0(self):
        self.assertEqual(samples(), {2: ["host 2850 0 0", "node 1000 850 0 0 0 0 0 0 0", "node 2000 2000 0 0 0 0 0 0 0",
                                         "domain 0 50 50 0 0 0 0 0 0 0 Domain-0", "on 0 50 0 0 0", "refusals 0 0"]})

    def test_a_claim_is_redeemed_by_its_node_and_then_host_wide(self):
        found = samples("@guest domain=1 event=created code=0 name=web", "@claim domain=1 node=0 pages=100 result=0 name=web",
                        "@claim domain=1 node=host pages=30 result=0 name=web", "@progress domain=1 node=0 pages=40",
                        "@progress domain=1 node=1 pages=20", "@progress domain=1 node=0 pages=100",
                        "@guest domain=1 event=started code=0 name=web", "@guest domain=1 event=destroyed code=0 name=web")
        domain = {t: [line for line in lines if line.startswith(("domain 1", "on"))][1:] for t, lines in found.items()}
        self.assertEqual(domain, {
            2: [], 3: ["domain 1 0 0 0 0 0 0 0 0 0 web"],
            5: ["domain 1 0 130 0 30 130 0 0 0 0 web", "on 0 0 100 0 0"],  # at its last line
            6: ["domain 1 40 130 0 30 90 0 0 0 0 web", "on 0 40 60 0 0"],
            7: ["domain 1 60 130 0 10 70 0 0 0 0 web", "on 0 40 60 0 0", "on 1 20 0 0 0"],
            8: ["domain 1 120 130 0 10 10 0 0 0 0 web", "on 0 100 0 0 0", "on 1 20 0 0 0"],
            9: ["domain 1 120 120 0 0 0 0 0 0 0 web", "on 0 100 0 0 0", "on 1 20 0 0 0"],  # the rest is released
            10: []})
        self.assertEqual(found[7][:3], ["host 2790 70 10", "node 1000 810 60 0 0 0 0 0 0", "node 2000 1980 0 0 0 0 0 0 0"])

    def test_a_refused_claim_is_one_refusal_on_the_node_that_is_too_full(self):
        found = samples("@claim domain=1 node=0 pages=800 result=0 name=web", "@claim domain=2 node=1 pages=60 result=-12 name=db",
                        "@claim domain=2 node=0 pages=60 result=-12 name=db", "@guest domain=2 event=failed code=-12 name=db")
        self.assertEqual(found[5][-2:], ["refusals 1 0", "refused claim 2 0 0 60 850 800"])
        self.assertEqual(found[6][-2:], found[5][-2:])

    def test_claims_of_two_domains_are_two(self):
        found = samples("@claim domain=1 node=0 pages=5 result=0 name=a", "@claim domain=2 node=0 pages=6 result=0 name=b")
        self.assertIn("node 1000 850 5 0 0 0 0 0 0", found[3])
        self.assertIn("node 1000 850 11 0 0 0 0 0 0", found[4])

    def test_a_build_without_memory_is_a_refused_allocation(self):
        found = samples("@guest domain=1 event=created code=0 name=web", "@progress domain=1 node=1 pages=64",
                        "@progress domain=1 node=1 pages=80", "@guest domain=1 event=failed code=-12 name=web")
        self.assertEqual(found[6][-2:], ["refusals 0 1", "refused alloc 1 1 0 48 1920 0"])

    def test_a_name_that_comes_back_has_its_number(self):
        found = samples("@guest domain=1 event=created code=0 name=web", "@guest domain=1 event=destroyed code=0 name=web",
                        "@guest domain=2 event=created code=0 name=web")
        self.assertIn("domain 2 0 0 0 0 0 0 0 0 0 web (d2)", found[5])

    def test_claimtable(self):
        found = samples("@claimtable stage=before domain=1 node=1 claim=0 own=0", "@claim domain=1 node=1 pages=16 result=0 name=red",
                        "@claimtable stage=half domain=1 node=1 claim=7 own=9", "@claimtable stage=half domain=1 node=host claim=3 own=9",
                        "@leak pages=0 claims=0 name=claimtable")
        self.assertEqual(found[6][3:], ["domain 0 50 50 0 0 0 0 0 0 0 Domain-0", "on 0 50 0 0 0", "domain 1 9 19 0 3 10 0 0 0 0 red",
                                        "on 1 9 7 0 0", "refusals 0 0"])
        self.assertEqual(found[7][3:], ["domain 0 50 50 0 0 0 0 0 0 0 Domain-0", "on 0 50 0 0 0", "refusals 0 0"])

    def test_lines_of_guests_and_unknown_lines_do_not_count(self):
        self.assertEqual(samples("(d1) @progress domain=1 node=0 pages=9", "@new domain=1", "text").keys(), {2})


class Refused(unittest.TestCase):
    def refuse(self, text, *lines):
        with self.assertRaisesRegex(tool.BadLog, text):
            tool.samples_of(lines)

    def test_logs(self):
        self.refuse("line 1 has no time", "@node id=0 pages=1 free=1\n")
        self.refuse("no @node line", *log("text"))
        self.refuse("no @node line", *log("@guest domain=1 event=created code=0 name=a"))
        self.refuse("more than one run", *log(*NODES, *NODES))
        self.refuse("@node is not as", *log("@node id=0 pages=1"))
        self.refuse("@progress is not as", *log(*NODES, "@progress domain=1 node=x pages=1"))
        self.refuse("@progress is not as", *log(*NODES, "@progress domain=1 node=7 pages=1"))

    def test_usage(self):
        for arguments in ([], ["a.svg"], ["--record"], ["--samples"], ["a.svg", "--record", "x"], ["--samples", "--from", "x", "--title", "t"]):
            done = subprocess.run([TOOL, *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 2, arguments)
        done = subprocess.run([TOOL, "--samples", "--from", "/nonexistent"], stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)


class Record(unittest.TestCase):
    def test_the_copy_is_the_input_and_the_log_has_times(self):
        raw = b"one\r\n\x1b[2J@two a=1\r\nno end"
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "log")
            done = subprocess.run([TOOL, "--record", path], input=raw, stdout=subprocess.PIPE, check=True)
            lines = path.read_text().split("\n")
        self.assertEqual(done.stdout, raw)
        self.assertRegex(lines[0], r"^\d{10}\.\d{3} one$")
        self.assertEqual([line.split(" ", 1)[1] for line in lines[1:3]], ["\x1b[2J@two a=1", "no end"])


class Recorded(unittest.TestCase):
    """The runs in tests/data/timeline."""

    def test_sums(self):
        for file, claimed in (("with-claims.log", True), ("without-claims.log", False)):
            states, held, most = 0, 0, 0
            for line in tool.samples_of(io.StringIO((ROOT / "tests/data/timeline" / file).read_text()))[1:]:
                word, *rest = line.split(" ")
                if word == "host":
                    states, free, outstanding, nodes = states + 1, int(rest[0]), int(rest[1]), []
                elif word == "node":
                    nodes.append([int(number) for number in rest[:3]])
                elif word == "domain":
                    held = int(rest[1]) if rest[0] != "0" else held
                    most = max(most, held)
                elif word == "end":
                    self.assertEqual(free, sum(node[1] for node in nodes))
                    self.assertEqual(outstanding, sum(node[2] for node in nodes))
                    self.assertTrue(all(size >= unused >= taken >= 0 for size, unused, taken in nodes))
                    self.assertTrue(claimed or not outstanding)
            self.assertGreater(states, 40)
            self.assertEqual(most, 1200 * 256)


if __name__ == "__main__":
    cmocka.main()
