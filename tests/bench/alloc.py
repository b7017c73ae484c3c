#!/usr/bin/env python3
"""The page allocator on the host, next to a plain one-lock buddy in the same program (tests/bench/alloc/).

Instructions come from callgrind and repeat exactly; locked operations are those among them that objdump shows with a
lock prefix, or as xchg with memory, wherever they stand. Lock holds are counted by single-stepping. Times are the
thread's own, the best of several rounds, on whatever this host is: their ratio to the buddy's in the same run says more
than they do. Two threads against one are on the clock on the wall, so they need two processors that are free.

The columns goal, Xen, LLFree and floor are constants: what the project's allocator design measured, in the same units
on one machine, with the unmodified code of those (August 2026), and what it asks for.

Usage: alloc.py [--record]. `--record` keeps the figures in docs/data/bench-alloc.json; the last column is the ratio to
them. Nothing fails on a figure.
"""
import argparse
import collections
import re
import subprocess
import sys

import record
from machines import ROOT

RECORD = "bench-alloc"
SUBJECTS = ("homestead", "buddy")
BENCH, HOLD = "build/host/alloc-bench", "build/host/alloc-hold"
DUMPS = "build/alloc/callgrind"

# name, title, unit, goal, Xen, LLFree, floor. What stands behind the figures is computed in figures() and below.
ROWS = [
    ("pair_4k_instr", "4K alloc+free", "instructions", "140", "956", "715", "111"),
    ("pair_whole_instr", "the same, breaking a 1G extent and making it whole", "instructions", "", "", "", ""),
    ("bulk_4k_instr", "4K alloc+free in calls of 64, a page", "instructions", "", "", "", ""),
    ("pair_4k_locked", "locked operations of a 4K pair", "count", "0.05", "2-4", "6", "~0"),
    ("bulk_4k_locked", "locked operations in calls of 64, a page", "count", "0.05", "", "", ""),
    ("pair_2m_locked", "locked operations of a 2M pair", "count", "", "", "", ""),
    ("churn_90_instr", "4K random churn at 90 % full", "instructions", "", "", "", ""),
    ("churn_90_ns", "4K random churn at 90 % full", "ns", "300", "988", "890", "239"),
    ("pair_2m_instr", "2M alloc+free", "instructions", "200", "49,501", "730", "99"),
    ("pair_1g_instr", "1G alloc+free", "instructions", "400", "25,428,666", "impossible", ""),
    ("random_free_instr", "free of a full node in random order, a page", "instructions", "", "", "", ""),
    ("hold_longest", "longest lock hold", "instructions", "2,000", ">= 5 million", "lock-free", ""),
    ("fragment", "2M regions touched by 4 of 8 4K domains (ideal 922)", "regions", "968", "1844", "1848", ""),
    ("metadata", "metadata of a 4K page", "bytes", "9 (16)", "40", "0.14", ""),
    ("claim_release_instr", "claim install + release", "instructions", "", "", "none", ""),
    ("claim_set_replace_instr", "claim set over 8 nodes over another", "instructions", "", "", "none", ""),
    ("redeem_instr", "redeeming, on top of a 4K pair", "instructions", "", "", "none", ""),
    ("redeem_locked", "locked operations of redeeming, on top", "count", "1", "", "none", ""),
    ("redeem_ns", "redeeming, on top of a 4K pair", "ns", "25", "89", "none", ""),
    ("claim_release_ns", "claim install + release", "ns", "", "", "none", ""),
    ("pair_4k_ns", "4K alloc+free", "ns", "", "", "", ""),
    ("bulk_4k_ns", "4K alloc+free in calls of 64, a page", "ns", "", "", "", ""),
    ("pair_2m_ns", "2M alloc+free", "ns", "", "", "", ""),
    ("pair_1g_ns", "1G alloc+free", "ns", "", "", "", ""),
    ("random_free_ns", "free of a full node in random order, a page", "ns", "", "", "", ""),
    ("threads_apart", "two threads to one, each on its node", "times", "", "", "", ""),
    ("threads_apart_bulk", "the same in calls of 64", "times", "", "", "", ""),
    ("threads_same", "two threads to one, same node", "times", "", "", "", ""),
    ("threads_same_bulk", "the same in calls of 64", "times", "", "", "", ""),
]
COLUMNS = ["", "", "Homestead", "plain buddy", "goal", "Xen", "LLFree", "floor", "to recorded"]


def output(*command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\nbench: {' '.join(command)} failed (status {done.returncode})")
    return done.stdout


def figures(*command):
    """{(name, subject): value} of a program's `figure` lines."""
    found = re.findall(r"^figure (\S+) (\S+) (\S+)$", output("timeout", "300", *command), re.M)
    return {(name, subject): float(value) for name, subject, value in found}


def locked_addresses():
    """Instructions that lock the bus: by prefix, or xchg with memory, which needs none."""
    text = output("objdump", "-d", "--no-show-raw-insn", BENCH)
    return {int(address, 16) for address in re.findall(r"^ *([0-9a-f]+):\s+(?:lock |xchg .*\().*$", text, re.M)}


def counts():
    """{(name, subject): (instructions, locked operations)} of one operation."""
    directory = ROOT / DUMPS
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("out*"):
        old.unlink()
    output("timeout", "300", "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--dump-instr=yes", "--compress-pos=no",
           "--compress-strings=no", f"--callgrind-out-file={directory}/out", BENCH, "count")
    locked, result = locked_addresses(), {}
    for dump in directory.glob("out.*"):
        text = dump.read_text()
        name = re.search(r"^desc: Trigger: Client Request: (\w+)\.(\w+)\.(\d+)$", text, re.M)
        if not name:
            continue
        own = collections.Counter()
        # A line after `calls=` has the callee's instructions, which are counted where they stand.
        for called, address, cost in re.findall(r"^(calls=.*\n)?(0x[0-9a-f]+) \d+ (\d+)$", text, re.M):
            if not called:
                own[int(address, 16)] += int(cost)
        ops = int(name[3])
        result[name[1], name[2]] = (sum(own.values()) / ops, sum(own[a] for a in locked) / ops)
    return result


def measure():
    """{(row, subject): value}"""
    found = {}
    for (name, subject), (instructions, locked) in counts().items():
        found[name + "_instr", subject] = instructions
        found[name + "_locked", subject] = locked
    for (name, subject), value in figures(BENCH, "time").items():
        found[name if name.startswith("threads") else name + "_ns", subject] = value
    found.update(figures(BENCH, "shape"))
    holds = figures(HOLD, "hold")
    found.update(holds)
    for subject in SUBJECTS:
        found["hold_longest", subject] = max(value for (_, s), value in holds.items() if s == subject)
    # A 1G call of the buddy's has the lock from end to end, and single-stepping it would take minutes.
    found["hold_longest", "buddy"] = max(found["hold_longest", "buddy"], found["pair_1g_instr", "buddy"] / 2)
    for unit in ("instr", "locked", "ns"):
        found[f"redeem_{unit}", "homestead"] = found[f"claimed_4k_{unit}", "homestead"] - found[f"unclaimed_4k_{unit}", "homestead"]
    return found


def shown(value, unit):
    if value is None:
        return ""
    if unit in ("count", "times"):
        return f"{value:.2f}"
    return f"{value:,.1f}" if abs(value) < 100 and value != int(value) else f"{value:,.0f}"


def table(found, recorded):
    for name, title, unit, *others in ROWS:
        mine, yardstick = found.get((name, "homestead")), found.get((name, "buddy"))
        before = recorded.get(name)
        ratio = f"{mine / before:.3f}" if before else ""
        yield [title, unit, shown(mine, unit), shown(yardstick, unit), *others, ratio]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="write these figures to docs/data")
    args = parser.parse_args()

    recorded = record.read(RECORD, {}).get("homestead", {})
    found = measure()
    rows = list(table(found, recorded))
    print("The page allocator on the host; goal, Xen, LLFree and floor are constants of the allocator's design")
    for row in [COLUMNS, *rows]:
        print("  {:52}{:13}{:>12}{:>14}{:>9}{:>14}{:>12}{:>7}{:>13}".format(*row))
    for (name, subject), value in sorted(found.items()):
        if name.startswith("hold_") and name != "hold_longest" and subject == "homestead":
            print(f"  Longest hold in {name[5:]}: {value:,.0f} instructions")
    for name, _, unit, *_ in ROWS:
        print(f"@bench-alloc name={name} value={found[name, 'homestead']:.3f} unit={unit}")
    if args.record:
        record.write(RECORD, {subject: {name: round(found[name, subject], 3) for name, *_ in ROWS if (name, subject) in found}
                              for subject in SUBJECTS})


if __name__ == "__main__":
    main()
