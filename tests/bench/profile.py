#!/usr/bin/env python3
"""Tells where a figure of the benchmark domain 0 goes: its instructions by function of the hypervisor.

Usage: profile.py [--blocks] [--rows N] [CASE]. CASE is a name of a @bench line (null_hypercall, populate_4k_clean,
...), or boot_to_dom0 for the way from the hypervisor's entry to domain 0; default null_hypercall. Boots under
icount with tests/bench/profile.c. --blocks shows single translated blocks (by address and symbol) as well.
"""
import argparse
import bisect
import pathlib
import re
import subprocess
import sys
import tempfile

import bench

ROOT = pathlib.Path(__file__).resolve().parents[2]
HYPERVISOR = "build/homestead.elf"
GUEST = "build/guest/bench.elf"
HALF = 1 << 63
VIRT_BASE = 0xFFFFFFFF80000000
PHYS_BASE = 0x200000


def symbols(path):
    """[(address, name)], sorted."""
    text = subprocess.run(["nm", "-n", path], cwd=ROOT, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    found = re.findall(r"^([0-9a-f]+) [tTwW] (\S+)$", text, re.M)
    return [(int(address, 16), name) for address, name in found]


class Names:
    """Which function an address is in: the hypervisor's in the upper half, or at its physical address before
    paging; all else is the guest's."""
    def __init__(self):
        self.hypervisor, self.guest = symbols(HYPERVISOR), symbols(GUEST)
        self.end = self.hypervisor[-1][0]

    @staticmethod
    def find(table, address):
        i = bisect.bisect_right(table, (address, "\x7f")) - 1
        return table[i] if i >= 0 else (address, f"{address:#x}")

    def of(self, address, booting):
        if address >= HALF:
            start, name = self.find(self.hypervisor, address)
        elif booting:
            start, name = self.find(self.hypervisor, address - PHYS_BASE + VIRT_BASE)
            return name, address - PHYS_BASE + VIRT_BASE - start
        else:
            start, name = self.find(self.guest, address)
            name = f"guest: {name}"
        return name, address - start

    def address(self, name, guest):
        for address, other in self.guest if guest else self.hypervisor:
            if other == name:
                return address
        sys.exit(f"profile: no symbol {name}")


def machine_of(case):
    for machine in bench.MACHINES:
        state = re.search(r"memory=(\w+)", machine[3])
        if state and case.endswith(f"_{state[1]}"):
            return machine
    return bench.MACHINES[0]


def run(case, names):
    """One boot: windows, and [(address, instructions, executions)]."""
    booting = case == "boot_to_dom0"
    if booting:
        start = names.address("multiboot_entry", False) - VIRT_BASE + PHYS_BASE
        stop = names.address("image_start", True)
    else:
        start, stop = names.address("bench_mark_begin", True), names.address("bench_mark_end", True)
    mem, nodes, options, arguments = machine_of(case)
    with tempfile.NamedTemporaryFile() as out:
        plugin = f"{ROOT}/build/host/profile.so,start={start:#x},stop={stop:#x},out={out.name}"
        facts = bench.run(mem, nodes, options, f"{arguments} profile={case}", ["-plugin", plugin])
        lines = pathlib.Path(out.name).read_text().splitlines()
    windows = int(lines[0].split()[1]) if lines else 0
    if not windows:
        sys.exit(f"profile: no figure is named {case}; there are: {' '.join(facts)}")
    return windows, [tuple(int(word, 0) for word in line.split()) for line in lines[1:]]


def show(title, counts, total, calls, rows):
    print(f"\n  {'share':>7} {'instructions':>14}  {title}")
    for name, instructions in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:rows]:
        print(f"  {100 * instructions / total:>6.1f}% {instructions / calls:>14,.1f}  {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("case", nargs="?", default="null_hypercall")
    parser.add_argument("--blocks", action="store_true", help="show single translated blocks, too")
    parser.add_argument("--rows", type=int, default=30, help="rows of a table (30)")
    args = parser.parse_args()

    names = Names()
    booting = args.case == "boot_to_dom0"
    windows, blocks = run(args.case, names)
    # A figure measured by samples has many windows, each of BENCH_CALLS calls.
    calls = windows * 64 if windows > 100 else windows
    functions, single = {}, {}
    for address, instructions, executions in blocks:
        name, offset = names.of(address, booting)
        functions[name] = functions.get(name, 0) + instructions * executions
        key = f"{address:#x} {name}+{offset:#x}, {executions / calls:,.2f} times {instructions}"
        single[key] = single.get(key, 0) + instructions * executions
    total = sum(functions.values())
    print(f"{args.case}: {total / calls:,.1f} instructions, guest included ({windows} spans, {calls} calls)")
    show("function", functions, total, calls, args.rows)
    if args.blocks:
        show("block", single, total, calls, args.rows)


if __name__ == "__main__":
    main()
