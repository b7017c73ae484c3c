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
import sys
import tempfile

import machines

HYPERVISOR = "build/homestead.elf"
HALF = 1 << 63


class Names:
    """Which function an address is in: the hypervisor's in the upper half, or at its physical address before
    paging; all else is the guest's."""
    def __init__(self):
        self.hypervisor, self.guest = machines.symbols(HYPERVISOR), machines.symbols(machines.GUEST)

    @staticmethod
    def find(table, address):
        i = bisect.bisect_right(table, (address, "\x7f")) - 1
        return table[i] if i >= 0 else (address, f"{address:#x}")

    def of(self, address, booting):
        """(function, offset in it)"""
        if address < HALF and booting:
            address += machines.VIRT_BASE - machines.PHYS_BASE
        start, name = self.find(self.hypervisor if address >= HALF else self.guest, address)
        return name if address >= HALF else f"guest: {name}", address - start


def machine_of(case):
    for machine in machines.MACHINES:
        state = re.search(r"memory=(\w+)", machine.arguments)
        if state and case.endswith(f"_{state[1]}"):
            return machine
    return machines.MACHINES[0]


def run(case):
    """One boot: [instructions of a window], what a window has of calls, [(address, instructions, executions)]."""
    machine = machine_of(case)
    marks = [machines.address_of(machines.GUEST, name) for name in ("bench_mark_begin", "bench_mark_end")]
    if case == "boot_to_dom0":
        marks = machines.homestead_entry(), machines.address_of(machines.GUEST, "image_start")
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "windows"
        text = machines.emulate(machines.command(
            machine, "build/homestead", f"{machines.COMMON} {machine.options}", f"{machine.arguments} profile={case}",
            [f"profile.so,start={marks[0]:#x},stop={marks[1]:#x},out={out}"]))
        windows, blocks = machines.read_windows(out)
    if not windows:
        sys.exit(f"profile: no figure is named {case}; there are: {' '.join(re.findall('^@bench name=([^ ]+) inst', text, re.M))}")
    calls = re.search(rf"^@bench name={case} .*calls=(\d+)", text, re.M)
    return windows, int(calls[1]) if calls else 1, blocks


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
    try:
        windows, each, blocks = run(args.case)
    except machines.Failed as failed:
        sys.exit(f"{failed}\nprofile: the run failed")
    calls = len(windows) * each
    functions, single = {}, {}
    for address, instructions, executions in blocks:
        name, offset = names.of(address, booting)
        functions[name] = functions.get(name, 0) + instructions * executions
        key = f"{address:#x} {name}+{offset:#x}, {executions / calls:,.2f} times {instructions}"
        single[key] = single.get(key, 0) + instructions * executions
    total = sum(functions.values())
    print(f"{args.case}: {total / calls:,.1f} instructions, guest included ({len(windows)} spans, {calls} calls)")
    show("function", functions, total, calls, args.rows)
    if args.blocks:
        show("block", single, total, calls, args.rows)


if __name__ == "__main__":
    main()
