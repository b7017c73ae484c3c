#!/usr/bin/env python3
"""The same calls and the same job on AMD's SVM and on Intel's VMX, in instructions.

Boots in Bochs on one CPU, where the TSC advances by one per instruction: build/guest/bench.elf as domain 0, then two
guests that test their memory. Nothing fails because of a figure. `--record` writes docs/data/bench-vendors.json.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import record
from machines import ROOT

RECORD = "bench-vendors"
VENDORS = {"amd": "SVM", "intel": "VMX"}
GOAL = 1.5  # VMX to SVM
IPS = 50_000_000
GUEST_MIB = 32
ROWS = [
    ("null_hypercall", "null hypercall"),
    ("null_hypercall_page", "null hypercall through the page"),
    ("cpuid_exit", "CPUID exit"),
    ("io_exit", "I/O exit"),
    ("physinfo", "sysctl physinfo"),
    ("claim_pages", "claim and release by XENMEM_claim_pages"),
    ("claim_domctl", "claim on a node and release by domctl 91"),
    ("evtchn_send", "event channel send, taken each time"),
    ("grant_map_unmap", "map and unmap a grant, both calls"),
    ("create_empty", "create an empty domain"),
    ("destroy_empty", "destroy it"),
    ("vcpu_create", "create a vCPU"),
    ("vcpu_context", "set a vCPU's registers"),
    ("main_job", f"two guests test {GUEST_MIB} MiB each"),
]


def boot(vendor, *options):
    command = ["tools/run-bochs.sh", "--vendor", vendor, "--cpus", "1:1:1", "--ips", str(IPS), "--timeout", "900", *options]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace").replace("\r", "")
    if done.returncode != 0:
        sys.exit(f"{text}\nbench: the run on {vendor} failed (status {done.returncode})")
    return text


def calls(text):
    """Instructions by name, of a run of bench.elf."""
    found = re.findall(r"^@bench name=(\w+) instructions=(\d+) ", text, re.M)
    return {name: int(value) for name, value in found if name in dict(ROWS)}


def job(text):
    """Instructions of a run of guests, to a millisecond of the emulated time."""
    return sum(map(int, re.findall(r"^\w+ +shutdown after (\d+) ms, code 0$", text, re.M))) * (IPS // 1000)


def measure(vendor, guests):
    found = calls(boot(vendor, "--dom0", "build/guest/bench.elf"))
    found["main_job"] = job(boot(vendor, "--guests", guests))
    missing = [name for name, _ in ROWS if not found.get(name)]
    if missing:
        sys.exit(f"bench: no figure on {vendor} of {', '.join(missing)}")
    return found


def pack(directory):
    elf = directory / "test.elf"
    subprocess.run(["x86_64-linux-gnu-objcopy", "--strip-all", ROOT / "build/guest/test.elf", elf], check=True)
    for node in range(2):
        (directory / f"{node}.cfg").write_text(f'name = "on{node}"\nkernel = "test.elf"\nmemory = {GUEST_MIB}\nnodes = [{node}]\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="write these figures to docs/data")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        pack(pathlib.Path(name))
        found = {vendor: measure(vendor, name) for vendor in VENDORS}
    print(f"Instructions in Bochs; the goal is a ratio below {GOAL}")
    print(f"  {'':42} {'SVM':>14} {'VMX':>14} {'ratio':>6}")
    for row, title in ROWS:
        amd, intel = found["amd"][row], found["intel"][row]
        print(f"  {title:42} {amd:>14,} {intel:>14,} {intel / amd:>6.2f}")
    if args.record:
        record.write(RECORD, found)


if __name__ == "__main__":
    main()
