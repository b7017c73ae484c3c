#!/usr/bin/env python3
"""`make xl-test`: the checks of guest/linux-dom0/checks with Debian's Linux as domain 0, on Homestead and on Debian's Xen 4.17, and what
differs: the results of the checks, and the lines @xl_fact (docs/hypervisor-guide/output.md). The transcripts stay in build/linux-dom0/.

usage: xl.py [--run WORDS | --libvirt] [--rounds N] [--cpus N] [--only homestead|xen] [--kept]     exit status 0: all as listed, 1: not, 2: no packages

Xen runs on one CPU: on several QEMU 7.2 corrupts its domain 0 (docs/hypervisor-guide/testing.md).
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "linux-dom0"
INITRAMFS = BUILD / "initramfs"
XEN = ROOT / "build" / "oracle" / "xen"
LIMIT_S = 7200
ATTEMPTS = 3

# Linux on Xen does not come up with these under QEMU 7.2; both get the same.
CPU = "max,vendor=AuthenticAMD,-monitor,-rdtscp,-xsave,-avx,-avx2,-pku"
HOMESTEAD_OPTIONS = "com1=115200,8n1 console=com1 loglvl=info dom0_max_vcpus=2"
# As in tests/oracle/machine.py, which has the reasons.
XEN_OPTIONS = ("com1=115200,8n1 console=com1 loglvl=info conswitch=ax serial_tx_buffer=1M sched=credit "
               "dom0=pvh dom0_max_vcpus=2")
DOM0_MIB, WITH_LIBVIRT_MIB = 640, 900

FACT = re.compile(r'@xl(_fact)? check=(\w+) (?:result=(\w+)|text="(.*)")')
# Check: why its facts, or what comes of it, need not be the same.
KNOWN = {"hsctl": "claims on nodes are Homestead's",
         "nodes": "on one CPU, Xen's topology has no CPU, so that xl info -n names no node's"}


class Failed(Exception):
    """There is nothing to compare."""


class NoPackages(Exception):
    """The message says which, and why."""


@dataclasses.dataclass
class Said:
    """results[check]: ok, failed or skipped; facts[check]: a list of texts."""
    results: dict
    facts: dict
    verdict: str


def machine(cpus):
    """Two nodes of 1 GiB; CPUs on both if there are several."""
    half = cpus // 2
    shares = [f",cpus=0-{half - 1}", f",cpus={half}-{cpus - 1}"] if cpus > 1 else [",cpus=0", ""]
    words = ["-M", "q35", "-cpu", CPU, "-smp", str(cpus), "-m", "2048M", "-accel", "tcg,thread=single"]
    for node, share in enumerate(shares):
        words += ["-object", f"memory-backend-ram,size=1024M,id=m{node},reserve=off", "-numa", f"node,nodeid={node},memdev=m{node}{share}"]
    return words + ["-device", "amd-iommu,intremap=on", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                    "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]


def get(*words):
    done = subprocess.run([str(word) for word in words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise NoPackages(done.stderr.strip() or f"{words[0]} ended with status {done.returncode}")


def prepare(with_xen, libvirt):
    flags = ["--no-install"] if os.environ.get("NO_INSTALL", "0") not in ("", "0") else []
    get("tools/get-linux-dom0.sh", *flags, *["--libvirt"] * libvirt, BUILD)
    get("tools/get-linux.sh", *flags, ROOT / "build" / "linux" / "cloud")
    if with_xen:
        get("tools/get-xen.sh", *flags, XEN)
    subprocess.run(["tools/linux-dom0.sh", BUILD, "build/linux/cloud", INITRAMFS], cwd=ROOT, check=True)


def parse(text):
    said = Said({}, {}, "")
    for line in text.replace("\r", "").splitlines():
        match = FACT.match(line)
        if match:
            _, check, result, fact = match.groups()
            if result:
                said.results[check] = result
            else:
                said.facts.setdefault(check, []).append(fact)
        elif line.startswith("@verdict result="):
            said.verdict = line.partition("=")[2]
    return said


def boot(name, kernel, options, words, cpus, libvirt):
    """A transcript with a verdict. Xen's domain 0 can fall victim to QEMU; then there is none, and it is booted again."""
    options += f" dom0_mem={WITH_LIBVIRT_MIB if libvirt else DOM0_MIB}M"
    arguments = f"console=hvc0 quiet {words}".replace(",", ",,")
    command = ["timeout", "--foreground", str(LIMIT_S), "qemu-system-x86_64", *machine(cpus), "-kernel", str(kernel), "-append", options,
               "-initrd", f"{BUILD / 'vmlinux'} {arguments},{INITRAMFS}"]
    for attempt in range(1, ATTEMPTS + 1):
        log = BUILD / f"{name}.log"
        with open(log, "wb") as file:
            subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False)
        said = parse(log.read_text(encoding="utf-8", errors="replace"))
        if said.verdict or name != "xen":
            break
        print(f"xl: {name}: no verdict in boot {attempt}")
    if not said.verdict:
        raise Failed(f"{name} ended without a verdict: see {log.relative_to(ROOT)}\n    {shlex.join(command)}")
    return said


def differences(homestead, xen):
    lines = []
    for check in dict.fromkeys([*homestead.results, *xen.results]):
        mine, its = homestead.results.get(check), xen.results.get(check)
        if "failed" in (mine, its):
            lines.append(f"{check}: {mine} on Homestead, {its} on Xen")
        elif mine != its and check not in KNOWN:
            lines.append(f"{check}: {mine} on Homestead, {its} on Xen")
        facts = [side.facts.get(check, []) for side in (homestead, xen)]
        if facts[0] != facts[1] and "skipped" not in (mine, its) and check not in KNOWN:
            lines += [f"{check}: says other things", *(f"    Homestead  {fact}" for fact in facts[0]), *(f"    Xen        {fact}" for fact in facts[1])]
    for check in KNOWN:
        both = homestead.results.get(check), xen.results.get(check)
        if None not in both and both[0] == both[1] != "skipped" and homestead.facts.get(check) == xen.facts.get(check):
            lines.append(f"{check}: does not differ, so it needs no reason")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", default="long", help="short, long, or names of checks with commas between (long)")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--cpus", type=int, default=1, help="CPUs of the machine of Homestead, when Xen does not run (1)")
    parser.add_argument("--libvirt", action="store_true", help="with libvirt in domain 0, and the check of that name only")
    parser.add_argument("--only", choices=["homestead", "xen"])
    parser.add_argument("--kept", action="store_true", help="boots nothing: compares the transcripts of the last runs")
    args = parser.parse_args()
    if args.libvirt:
        global BUILD, INITRAMFS  # so that the packages of the other runs stay as they are
        BUILD = BUILD.with_name("linux-dom0-libvirt")
        INITRAMFS = BUILD / "initramfs"
        args.run = "libvirt"
    words = f"test.run={args.run} test.rounds={args.rounds}"
    said = {}
    try:
        if args.kept:
            said = {name: parse((BUILD / f"{name}.log").read_text(encoding="utf-8", errors="replace")) for name in ("homestead", "xen")}
        else:
            prepare(args.only != "homestead", args.libvirt)
        if not args.kept and args.only != "xen":
            said["homestead"] = boot("homestead", "build/homestead", HOMESTEAD_OPTIONS, words, args.cpus if args.only else 1, args.libvirt)
        if not args.kept and args.only != "homestead":
            said["xen"] = boot("xen", XEN, XEN_OPTIONS, words + " test.patience=5", 1, args.libvirt)
    except FileNotFoundError as why:
        print(f"xl: there is no {why.filename}")
        return 1
    except NoPackages as why:
        print(f"xl: SKIP: {why}")
        return 2
    except Failed as why:
        print(f"xl: {why}")
        return 1
    for name, one in said.items():
        print(f"{name:10} {sum(r == 'ok' for r in one.results.values())} ok, "
              f"{sum(r == 'skipped' for r in one.results.values())} skipped, failed: "
              f"{' '.join(check for check, r in one.results.items() if r == 'failed') or 'none'}")
    lines = differences(said["homestead"], said["xen"]) if len(said) == 2 else []
    print("\n".join(lines) or "no differences that have no reason")
    failed = lines or any(one.verdict != "PASS" for one in said.values())
    print(f"xl: {'FAIL' if failed else 'PASS'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
