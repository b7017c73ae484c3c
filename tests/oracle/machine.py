"""The machine on which both hypervisors run the conformance domain 0, or another one, and a boot of each. docs/hypervisor-guide/testing.md explains QEMU's
options below.

Times are seconds. The limits of a boot do not count those in which QEMU waits for a processor (Clock): a busy host is no hang.
QEMU runs under timeout(1) and is terminated when the verdict has been printed.
"""
import dataclasses
import os
import pathlib
import re
import selectors
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "oracle"  # the transcripts
GUEST = "build/guest/conformance.elf"

MACHINE = [
    "-M", "q35", "-accel", "tcg", "-no-reboot",
    "-smp", "2",
    # Two nodes of a CPU and 1 GiB each.
    "-m", "2048M",
    "-object", "memory-backend-ram,size=1G,id=m0", "-numa", "node,nodeid=0,cpus=0,memdev=m0",
    "-object", "memory-backend-ram,size=1G,id=m1", "-numa", "node,nodeid=1,cpus=1,memdev=m1",
    # Xen needs an IOMMU for a PVH domain 0. Homestead ignores it.
    "-device", "amd-iommu,intremap=on",
    "-nodefaults", "-display", "none", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
]
# SVM and nested paging need an AMD CPU under Xen; the same CPU for both.
CPU = "max,vendor=AuthenticAMD"
HOMESTEAD_OPTIONS = "com1=115200,8n1 console=com1 loglvl=info"
# conswitch=ax: input stays with Xen, so that the newlines that wake it never reach domain 0. serial_tx_buffer: Xen drops what
# does not fit, and the transcript is longer than the 16 KiB it has otherwise. sched=credit: credit2, the default, leaves a vCPU
# with the lowest credit there is (-10000000, after a stretch in which QEMU was not run) waiting for ever beside idle CPUs: one
# boot of six on a busy host, none of 54 with credit.
XEN_OPTIONS = ("com1=115200,8n1 console=com1 loglvl=info conswitch=ax serial_tx_buffer=1M sched=credit "
               "dom0=pvh dom0_mem=128M")

VERDICT = re.compile(rb"@verdict result=\w+\r?\n")
POWERED_OFF = 33   # QEMU's status when Homestead's domain 0 has powered off: docs/hypervisor-guide/output.md
LIMIT_S = 180      # of one boot
SILENCE_S = 30     # nothing printed for so long: it hangs
FEED_S = 0.2
SLOWER = 5         # a boot may take so many times its limit by the wall clock
SAMPLE_S = 1


class Failed(Exception):
    """There is no transcript. The text says why, with the end of the output."""


@dataclasses.dataclass
class Boot:
    """raw: all output; verdict: it was printed; hung: silence or timeout; status: QEMU's exit status."""
    raw: bytes = b""
    verdict: bool = False
    hung: bool = False
    status: int = 0
    seconds: float = 0
    attempts: int = 1


@dataclasses.dataclass
class Dom0:
    """What runs as domain 0: a program of build/guest with its arguments, how many vCPUs it has, and seconds for a boot, and
    of silence; and QEMU's words for the CPU."""
    program: str = GUEST
    arguments: str = ""
    vcpus: int = 1
    limit: int = LIMIT_S
    silence: int = SILENCE_S
    cpu: str = CPU


def conformance(only=None):
    return Dom0(arguments=f"only={only}" if only else "")


def command(kernel, options, dom0):
    return ["qemu-system-x86_64", *MACHINE, "-cpu", dom0.cpu, "-kernel", str(kernel), "-append", f"{options} dom0_max_vcpus={dom0.vcpus}",
            "-initrd", f"{dom0.program} {dom0.arguments}".strip() + f",{dom0.program}"]


def feed(child):
    try:
        child.stdin.write(b"\n")
    except OSError:  # it has ended, or it reads nothing
        pass


def family(pid):
    """The process and its descendants."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:  # it has ended
            pass
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def waits(pid):
    """{thread: seconds in which it was runnable and did not run}, of the family; empty where the kernel does not count them."""
    found = {}
    for one in family(pid):
        for stat in pathlib.Path(f"/proc/{one}/task").glob("*/schedstat"):
            try:
                found[stat.parent.name] = int(stat.read_text().split()[1]) / 1e9
            except (OSError, IndexError):
                pass
    return found


class Clock:
    """Seconds in which no thread of the process had to wait for a processor."""

    def __init__(self, pid):
        self.pid, self.wall, self.before, self.lost = pid, time.monotonic(), waits(pid), 0

    def now(self):
        wall = time.monotonic()
        if wall - self.wall >= SAMPLE_S:
            after = waits(self.pid)
            lost = max((seconds - self.before.get(thread, 0) for thread, seconds in after.items()), default=0)
            self.lost += min(lost, wall - self.wall)
            self.wall, self.before = wall, after
        return self.wall - self.lost


def watch(child, boot, feeding, to_the_end, limit, silence):
    """Reads until the verdict (unless to_the_end), a hang or the end of the output. True: QEMU has ended."""
    clock = Clock(child.pid)
    start = heard = clock.now()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not boot.hung:
            if selector.select(FEED_S):
                piece = os.read(child.stdout.fileno(), 1 << 16)
                if not piece:
                    return True
                boot.raw += piece
                heard = clock.now()
                boot.verdict = boot.verdict or bool(VERDICT.search(boot.raw[-len(piece) - 64:]))
                if boot.verdict and not to_the_end:
                    return False
            elif feeding:
                feed(child)
            now = clock.now()
            boot.hung = now - heard > silence or now - start > limit
    return False


def run(arguments, feeding=False, to_the_end=False, limit=LIMIT_S, silence=SILENCE_S):
    """One boot of this command."""
    boot, start = Boot(), time.monotonic()
    child = subprocess.Popen(["timeout", "--kill-after=5", str(SLOWER * limit + 10), *arguments], cwd=ROOT, bufsize=0,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ended = False
    try:
        os.set_blocking(child.stdin.fileno(), False)
        ended = watch(child, boot, feeding, to_the_end, limit, silence)
    finally:
        if not ended:
            child.terminate()  # timeout passes it on
        boot.status = child.wait()
        child.stdin.close()
        child.stdout.close()
    boot.seconds = time.monotonic() - start
    return boot


def tail(raw, lines=25):
    return "\n".join("    " + line for line in raw.decode("utf-8", "replace").replace("\r", "").splitlines()[-lines:])


def keep(name, raw):
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.log").write_bytes(raw)


def mixed_up(raw):
    """Has QEMU mixed up host and guest state (docs/hypervisor-guide/testing.md, QEMU 7.2)? Then Homestead reports a vCPU that exited with a
    nested page fault and a RIP in the hypervisor, where no guest has memory."""
    return re.search(rb"d\d+v\d+: last exit 0x400, 64-bit code\r?\n +rip ffffffff8", raw) is not None


def boot_homestead(name="homestead", dom0=Dom0()):
    """Boots to the end and stores the console output as build/oracle/NAME.log. A hang is a failure; after a boot that QEMU has
    mixed up it boots again."""
    for attempt in (1, 2, 3):
        boot = run(command("build/homestead", HOMESTEAD_OPTIONS, dom0), to_the_end=True, limit=dom0.limit, silence=dom0.silence)
        boot.attempts = attempt
        keep(name, boot.raw)
        if not mixed_up(boot.raw):
            break
    if boot.hung or boot.status != POWERED_OFF:
        what = "hangs" if boot.hung else f"ended with status {boot.status}, not {POWERED_OFF}"
        raise Failed(f"Homestead {what}; build/oracle/{name}.log ends with\n{tail(boot.raw)}")
    return boot


def boot_xen(xen, name="xen", dom0=Dom0()):
    """The same with Xen, up to the verdict, after which Xen halts. Under TCG all its CPUs sometimes sleep until serial input
    arrives, so newlines are sent. If it stays asleep, it is booted a second time."""
    for attempt in (1, 2):
        boot = run(command(xen, XEN_OPTIONS, dom0), feeding=True, limit=dom0.limit, silence=dom0.silence)
        boot.attempts = attempt
        keep(name, boot.raw)
        if not boot.hung:
            break
    version = re.search(rb"Xen version (\S+)", boot.raw)
    if not version or not version[1].startswith(b"4.17"):
        raise Failed(f"this is no Xen 4.17; build/oracle/{name}.log ends with\n{tail(boot.raw)}")
    if not boot.verdict:
        what = "hangs, twice" if boot.hung else f"ended with status {boot.status}"
        raise Failed(f"Xen {what}, without a verdict; build/oracle/{name}.log ends with\n{tail(boot.raw)}")
    return boot


def xen_version(raw):
    return re.search(rb"Xen version (\S+)", raw)[1].decode()
