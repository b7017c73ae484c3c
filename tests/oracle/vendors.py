#!/usr/bin/env python3
"""`make same-answers`: the conformance domain 0 on AMD's SVM in QEMU and on Intel's VMX in Bochs. Both transcripts must be the same but for
what docs/guest-guide/vendor-differences.md lists. They stay in build/oracle/.

usage: vendors.py [--only GROUP] [--seconds N]     exit status 0: all as listed, 1: not; --seconds limits each boot
"""
import argparse
import dataclasses
import subprocess
import sys

import compare
import differences
import machine
import oracle
import transcript

# A CPU on each of two nodes, as in QEMU. Which bits of CR4 are valid follows from CPUID, so QEMU's CPU announces what Haswell has: neither
# UMIP nor SMAP, but an invariant TSC and virtual-8086 mode extensions, which QEMU does not emulate and no case uses.
BOCHS = ["tools/run-bochs.sh", "--vendor", "intel", "--cpus", "1:1:2", "--cmdline", "dom0_max_vcpus=1", "--dom0", machine.GUEST, "--guests", machine.GUEST]
CPU = machine.CPU + ",-umip,-smap,x-force-features=on,+vme,+invtsc"


def boot_bochs(only, seconds):
    """The console's bytes, after a run to its end."""
    arguments = ["--dom0-args", f"only={only}"] if only else []
    done = subprocess.run([*BOCHS, "--timeout", str(seconds), *arguments], cwd=machine.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    machine.keep("vmx", done.stdout)
    if done.returncode:
        raise machine.Failed(f"tools/run-bochs.sh ended with status {done.returncode}; build/oracle/vmx.log ends with\n{machine.tail(done.stdout)}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", metavar="GROUP", help="this group alone")
    parser.add_argument("--seconds", type=int, default=1200, help="limit of each boot")
    args = parser.parse_args()
    try:
        rows = differences.read(differences.VENDORS)
        svm = machine.boot_homestead("svm", dataclasses.replace(
            machine.conformance(args.only), limit=args.seconds, silence=args.seconds, cpu=CPU)).raw
        vmx = boot_bochs(args.only, args.seconds)
    except (machine.Failed, differences.BadList) as why:
        print(f"same-answers: {why}")
        return 1
    result = compare.compare(transcript.parse(svm), transcript.parse(vmx), rows, args.only, names=differences.SIDES[differences.VENDORS])
    oracle.show(result)
    return 1 if result.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
