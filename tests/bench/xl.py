#!/usr/bin/env python3
"""Creates and destroys the same Linux guest with Debian's xl, in Debian's Linux as domain 0, on Homestead and on Debian's Xen, and
counts what each of the two commands costs: instructions, in the hypervisor and in all, and exits by kind.

Usage: xl.py [--no-xen] [--keep DIR] [--record]

The machine is that of `make bench-linux`. Each command has a boot of its own. `create` leaves the guest paused: what is counted is
the toolstack's work, not the guest's. Between the commands in domain 0 run two programs at addresses that nothing else executes.
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

import linux
import machines
import record
from machines import ROOT

DOM0 = ROOT / "build/linux-dom0"
BEGIN, END = 0x7E57000000, 0x7E58000000
DOM0_MIB, GUEST_MIB = 640, 512
CREATE, DESTROY = "xl create -p bench.cfg", "xl destroy bench"
# In the place of guest/linux-dom0/checks.
SCRIPT = """#!/bin/busybox sh
. /dom0/profile
cd /tmp
{before}
mark-begin
{command} >/tmp/out 2>&1
status=$?
mark-end
cat /tmp/out
xl list
exit $status
"""
CONFIGURATION = f"""name = "bench"
type = "pvh"
kernel = "/guests/vmlinuz"
ramdisk = "/guests/initramfs"
memory = {GUEST_MIB}
vcpus = 1
"""
OPTIONS = f"com1=115200,8n1 console=com1 loglvl=info maxcpus=1 dom0_max_vcpus=1 dom0_mem={DOM0_MIB}M"

Cost = collections.namedtuple("Cost", "instructions hypervisor exits")


def build_marks(directory):
    obj = directory / "mark.o"
    subprocess.run(["nasm", "-f", "elf64", "-o", str(obj), "tests/bench/linux/mark.asm"], cwd=ROOT, check=True)
    for name, address in (("begin", BEGIN), ("end", END)):
        subprocess.run(["x86_64-linux-gnu-ld", "-static", "-nostdlib", "--build-id=none", f"-Ttext={address:#x}", "-o",
                        str(directory / "bin" / f"mark-{name}"), str(obj)], check=True)


def initramfs(directory, before, command):
    """That of --linux-dom0, and after it what takes the place of its checks: the kernel unpacks one archive after the other."""
    for name in ("bin", "dom0", "tmp"):
        (directory / name).mkdir()
    build_marks(directory)
    (directory / "tmp/bench.cfg").write_text(CONFIGURATION)
    checks = directory / "dom0/checks"
    checks.write_text(SCRIPT.format(before=before, command=command))
    checks.chmod(0o755)
    own = linux.pack(directory, "own.cpio", ["bin/mark-begin", "bin/mark-end", "dom0/checks", "tmp", "tmp/bench.cfg"])
    whole = directory / "initramfs"
    whole.write_bytes((DOM0 / "initramfs").read_bytes() + own.read_bytes())
    return whole


def boot(hypervisor, options, hypervisor_range, before, command, keep):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        module = initramfs(directory, before, command)
        log, windows = directory / "log", directory / "windows"
        words = linux.machine_command(hypervisor, options, f"{DOM0 / 'vmlinux'} console=hvc0 quiet test.run=all,{module}", log,
                                      windows, BEGIN, END)
        text = machines.emulate(words)
        if keep:
            (keep / f"{pathlib.Path(hypervisor).name}-{command.split()[1]}.log").write_text(text)
        found, blocks = machines.read_windows(windows)
        exits, marks = linux.exits_between_marks(log)
    if len(found) != 1 or marks < 2:
        raise machines.Failed(text)
    inside = sum(instructions * executions for address, instructions, executions in blocks
                 if hypervisor_range[0] <= address < hypervisor_range[1])
    return Cost(found[0][0], inside, exits)


def show(title, ours, theirs):
    print(f"{title}: million instructions")
    for field in ("instructions", "hypervisor"):
        a, b = getattr(ours, field), getattr(theirs, field) if theirs else None
        print(f"  {field:22} {linux.million(a):>12} {linux.million(b) if b else '-':>12} {f'{a / b:.3f}' if b else '':>8}")
    print("  exits")
    codes = set(ours.exits) | set(theirs.exits if theirs else ())
    for code in sorted(codes, key=lambda c: -ours.exits[c] - (theirs.exits[c] if theirs else 0)):
        print(f"  {linux.exit_name(code):22} {ours.exits[code]:>12,} {f'{theirs.exits[code]:,}' if theirs else '-':>12}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--no-xen", action="store_true", help="Homestead only")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the consoles' text here")
    parser.add_argument("--record", action="store_true", help="write the figures to docs/data; needs Xen")
    args = parser.parse_args()
    xen = None if args.no_xen else machines.Xen()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    found = {}
    try:
        for title, before, command in (("create", "", CREATE), ("destroy", CREATE, DESTROY)):
            ours = boot("build/homestead", OPTIONS + " idle-scrub=off", linux.HOMESTEAD_RANGE, before, command, args.keep)
            theirs = None
            if xen and xen.version:
                theirs = boot(xen.file.name, OPTIONS + " dom0=pvh sched=credit", linux.XEN_RANGE, before, command, args.keep)
                found[title] = {"homestead": linux.recorded(ours), "xen": linux.recorded(theirs)}
            show(title, ours, theirs)
    except machines.Failed as failed:
        sys.exit(f"{failed}\nbench: the run failed")
    if args.record:
        if not found:
            sys.exit("bench: not recorded: that takes Xen")
        record.write("bench-xl", {"xen_version": xen.version, "commands": found})


if __name__ == "__main__":
    main()
