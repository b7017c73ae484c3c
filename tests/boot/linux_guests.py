"""Linux guests: Debian's kernels and the initramfs, their configurations, and what they print (docs/hypervisor-guide/output.md)."""
import collections
import os
import re
import subprocess
import time

import pytest

import harness

KERNELS = {
    "6.1-cloud": "linux-image-cloud-amd64",
    "6.1": "linux-image-amd64",
    "6.12-cloud": r"linux-image-6[.]12[.].*-cloud-amd64-unsigned",
    "5.10-cloud": "https://deb.debian.org/debian/pool/main/l/linux-signed-amd64/"
                  "linux-image-5.10.0-32-cloud-amd64_5.10.223-1_amd64.deb",
}
CACHE = harness.ROOT / "build" / "linux"
ALL_CHECKS = "cpus,nodes,distances,date,memory,load,order,hotplug,balloon,dmesg"
LINE = re.compile(r"\(d(\d+)\) (@linux.*)")
ESCAPE = b"\x1d"


def get(script, directory, *words):
    """Runs a script that downloads to the directory, once. Skips the test if there is nothing to be had."""
    flags = ["--no-install"] if os.environ.get("NO_INSTALL", "0") not in ("", "0") else []
    got = subprocess.run([harness.ROOT / "tools" / script, *flags, directory, *words], capture_output=True, text=True)
    if got.returncode:
        pytest.skip(got.stderr.strip())
    return directory


def kernel(name="6.1-cloud"):
    """The directory with this kernel and busybox."""
    return get("get-linux.sh", CACHE / ("cloud" if name == "6.1-cloud" else name), KERNELS[name])


def dom0_packages():
    """The directory with what the front door of a Linux domain 0 takes."""
    return get("get-linux-dom0.sh", harness.ROOT / "build" / "linux-dom0")


def directory(destination, name="6.1-cloud"):
    """destination has vmlinuz and initramfs afterwards."""
    subprocess.run([harness.ROOT / "tools" / "linux-guests.sh", kernel(name), destination], check=True)
    return destination


def config(destination, name, *more, memory=192, vcpus=1, nodes=(), vnodes=(), distance=20, run="cpus,nodes,distances,dmesg", end="poweroff",
           secs=5, kernel_file="vmlinuz", words="console=hvc0 quiet"):
    """A configuration file. nodes: all memory on this node; vnodes: (pnode, MiB, [vcpu, ...]), ...; distance: between any
    two of them, or a list of rows; more: lines of their own."""
    lines = [f'name = "{name}"', f'kernel = "{kernel_file}"', 'ramdisk = "initramfs"', "timeout = 240", *more]
    if end != "ask":
        lines.append('on_reboot = "destroy"')  # how a guest ends whose checks failed
    sizes, where, rows = [memory], [0] * vcpus, [[10]]
    if vnodes:
        sizes, memory = [mib for _, mib, _ in vnodes], sum(mib for _, mib, _ in vnodes)
        rows = distance if isinstance(distance, list) else [[10 if a == b else distance for b in range(len(vnodes))] for a in range(len(vnodes))]
        where = [next(n for n, (_, _, ids) in enumerate(vnodes) if v in ids) for v in range(vcpus)]
        lines.append("vnuma = [" + ", ".join(
            f'["pnode={pnode}", "size={mib}", ' + (f'"vcpus={",".join(map(str, ids))}", ' if ids else "") +
            f'"vdistances={",".join(map(str, row))}"]'
            for (pnode, mib, ids), row in zip(vnodes, rows)) + "]")
    elif nodes:
        lines.append(f"nodes = {list(nodes)}")
    lines += [f"memory = {memory}", f"vcpus = {vcpus}"]
    expected = {"name": name, "run": run, "end": end, "secs": secs, "date": int(time.time()), "nodes": ",".join(map(str, sizes)),
                "vcpus": ",".join(map(str, where)), "dist": "/".join(",".join(map(str, row)) for row in rows)}
    lines.append(f'extra = "{words} ' + " ".join(f"test.{k}={v}" for k, v in expected.items()) + '"')
    (destination / f"{name}.cfg").write_text("\n".join(lines) + "\n")


class Said:
    """What the Linux guests of a run have said: checks[domain] = {name: result}, nodes[domain] = {id: pages}, marks[domain] = [...]."""

    def __init__(self, run):
        self.checks, self.nodes, self.marks = (collections.defaultdict(kind) for kind in (dict, dict, list))
        for line in run.lines:
            match = LINE.fullmatch(line)
            if not match:
                continue
            domain, fact = int(match.group(1)), harness.parse_fact(match.group(2))
            if fact.name == "linux":
                self.checks[domain][fact["check"]] = fact["result"]
            elif fact.name == "linux_node":
                self.nodes[domain][fact["id"]] = fact["pages"]
            else:
                self.marks[domain].append(fact)


def assert_all_ok(run, domain, checks):
    said = Said(run).checks[domain]
    for check in [*checks.split(","), "summary"]:
        assert said.get(check) == "ok", f"d{domain}: {check} {said.get(check)}\n{run.tail()}"


class Guests(harness.Console):
    """A run whose guests are commanded while they run."""

    def started(self, name):
        """The domain of this name that was started last."""
        found = re.findall(rb"@guest domain=(\d+) event=started code=0 name=" + name.encode() + rb"\r?\n", self.raw)
        return int(found[-1])

    def wait_ready(self, number):
        """Waits until so many guests have asked for a command: test.end=ask."""
        for _ in range(number):
            self.wait(rb"\(d\d+\) @linux check=ready")

    def escape(self, keys, answer):
        """A command of domain 0's console, and its answer."""
        self.child.send(ESCAPE + keys)
        self.wait(rb"@console event=" + answer)

    def type(self, domain, text):
        """A line for the guest."""
        self.escape(b"%d\n" % domain, rb"foreground")
        self.child.send(text.encode() + b"\n")
        self.escape(b"q", rb"background")

    def marks(self, until, act=None):
        """The marks of the guests' clocks up to a line, as (seconds of the host's clock, CPU, ns of the guest's). act: (seconds after the
        first mark, what is done then)."""
        found = []
        while not self.wait(rb"@linux_mark cpu=(\d+) ns=(\d+)\r?\n", until):
            found.append((time.monotonic(), *(int(group) for group in self.child.match.groups())))
            if act and found[-1][0] - found[0][0] >= act[0]:
                act[1]()
                act = None
        return found


def drift(marks, window=2.0):
    """How much faster the guest's clock is than the host's, as a ratio. marks: (seconds of the host, ns of the guest). A line arrives
    some time after the guest has read its clock, never before: of each window the least delay counts."""
    assert len(marks) >= 20, f"{len(marks)} marks only"
    begin, end = marks[0][0], marks[-1][0]
    delays = [(host, host - ns / 1e9) for host, ns in marks]
    first = min(delay for host, delay in delays if host <= begin + window)
    last = min(delay for host, delay in delays if host >= end - window)
    return (first - last) / (end - begin)
