#!/usr/bin/env python3
"""The benchmark domain 0 and the main job on SVM and on VMX, both in Bochs with one CPU, where a tick is an instruction: what the
hypervisor's own way costs on each. Times say nothing there. `--record` writes docs/data/bench-vendors.json.

usage: vendors.py [--record]     exit status 1 if a run fails
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import record
from machines import ROOT

RECORD = "bench-vendors"
VENDORS = ("amd", "intel")
SECONDS = 900  # for each
GUESTS_MIB = 32  # each of the two guests of the main job
# Measures against leaks depend on the model, so they are off: the ways of the two vendors are compared.
OPTIONS = "dom0_max_vcpus=1 spec-ctrl=no"
# Instructions in a second of the main job: the fewer, the less does waiting for the serial port hide what differs.
MAIN_JOB_IPS = 10_000_000
# Names of @bench lines, boot for @boot, and main_job.
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
    ("main_job", f"the main job, two guests of {GUESTS_MIB} MiB, whole"),
]


def run(vendor, *options):
    command = ["tools/run-bochs.sh", "--vendor", vendor, "--cpus", "1:1:1", "--timeout", str(SECONDS), "--cmdline", OPTIONS, *options]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        sys.exit(f"{text}\nbench: a run on {vendor} failed (status {done.returncode})")
    return text


def read(text):
    """The benchmark's figures."""
    found = {name: int(value) for name, value in re.findall(r"^@bench name=(\w+) instructions=(\d+)", text, re.M)}
    found["boot"] = int(re.search(r"^@boot .*ticks=(\d+)", text, re.M)[1])
    return found


def read_main_job(text, log):
    """From domain 0's first instruction, as the TSC has it, to the CPU's last one, after domain 0 has powered off, as the ticks before
    each line of Bochs' log have it. Both count from the machine's reset."""
    start = int(re.search(r"^@boot .*tsc_ready=(\d+)", text, re.M)[1])
    halts = re.findall(r"^(\d+)i\[CPU0 *\] WARNING: HLT instruction with IF=0!$", log, re.M)
    if not halts or int(halts[-1]) <= start:
        sys.exit("bench: Bochs' log does not say when the CPU halted")
    return int(halts[-1]) - start


def make_guests(directory):
    """One for each node."""
    directory.mkdir()
    shutil.copy(ROOT / "build/guest/test.elf", directory)
    for node in (0, 1):
        text = f'name = "on{node}"\nkernel = "test.elf"\nmemory = {GUESTS_MIB}\nnodes = [{node}]\n'
        (directory / f"{node}.cfg").write_text(text)


def measure(vendor):
    found = read(run(vendor, "--dom0", "build/guest/bench.elf"))
    with tempfile.TemporaryDirectory() as name:
        guests, kept = pathlib.Path(name) / "guests", pathlib.Path(name) / "kept"
        make_guests(guests)
        text = run(vendor, "--guests", str(guests), "--keep", str(kept), "--ips", str(MAIN_JOB_IPS))
        found["main_job"] = read_main_job(text, (kept / "log").read_text(errors="replace"))
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
