#!/usr/bin/env python3
"""Boots the same Linux guest on Homestead and on Debian's Xen, with the same builder, and counts: instructions from its unpause
to the first instruction of its /init, where they are executed, and exits by kind.

Usage: linux.py [--no-xen] [--vcpus N]... [--keep DIR] [--record] [KERNEL]
KERNEL is a vmlinux or bzImage of Linux with PVH; default what tools/get-linux.sh has fetched.

The machine is that of `make bench` (machines.py), with one CPU started, and without the CPU features that Linux cannot use on
Xen 4.17 there: both get the same. With two CPUs, QEMU's icount would run one of them until the next timer of any device, which
says nothing of hypervisors. /init is one static program (init.asm) at an address that nothing else executes. A run is deterministic, but Linux's
own boot depends on the time of every event, so that two runs of different binaries differ by some percent.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

import machines
import record
from machines import ROOT

BUILDER = "build/guest/dom0.elf"
INIT_ADDRESS = 0x7E57000000  # of the /init, in every process's half of the address space, and of no other program
MEM_MIB, GUEST_MIB = 2048, 256
SECONDS = 600
# Where the hypervisors' code is; Linux' own begins 16 MiB above the start of Homestead's.
HOMESTEAD_RANGE = machines.VIRT_BASE, machines.VIRT_BASE + (16 << 20)
XEN_RANGE = 0xFFFF82D000000000, 0xFFFF82E000000000
# Linux on Xen does not come up with these under QEMU 7.2.
CPU_WITHOUT = "-rdtscp,-xsave,-avx,-avx2,-pku"
CMDLINE = "console=hvc0 panic=-1"
# Exit codes of SVM, by AMD's Programmer's Manual, volume 2, appendix C.
EXITS = {
    0x60: "physical interrupt", 0x61: "NMI", 0x64: "virtual interrupt window", 0x6B: "CR0 write, selective", 0x72: "CPUID",
    0x73: "RSM", 0x74: "IRET", 0x76: "INVD", 0x77: "PAUSE", 0x78: "HLT", 0x7B: "port I/O", 0x7C: "MSR", 0x7F: "shutdown",
    0x80: "VMRUN", 0x81: "hypercall (VMMCALL)", 0x87: "RDTSCP", 0x89: "WBINVD", 0x8D: "XSETBV", 0x400: "nested page fault",
    0x6E: "RDTSC", 0x79: "INVLPG", 0x66: "IDTR read", 0x41: "#DB", 0x43: "#BP", 0x46: "#UD", 0x47: "#NM", 0x4E: "#PF",
    0x51: "#AC", 0x52: "#MC", 0x8A: "MONITOR", 0x8B: "MWAIT",
}

Boot = collections.namedtuple("Boot", "instructions hypervisor guest dom0 exits")


def exit_name(code):
    if code < 0x10:
        return f"CR{code} read"
    if code < 0x20:
        return f"CR{code - 0x10} write"
    if code < 0x40:
        return f"DR{code % 16} {'read' if code < 0x30 else 'write'}"
    return EXITS.get(code, f"code {code:#x}")


def build_init(directory):
    """The program, and an initramfs with nothing else."""
    obj, program = directory / "init.o", directory / "init"
    subprocess.run(["nasm", "-f", "elf64", "-o", str(obj), "tests/bench/linux/init.asm"], cwd=ROOT, check=True)
    subprocess.run(["x86_64-linux-gnu-ld", "-static", "-nostdlib", "--build-id=none", f"-Ttext={INIT_ADDRESS:#x}", "-o", str(program),
                    str(obj)], check=True)
    return pack(directory, "initramfs.cpio", ["init"])


def pack(directory, name, files):
    done = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "--reproducible", "-R", "0:0"], cwd=directory, check=True,
                          input="\n".join(files).encode() + b"\n", stdout=subprocess.PIPE)
    path = directory / name
    path.write_bytes(done.stdout)
    return path


def archive(directory, kernel, vcpus):
    build_init(directory)
    (directory / "kernel").write_bytes(pathlib.Path(kernel).read_bytes())
    (directory / "linux.cfg").write_text(
        f'name = "linux"\nkernel = "kernel"\nramdisk = "initramfs.cpio"\nmemory = {GUEST_MIB}\nvcpus = {vcpus}\nnodes = [1]\n'
        f'extra = "{CMDLINE}"\ntimeout = {SECONDS}\n')
    return pack(directory, "guests.cpio", ["kernel", "initramfs.cpio", "linux.cfg"])


def machine_command(hypervisor, options, modules, log, windows, begin, end):
    """QEMU's, with counts of what is executed from one address to the other. xl.py has the same machine."""
    machine = machines.Machine(MEM_MIB, "", "")
    words = machines.command(machine, hypervisor, options, "", [
        f"profile.so,start={begin:#x},stop={end:#x},out={windows}"])
    words[1] = str(SECONDS)
    words[words.index("-initrd") + 1] = modules
    cpu = words.index("-cpu") + 1
    words[cpu] = f"{words[cpu]},{CPU_WITHOUT}"
    # QEMU logs each exit of a guest with "in_asm", and the first translation of the code in the filter: that of the two marks.
    return words + ["-d", "in_asm", "-dfilter", f"{begin:#x}+1,{end:#x}+1", "-D", str(log)]


def exits_between_marks(log):
    """Counts exits by code, from the first translation of one mark to that of the other."""
    counts, marks = collections.Counter(), 0
    with open(log, errors="replace") as lines:
        for line in lines:
            if line.startswith("IN:"):
                marks += 1
            elif marks == 1 and line.startswith("vmexit("):
                counts[int(line[7:15], 16)] += 1
    return counts, marks


def places(blocks, hypervisor_range):
    """Instructions in the hypervisor, in the guest and in domain 0, by the address: domain 0 runs 1:1 below its 64 MiB, and
    Linux before it pages runs from 16 MiB."""
    hypervisor = guest = dom0 = 0
    image_end = 16 << 20
    for address, instructions, executions in blocks:
        done = instructions * executions
        if hypervisor_range[0] <= address < hypervisor_range[1]:
            hypervisor += done
        elif address < image_end:
            dom0 += done
        else:
            guest += done
    return hypervisor, guest, dom0


def boot(hypervisor, options, hypervisor_range, kernel, vcpus, keep):
    begin = machines.address_of(BUILDER, "xc_domain_unpause")
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        cpio = archive(directory, kernel, vcpus)
        log, windows = directory / "log", directory / "windows"
        text = machines.emulate(machine_command(hypervisor, options, f"{BUILDER},{cpio}", log, windows, begin, INIT_ADDRESS))
        if keep:
            (keep / f"{pathlib.Path(hypervisor).name}-{vcpus}.log").write_text(text)
        found, blocks = machines.read_windows(windows)
        exits, marks = exits_between_marks(log)
    if len(found) != 1 or marks < 2:
        raise machines.Failed(text)
    return Boot(found[0][0], *places(blocks, hypervisor_range), exits)


def homestead(kernel, vcpus, keep):
    return boot("build/homestead", "loglvl=info com1=115200,8n1 console=com1 dom0_max_vcpus=1 dom0_mem=256M idle-scrub=off maxcpus=1",
                HOMESTEAD_RANGE, kernel, vcpus, keep)


def xen_boot(xen, kernel, vcpus, keep):
    options = "console=com1 com1=115200,8n1 sched=credit dom0=pvh dom0_max_vcpus=1 dom0_mem=256M loglvl=info maxcpus=1"
    return boot(xen.file.name, options, XEN_RANGE, kernel, vcpus, keep)


def recorded(run):
    """A boot, or a command of xl.py, as docs/data has it."""
    return {**run._asdict(), "exits": {exit_name(code): count for code, count in run.exits.items()}}


def million(value):
    return f"{value / 1e6:,.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--no-xen", action="store_true", help="Homestead only")
    parser.add_argument("--vcpus", type=int, action="append", help="of the guest (repeatable; default 1 and 2)")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the consoles' text here")
    parser.add_argument("--record", action="store_true", help="write the figures to docs/data; needs Xen, and 1 and 2 vCPUs")
    parser.add_argument("kernel", nargs="?", default=ROOT / "build/linux/cloud/vmlinuz")
    args = parser.parse_args()
    xen = None if args.no_xen else machines.Xen()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    found = {}
    try:
        for vcpus in args.vcpus or [1, 2]:
            ours = homestead(args.kernel, vcpus, args.keep)
            theirs = xen_boot(xen, args.kernel, vcpus, args.keep) if xen and xen.version else None
            if theirs:
                found[str(vcpus)] = {"homestead": recorded(ours), "xen": recorded(theirs)}
            rows = [(field, getattr(ours, field), getattr(theirs, field) if theirs else None) for field in Boot._fields[:4]]
            print(f"{vcpus} vCPU{'s' * (vcpus > 1)}: million instructions from unpause to the first of /init")
            for title, a, b in rows:
                print(f"  {title:22} {million(a):>12} {million(b) if b is not None else '-':>12} {f'{a / b:.3f}' if b else '':>8}")
            print("  exits")
            codes = set(ours.exits) | set(theirs.exits if theirs else ())
            for code in sorted(codes, key=lambda c: -ours.exits[c] - (theirs.exits[c] if theirs else 0)):
                print(f"  {exit_name(code):22} {ours.exits[code]:>12,} {f'{theirs.exits[code]:,}' if theirs else '-':>12}")
    except machines.Failed as failed:
        sys.exit(f"{failed}\nbench: the run failed")
    if args.record:
        if set(found) != {"1", "2"}:
            sys.exit("bench: not recorded: that takes Xen, and 1 and 2 vCPUs")
        record.write("bench-linux", {"xen_version": xen.version, "vcpus": found})


if __name__ == "__main__":
    main()
