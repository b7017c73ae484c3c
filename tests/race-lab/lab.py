#!/usr/bin/env python3
"""`make race-lab`: two builders that each want more than half of one node, on Debian's Linux, on Debian's Xen 4.17 and on Homestead,
each on the same emulated machine with two nodes of 1 GiB. Prints every race, and where the variants in turns differ from
docs/data/race-lab.json. Transcripts stay in build/race-lab/.

usage: lab.py [--rounds N] [--only linux|xen|homestead] [--record]
exit status 0: as recorded; 1: not, or a claim was not kept, or a run failed. What cannot be had is skipped, and why is printed.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "oracle"), str(ROOT / "tests" / "bench")]
import machine  # noqa: E402
import machines  # noqa: E402
import oracle  # noqa: E402
import race  # noqa: E402
import record  # noqa: E402

BUILD = ROOT / "build" / "race-lab"
LINUX = ROOT / "build" / "linux" / "cloud"
RECORD = "race-lab"
LIMIT_S = 3000
SILENCE_S = 200  # a race of domains takes Xen some seconds, on a busy host many
SYSTEMS = ("linux", "xen", "homestead")


class Skip(Exception):
    """The system cannot be had; the message says why."""


def dom0(rounds):
    return machine.Dom0("build/guest/selftest.elf", f"mode=race rounds={rounds}", 2, LIMIT_S, SILENCE_S)


def boot_homestead(rounds):
    return machine.boot_homestead("race", dom0(rounds)).raw


def boot_xen(rounds):
    try:
        xen = oracle.get_xen()
    except oracle.NoXen as why:
        raise Skip(str(why)) from None
    return machine.boot_xen(xen, "race", dom0(rounds)).raw


def boot_linux(rounds):
    flag = ["--no-install"] if os.environ.get("NO_INSTALL", "0") not in ("", "0") else []
    got = subprocess.run([ROOT / "tools" / "get-linux.sh", *flag, LINUX], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         universal_newlines=True)
    if got.returncode:
        raise Skip(got.stderr.strip())
    if not (BUILD / "root" / "init").is_file():
        raise Skip("build/race-lab/root/init was not built: that takes a static C library")
    initramfs = BUILD / "initramfs"
    initramfs.write_bytes(subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=BUILD / "root", input=b"init\n",
                                         check=True, stdout=subprocess.PIPE).stdout)
    options = f"console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on race.rounds={rounds}"
    boot = machine.run(["qemu-system-x86_64", *machine.MACHINE, "-kernel", str(LINUX / "vmlinuz"), "-append", options,
                        "-initrd", str(initramfs)], to_the_end=True, limit=LIMIT_S, silence=SILENCE_S)
    if not boot.verdict:
        raise machine.Failed(f"Linux has no verdict; it ends with\n{machine.tail(boot.raw)}")
    return boot.raw


BOOT = {"linux": boot_linux, "xen": boot_xen, "homestead": boot_homestead}
VERSION = {"linux": r"^Linux (\S+),", "xen": r"Xen version (\S+)", "homestead": r"^Homestead (\S+) "}


def show(name, version, races, text):
    print(f"\n{name.capitalize()} {version}")
    for variant, rounds in races.items():
        if not variant.startswith("free"):
            print(f"  {variant:24}{race.text_of(rounds[0])}")
    for variant, rounds in races.items():
        if variant.startswith("free") and race.outcome(rounds[0]) != "absent":
            counts = race.histogram(rounds)
            print(f"  {variant:24}{counts['rounds']} rounds: " + ", ".join(
                f"{key} {counts[key]}" for key in ("both", "A", "B", "nobody") if counts[key]) + " complete")
    for line in text.splitlines():
        if line.startswith("@race "):
            print(f"{line} on={name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="of the races at once (default 10)")
    parser.add_argument("--only", choices=SYSTEMS, help="this system alone")
    parser.add_argument("--record", action="store_true", help="write the results to docs/data/race-lab.json")
    args = parser.parse_args()

    BUILD.mkdir(parents=True, exist_ok=True)
    old, new, wrong = record.read(RECORD, {}), {}, []
    for name in [args.only] if args.only else SYSTEMS:
        try:
            raw = BOOT[name](args.rounds)
            (BUILD / f"{name}.log").write_bytes(raw)
            text = raw.decode("utf-8", "replace").replace("\r", "")
            races = race.parse(text)
            version = re.search(VERSION[name], text, re.M)[1]
        except Skip as why:
            print(f"race-lab: SKIP {name}: {why}")
            continue
        except (machine.Failed, race.BadRun) as why:
            wrong.append(f"{name}: {why}")
            continue
        show(name, version, races, text)
        new[name] = {"version": version, "qemu_version": machines.qemu_version(), **race.data_of(races)}
        wrong += race.faults(name, races)
        if not args.record and name in old:
            if old[name]["version"] != version:
                print(f"race-lab: {name}: this is {version}, the record is of {old[name]['version']}")
            wrong += race.differences(name, old[name]["fixed"], new[name]["fixed"])
    print()
    for line in wrong:
        print(line)
    if args.record and not wrong:
        record.write(RECORD, {**old, **new})
    print(f"race-lab: {', '.join(new) or 'nothing'} ran; {len(wrong)} faults")
    return 1 if wrong or not new else 0


if __name__ == "__main__":
    sys.exit(main())
