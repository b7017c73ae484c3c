#!/usr/bin/env python3
"""`make oracle`: the conformance domain 0 on Homestead and on Xen, and what differs: a table of the groups, each difference that
docs/guest-guide/xen-differences.md does not list, and an @oracle line (docs/hypervisor-guide/output.md). The transcripts stay in build/oracle/.

usage: oracle.py [--only GROUP] [--twice] [-v]     exit status 0: all as listed, 1: not, 2: no Xen
"""
import argparse
import dataclasses
import os
import re
import subprocess
import sys

import compare
import differences
import machine
import transcript


class NoXen(Exception):
    """There is no Xen; the message says why."""


def main_groups():
    """The groups' names, in order, from tests/guests/conformance/main.c."""
    text = (machine.ROOT / "tests" / "guests" / "conformance" / "main.c").read_text(encoding="utf-8")
    return re.findall(r'\{"([a-z0-9_]+)", cases_\w+\}', text)


def get_xen():
    """Xen's image, unpacked. Installs nothing; NO_INSTALL=1: downloads nothing either."""
    xen = machine.KEPT / "xen"
    flag = ["--no-install"] if os.environ.get("NO_INSTALL", "0") not in ("", "0") else []
    done = subprocess.run([machine.ROOT / "tools" / "get-xen.sh", *flag, xen], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, universal_newlines=True)
    if done.returncode:
        raise NoXen(done.stderr.strip() or f"tools/get-xen.sh ended with status {done.returncode}")
    return xen


@dataclasses.dataclass
class Outcome:
    """result: the comparison's; its problems include differences between two runs of one hypervisor. notes: further text."""
    result: compare.Result
    notes: list


def judge(only=None, twice=False):
    """Boots Homestead twice and Xen once (twice: twice), and compares. NoXen, machine.Failed, differences.BadList."""
    rows, xen, dom0 = differences.read(), get_xen(), machine.conformance(only)
    boots = {"homestead": machine.boot_homestead("homestead", dom0),
             "homestead-2": machine.boot_homestead("homestead-2", dom0),
             "xen": machine.boot_xen(xen, "xen", dom0)}
    if twice:
        boots["xen-2"] = machine.boot_xen(xen, "xen-2", dom0)
    read = {name: transcript.parse(boot.raw) for name, boot in boots.items()}
    result = compare.compare(read["homestead"], read["xen"], rows, only)
    for name, title in (("homestead", "Homestead"), ("xen", "Xen")):
        if name + "-2" in read:
            result.problems += compare.same_twice(title, read[name], read[name + "-2"])
    if only is None and list(result.groups) != main_groups():
        result.problems.append((None, f"the groups that ran are {' '.join(result.groups)}; main.c has {' '.join(main_groups())}"))
    notes = [f"Xen {machine.xen_version(boots['xen'].raw)}; " + ", ".join(
        f"{name} {boot.seconds:.1f} s" for name, boot in boots.items())]
    notes += [f"{name} hung, or QEMU mixed up host and guest (docs/hypervisor-guide/testing.md): this is its boot number {boot.attempts}" for name, boot in boots.items() if boot.attempts > 1]
    return Outcome(result, notes)


def show(result):
    names = [*result.groups.items(), ("all", result.total())]
    print(f"  {'group':14}{'cases':>8}{'the same':>10}{'listed':>8}{'unlisted':>10}")
    for name, group in names:
        print(f"  {name:14}{group.cases:8}{group.same:10}{group.listed:8}{group.unlisted:10}")
    for line in compare.lines_of(result.unlisted, result.names):
        print(line)
    for row, why in result.unused:
        print(f"{row}: {why}")
    for _, text in result.problems:
        print(text)
    total = result.total()
    print(f"@oracle cases={total.cases} same={total.same} listed={total.listed} unlisted={total.unlisted} "
          f"unused={len(result.unused)} problems={len(result.problems)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", metavar="GROUP", help="this group alone")
    parser.add_argument("--twice", action="store_true", help="Xen twice, too")
    parser.add_argument("-v", action="store_true", help="print the transcripts")
    args = parser.parse_args()
    try:
        outcome = judge(args.only, args.twice)
    except NoXen as why:
        print(f"oracle: SKIP: {why}")
        return 2
    except (machine.Failed, differences.BadList) as why:
        print(f"oracle: {why}")
        return 1
    if args.v:
        for file in sorted(machine.KEPT.glob("*.log")):
            print(f"--- {file.relative_to(machine.ROOT)}\n{file.read_bytes().decode('utf-8', 'replace')}")
    for note in outcome.notes:
        print(note)
    show(outcome.result)
    return 1 if outcome.result.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
