#!/usr/bin/env python3
"""Counts instructions: boots Homestead with the benchmark domain 0 under QEMU's icount and prints a table.

With `-icount shift=0,sleep=off` the TSC advances by one per instruction executed, so every figure is an
instruction count and the same on every run of the same binaries, on any host, however loaded. To show that,
everything is measured twice and has to agree. One CPU runs: what starting others costs, boot.py counts.

Usage: bench.py [--mem SIZE] [--nodes N]. Exit status 1 if a run fails or the two runs differ.
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOALS = {  # from the issue, and what Debian's Xen 4.17 takes on the same machine
    "boot_to_dom0": (50_000_000, 1_250_000_000),
    "null_hypercall": (300, 5_678),
}
TITLES = {
    "boot_to_dom0": "hypervisor entry to domain 0's first instruction",
    "null_hypercall": "null hypercall (xen_version, VMMCALL)",
    "null_hypercall_page": "the same through the hypercall page",
    "cpuid_exit": "CPUID exit",
}


def run(mem, nodes):
    """One boot: the facts as {name: instructions}."""
    size = int(mem[:-1]) * {"M": 1, "G": 1024}[mem[-1]]
    numa = []
    for node in range(nodes):
        numa += ["-object", f"memory-backend-ram,size={size // nodes}M,id=m{node}"]
        numa += ["-numa", f"node,nodeid={node},memdev=m{node},cpus={node}"]
    command = ["timeout", "120", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=single",
               "-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm",
               "-cpu", "max,vendor=AuthenticAMD", "-smp", str(nodes), "-m", mem, *numa,
               "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
               "-kernel", "build/homestead", "-append", "loglvl=info maxcpus=1", "-initrd", "build/guest/bench.elf"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    facts = {m[1]: int(m[2]) for m in re.finditer(r"^@bench name=(\S+) instructions=(\d+)", text, re.M)}
    entry = re.search(r"^@boot tsc_entry=(\d+)", text, re.M)
    first = re.search(r"^@bench name=dom0_entry tsc=(\d+)", text, re.M)
    if done.returncode != 33 or not entry or not first or "null_hypercall" not in facts:
        print(text)
        sys.exit(f"bench: the run failed (status {done.returncode})")
    facts["boot_to_dom0"] = int(first[1]) - int(entry[1])
    return facts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mem", default="2G")
    parser.add_argument("--nodes", type=int, default=2)
    args = parser.parse_args()

    first, second = run(args.mem, args.nodes), run(args.mem, args.nodes)
    print(f"Instructions under icount, {args.nodes} nodes, {args.mem}")
    print(f"  {'':50}{'Homestead':>14}{'goal':>14}{'Xen 4.17':>16}")
    for name, title in TITLES.items():
        goal, xen = GOALS.get(name, (None, None))
        print(f"  {title:50}{first[name]:>14,}{f'{goal:,}' if goal else '':>14}{f'{xen:,}' if xen else '':>16}")
        print(f"@bench name={name} instructions={first[name]}")
    if first != second:
        print(f"bench: two runs differ:\n  {first}\n  {second}")
        sys.exit(1)
    print("Two runs agree to the instruction.")


if __name__ == "__main__":
    main()
