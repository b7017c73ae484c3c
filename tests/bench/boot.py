#!/usr/bin/env python3
"""How the way from the hypervisor's entry to domain 0 grows with CPUs and memory, in instructions.

Boots under icount with tests/bench/count.c, so a figure is the same on every run of the same binaries. The last
column compares with docs/data/bench-boot.json; nothing fails on it. `--record` writes that file anew.
"""
import argparse
import re
import subprocess
import sys

import machines
import record
from machines import ROOT

RECORD = "bench-boot"
MACHINES = [(cpus, mem) for mem in ("2G", "16G") for cpus in (1, 16, 64)]
NODES = 2
MEMORY_GOAL = 1.05


def memory_growth(found):
    """Instructions with 16 GiB to those with 2 GiB, with 1 CPU."""
    return found["boot_1_cpus_16G"] / found["boot_1_cpus_2G"]


def measure(cpus, mem, plugin):
    command = ["./run-qemu.sh", "--no-install", "--no-build", "--direct", "--icount", "--nodes", str(NODES), "--cpus", str(cpus),
               "--mem", mem, "--cmdline", "idle-scrub=off", "--dom0-args", "only=near", "--", "-plugin", plugin]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    count = re.search(r"^count: first=(\d+) others=(\d+)$", text, re.M)
    online = re.search(r"^@cpus found=\d+ online=(\d+)$", text, re.M)
    if done.returncode != 0 or not count or not online or int(online[1]) != cpus:
        sys.exit(f"{text}\nbench: the run with {cpus} CPUs and {mem} failed (status {done.returncode})")
    return int(count[1]), int(count[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="write these figures to docs/data")
    args = parser.parse_args()

    stop = machines.address_of("build/homestead.elf", "boot_finish")  # it prints @boot
    plugin = f"{ROOT}/build/host/count.so,start={machines.homestead_entry():#x},stop={stop:#x}"
    recorded = record.read(RECORD, {})
    found, first = {}, None
    print(f"Instructions from the hypervisor's entry to domain 0, {NODES} nodes")
    print(f"  {'CPUs':>5} {'memory':>7} {'boot CPU':>14} {'all others':>12} {'growth':>8} {'to recorded':>12}")
    for cpus, mem in MACHINES:
        boot, others = measure(cpus, mem, plugin)
        name = f"boot_{cpus}_cpus_{mem}"
        found[name] = boot + others
        first = first or found[name]
        before = recorded.get(name)
        print(f"  {cpus:>5} {mem:>7} {boot:>14,} {others:>12,} {found[name] / first:>8.3f} "
              f"{f'{found[name] / before:.3f}' if before else '':>12}")
        print(f"@bench name={name} instructions={found[name]}")
    for mem in ("2G", "16G"):
        more = found[f"boot_64_cpus_{mem}"] - found[f"boot_16_cpus_{mem}"]
        print(f"Each CPU more, from 16 to 64, costs {more / 48:,.0f} instructions at {mem}.")
    print(f"16 GiB cost {memory_growth(found):.3f} of what 2 GiB cost, with 1 CPU; goal {MEMORY_GOAL}.")
    print(f"Each GiB more costs {(found['boot_1_cpus_16G'] - found['boot_1_cpus_2G']) / 14:,.0f} instructions.")
    if args.record:
        record.write(RECORD, found)


if __name__ == "__main__":
    main()
