#!/usr/bin/env python3
"""Throughput against the number of builders: runs build/host/boot-storm (tests/sim/) with the costs that were measured.

The life of a domain is the row "build 512 MiB of 2M, claimed, and destroy" of `make bench`, clean memory. What of it is mm/'s the
program counts itself, by single steps. For Xen the row without the search for the length of instructions counts; of it, the
heap lock is held for as long as the pairs of tests/bench/alloc.py's column Xen take, half to take an extent and half to free it.

Prints a line for each number of builders. `--record` writes docs/data/boot-storm.json and docs/images/boot-storm.svg.
"""
import argparse
import re
import shutil
import subprocess
import sys

import alloc
import bench
import record
from machines import ROOT

RECORD = "boot-storm"
SVG = ROOT / "docs/images/boot-storm.svg"
PROGRAM = ROOT / "build/host/boot-storm"
BUILDERS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
BUILDS = 2000
LOCKS = [("built", "Homestead: a lock for each node", "#33659b"), ("host", "Homestead with a lock of the whole host around them", "#8fb3d9"),
         ("xen", "Xen: the heap lock", "#c0504d")]


def costs():
    """The program's arguments: what was measured."""
    homestead, xen = bench.recorded("homestead")[1], bench.recorded("xen")[1]
    pairs = {name: int(row[3].replace(",", "")) for name, *row in ((r[0], *r[1:]) for r in alloc.ROWS) if name in ("pair_4k_instr", "pair_2m_instr")}
    build, destroy = (xen[name].instructions - xen[name].share for name in ("build_512m_clean", "destroy_2m_clean"))
    return ["--life", str(homestead["build_512m_clean"].instructions),
            "--xen", f"{build},{destroy},{pairs['pair_2m_instr'] // 2},{pairs['pair_4k_instr'] // 2}"]


def run(builders, builds, arguments):
    """(facts of the machine, {(locks, builders): facts})"""
    command = [str(PROGRAM), "--builders", ",".join(map(str, builders)), "--builds", str(builds), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=1800)
    if done.returncode:
        sys.exit(f"{done.stdout}\nbench: boot-storm failed (status {done.returncode})")
    machine, runs = {}, {}
    for line in re.findall(r"^storm (.*)$", done.stdout, re.M):
        facts = {key: int(value) if value.isdigit() else value for key, value in (word.split("=") for word in line.split())}
        if "locks" in facts:
            runs[facts.pop("locks"), facts.pop("builders")] = facts
        else:
            machine.update(facts)
    return machine, runs


def throughput(facts):
    """Domains in the time in which a CPU executes 10^9 instructions."""
    return facts["builds"] * 1e9 / facts["instructions"]


def waiting(facts, builders):
    """The share of the builders' time."""
    return facts["waited"] / (facts["instructions"] * builders)


def script(runs):
    lines = []
    for i, (locks, _, _) in enumerate(LOCKS):
        lines.append(f"$l{i} << END")
        lines += [f"{builders} {throughput(facts):.6g}" for (name, builders), facts in sorted(runs.items()) if name == locks]
        lines.append("END")
    plots = [f"$l{i} using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc '{colour}' title '{title}'" for i, (_, title, colour) in enumerate(LOCKS)]
    return "\n".join(lines + [
        "set terminal svg size 800,460 noenhanced font 'sans-serif,12' background '#ffffff'",
        "set title 'Domains of 512 MiB built and destroyed, 64 nodes'",
        "set xlabel 'builders, a CPU each'",
        "set ylabel 'domains in 10^9 instructions of time'",
        "set logscale xy",
        "set logscale x 2",
        "set format y '%.0f'",
        "set grid",
        "set key bmargin left vertical Left reverse",
        f"set xrange [0.9:{BUILDERS[-1] * 1.1}]",
        "plot " + ", ".join(plots)]) + "\n"


def draw(runs):
    """The SVG as text; the same runs give the same bytes. None: there is no gnuplot."""
    if not shutil.which("gnuplot"):
        print("bench: SKIP the plot: there is no gnuplot; it stays as it is")
        return None
    done = subprocess.run(["gnuplot"], input=script(runs), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, universal_newlines=True)
    if done.returncode or done.stderr.strip():
        raise SystemExit(f"bench: gnuplot: {done.stderr}")
    return re.sub(r"<desc>.*?</desc>", "<desc>Homestead, make boot-storm</desc>", done.stdout, flags=re.S)


def kept():
    """What was recorded: (machine, runs)."""
    data = record.read(RECORD)
    return data["machine"], {(locks, int(builders)): facts for locks, runs in data["runs"].items() for builders, facts in runs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="write these figures to docs/data, and the plot")
    args = parser.parse_args()

    machine, runs = run(BUILDERS, BUILDS, costs())
    print("Domains in 10^9 instructions of time, and how much of the builders' time is waiting for locks")
    print("  builders" + "".join(f"{name:>20}" for name, _, _ in LOCKS))
    for builders in BUILDERS:
        print(f"  {builders:8}" + "".join(f"{throughput(runs[name, builders]):12,.1f}{waiting(runs[name, builders]):8.1%}" for name, _, _ in LOCKS))
    if args.record:
        record.write(RECORD, {"machine": machine, "runs": {name: {str(b): runs[name, b] for b in BUILDERS} for name, _, _ in LOCKS}})
        svg = draw(runs)
        if svg:
            SVG.write_text(svg)


if __name__ == "__main__":
    main()
