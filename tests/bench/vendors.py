#!/usr/bin/env python3
"""The benchmark domain 0 on SVM and on VMX, both in Bochs with one CPU, where a tick of the TSC is an instruction: what the hypervisor's
own way costs on each. Times say nothing there. `--record` writes docs/data/bench-vendors.json.

usage: vendors.py [--record]     exit status 1 if a run fails
"""
import argparse
import re
import subprocess
import sys

import record
from machines import ROOT

RECORD = "bench-vendors"
VENDORS = ("amd", "intel")
SECONDS = 900  # for each
# Names of @bench lines, and boot for @boot.
CASES = [
    ("boot", "the hypervisor's entry to domain 0"),
    ("null_hypercall", "null hypercall"),
    ("null_hypercall_page", "null hypercall through the page"),
    ("cpuid_exit", "CPUID exit"),
    ("io_exit", "I/O exit"),
    ("physinfo", "sysctl physinfo"),
    ("getdomaininfo", "domctl getdomaininfo"),
    ("evtchn_send", "event channel send, taken each time"),
    ("grant_map_unmap", "map and unmap a grant, both calls"),
    ("claim_pages", "claim and release by XENMEM_claim_pages"),
    ("create_empty", "create an empty domain"),
    ("destroy_empty", "destroy it"),
    ("vcpu_create", "create a vCPU"),
    ("vcpu_context", "give it registers"),
]


def measure(vendor):
    command = ["tools/run-bochs.sh", "--vendor", vendor, "--cpus", "1:1:1", "--timeout", str(SECONDS), "--cmdline", "dom0_max_vcpus=1",
               "--dom0", "build/guest/bench.elf"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        sys.exit(f"{text}\nbench: the run on {vendor} failed (status {done.returncode})")
    return read(text)


def read(text):
    found = {name: int(value) for name, value in re.findall(r"^@bench name=(\w+) instructions=(\d+)", text, re.M)}
    found["boot"] = int(re.search(r"^@boot .*ticks=(\d+)", text, re.M)[1])
    return {name: found[name] for name, _ in CASES}


def table(found):
    """The lines of a table: title, SVM, VMX, VMX to SVM."""
    return [[title, *(f"{found[vendor][name]:,}" for vendor in VENDORS), f"{found['intel'][name] / found['amd'][name]:.2f}"]
            for name, title in CASES]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="write these figures to docs/data")
    args = parser.parse_args()
    found = {vendor: measure(vendor) for vendor in VENDORS}
    for title, svm, vmx, ratio in table(found):
        print(f"  {title:42}{svm:>12}{vmx:>12}{ratio:>8}")
    if args.record:
        record.write(RECORD, found)


if __name__ == "__main__":
    main()
