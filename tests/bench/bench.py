#!/usr/bin/env python3
"""Counts instructions: boots Homestead with the benchmark domain 0 under QEMU's icount and prints tables.

With `-icount shift=0,sleep=off` the TSC advances by one per instruction executed, so every figure is an
instruction count and the same on every run of the same binaries, on any host, however loaded. To show that,
everything is measured twice and has to agree. One CPU runs: what starting others costs, boot.py counts.

Three machines: hypercalls and exits on two nodes; claims and memory on one node of 4 GiB, once with memory that
idle scrubbing has cleaned, once with idle-scrub=off, where it is cleared as it is given out. Each repetition of
REP STOS counts as an instruction there: 512 for a page.

Usage: bench.py [--markdown]. Exit status 1 if a run fails or the two runs differ.
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name, title, goal (from the issue), what Debian's Xen 4.17 takes on the same machine
CALLS = [
    ("boot_to_dom0", "hypervisor entry to domain 0's first instruction", "50,000,000", "1,250,000,000"),
    ("null_hypercall", "null hypercall (xen_version, VMMCALL)", "300", "5,678"),
    ("null_hypercall_page", "the same through the hypercall page", "", ""),
    ("cpuid_exit", "CPUID exit", "250", ""),
    ("io_exit", "I/O exit (IN from port 0x21)", "250", ""),
    ("physinfo", "sysctl physinfo", "600", ""),
    ("numainfo", "sysctl numainfo", "", ""),
    ("getdomaininfo", "domctl getdomaininfo", "", ""),
]
# name, title, is the figure one for a page, goal for clean memory, Xen
MEMORY = [
    ("claim_domctl", "claim and release by domctl 91", False, "1,500", "19,890"),
    ("claim_pages", "claim and release by XENMEM_claim_pages", False, "1,500", ""),
    ("populate_4k", "populate as 4K, a page", True, "500", "6,812"),
    ("populate_4k_claimed", "  with a claim", True, "500", ""),
    ("populate_2m", "populate as 2M, a page", True, "8", "168"),
    ("populate_2m_claimed", "  with a claim", True, "8", ""),
    ("populate_1g", "populate as 1G, a page", True, "0.1", "155"),
    ("populate_1g_claimed", "  with a claim", True, "0.1", ""),
    ("destroy_4k", "destroy after 4K, a page", True, "60", "733"),
    ("destroy_2m", "destroy after 2M, a page", True, "1", "732"),
    ("destroy_1g", "destroy after 1G, a page", True, "", ""),
    ("build_512m", "build 512 MiB of 2M, claimed, and destroy", False, "1,500,000", "117,900,000"),
    ("build_empty", "  the same without memory, but with its pool", False, "", ""),
    ("destroy_empty", "  destroying that", False, "", ""),
]
MACHINES = [ # memory, nodes, options, the benchmark's arguments
    ("2G", 2, "", ""),
    ("4G", 1, "", " memory=clean"),
    ("4G", 1, " idle-scrub=off", " memory=dirty"),
]


def run(mem, nodes, options, arguments, more=()):
    """One boot: the facts as {name: (instructions, pages)}; pages 0: the figure is not one for a page. more: of QEMU."""
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
               "-kernel", "build/homestead", "-append", f"loglvl=info maxcpus=1{options}",
               "-initrd", f"build/guest/bench.elf{arguments}", *more]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    facts = {m[1]: (int(m[2]), int(m[3] or 0))
             for m in re.finditer(r"^@bench name=(\S+) instructions=(\d+)(?: pages=(\d+))?", text, re.M)}
    entry = re.search(r"^@boot tsc_entry=(\d+)", text, re.M)
    first = re.search(r"^@bench name=dom0_entry tsc=(\d+)", text, re.M)
    table = re.search(r"^@memmap ranges=\d+ pages=(\d+) left_out=\d+ table=(\d+)", text, re.M)
    if done.returncode != 33 or not entry or not first or not table or not facts:
        print(text)
        sys.exit(f"bench: the run failed (status {done.returncode})")
    if "memory=" not in arguments:
        facts["boot_to_dom0"] = int(first[1]) - int(entry[1]), 0
    else:
        facts["table_bytes"] = int(table[2]) << 12, int(table[1])
    return facts


def measure():
    """All machines, each twice."""
    facts = {}
    for machine in MACHINES:
        one, two = run(*machine), run(*machine)
        if one != two:
            different = {name: (one.get(name), two.get(name)) for name in {*one, *two} if one.get(name) != two.get(name)}
            sys.exit(f"bench: two runs of {machine} differ: {different}")
        facts.update(one)
    return facts


def figure(facts, name, per_page):
    instructions, pages = facts[name]
    if not per_page:
        return f"{instructions:,}"
    each = instructions / pages
    return f"{each:,.3f}" if each < 1 else f"{each:,.2f}" if each < 100 else f"{each:,.0f}"


def show(heads, rows, markdown):
    """The first column is text, all others are figures."""
    if markdown:
        for row in [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]:
            print(f"| {' | '.join(cell.replace('  ', '&emsp;') for cell in row)} |")
        return
    for row in [heads, *rows]:
        print(f"  {row[0]:50}" + "".join(f"{cell:>16}" for cell in row[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--markdown", action="store_true", help="print the tables for docs/benchmarks.md only")
    args = parser.parse_args()

    facts = measure()
    heading = print if not args.markdown else lambda *_: print()
    heading("Instructions under icount, 2 nodes, 2G")
    show(["", "Homestead", "goal", "Xen 4.17"], [(title, figure(facts, name, False), *others) for name, title, *others in CALLS],
         args.markdown)
    heading("Instructions under icount, claims and memory, one node of 4G")
    show(["", "clean memory", "dirty memory", "goal, clean", "Xen 4.17"],
         [(title, figure(facts, f"{name}_clean", each), figure(facts, f"{name}_dirty", each), *others)
          for name, title, each, *others in MEMORY], args.markdown)
    if args.markdown:
        return
    table, pages = facts.pop("table_bytes")
    print(f"  The frame table takes {table / pages:.2f} bytes a page of RAM.")
    for name, (instructions, pages) in facts.items():
        print(f"@bench name={name} instructions={instructions}" + (f" pages={pages}" if pages else ""))
    print("Two runs agree to the instruction.")


if __name__ == "__main__":
    main()
