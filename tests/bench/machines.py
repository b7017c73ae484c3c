"""The machines of `make bench` and one run on each: of Homestead, and of Debian's Xen as it is installed.

Both boot the same benchmark domain 0 on the same machine: 2 nodes, 2 CPUs of which one is started, SVM, an AMD
IOMMU (Xen needs one for a PVH domain 0), under `-icount shift=0,sleep=off`: the TSC advances by one per
instruction executed, so that a figure is an instruction count and the same on every run, on any host, however
loaded. An invariant TSC is forced upon the CPU, or Xen would intercept RDTSC.
"""
import collections
import gzip
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUEST = "build/guest/bench.elf"
XEN_PACKAGE = "xen-hypervisor-4.17-amd64"
XEN = pathlib.Path("/boot/xen-4.17-amd64.gz")
XEN_SYMBOLS = pathlib.Path("/usr/lib/debug/boot/xen-syms-4.17-amd64")
SECONDS = 300
VIRT_BASE, PHYS_BASE = 0xFFFFFFFF80000000, 0x200000  # of Homestead: linker.ld

# size in MiB; the benchmark's arguments; Homestead's options beyond COMMON
Machine = collections.namedtuple("Machine", "mem arguments options")
MACHINES = [
    Machine(2048, "", ""),
    Machine(4096, "memory=clean", ""),
    Machine(4096, "memory=dirty", "idle-scrub=off"),
]
COMMON = "maxcpus=1 dom0_mem=64M loglvl=info"

# A figure: instructions of one call, or of a span, or None; pages it is about; the share of Xen's search for the
# length of the intercepted instruction in it, None if not known, and how many exits searched.
Figure = collections.namedtuple("Figure", "instructions pages share exits", defaults=(None, 0, None, 0))


class Failed(Exception):
    """A run that did not get to its end; the text is what it printed."""


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def symbols(path):
    """Functions of an ELF file as [(address, name)], sorted."""
    found = re.findall(r"^([0-9a-f]+) [tTwW] (\S+)$", output("nm", "-n", str(path)), re.M)
    return [(int(address, 16), name) for address, name in found]


def address_of(path, name):
    for address, other in symbols(path):
        if other == name:
            return address
    sys.exit(f"bench: {path} has no symbol {name}")


def homestead_entry():
    """The physical address of the hypervisor's first instruction."""
    return address_of("build/homestead.elf", "multiboot_entry") - VIRT_BASE + PHYS_BASE


def command(machine, kernel, options, arguments, plugins):
    half = machine.mem // 2
    words = ["timeout", str(SECONDS), "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=single",
             "-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm",
             "-cpu", "max,vendor=AuthenticAMD,x-force-features=on,+invtsc", "-device", "amd-iommu,intremap=on",
             "-smp", "2", "-m", f"{machine.mem}M"]
    for node in range(2):
        words += ["-object", f"memory-backend-ram,size={half}M,id=m{node}",
                  "-numa", f"node,nodeid={node},memdev=m{node},cpus={node}"]
    words += ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
              "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
              "-kernel", str(kernel), "-append", options, "-initrd", f"{GUEST} {arguments}"]
    for plugin in plugins:
        words += ["-plugin", f"{ROOT}/build/host/{plugin}"]
    return words


def emulate(words):
    """The text of a run, which ends with the benchmark's verdict: Xen stays, so the emulator is ended then."""
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines, verdict = [], None
    for line in process.stdout:
        lines.append(line.decode(errors="replace").replace("\r", ""))
        if lines[-1].startswith("@verdict") and verdict is None:
            verdict = lines[-1]
            # Homestead ends by itself; a plugin's last lines come after that.
            threading.Timer(2, process.terminate).start()
    process.wait()
    if verdict != "@verdict result=PASS\n":
        raise Failed("".join(lines))
    return "".join(lines)


def read_windows(path):
    """([(instructions, part, calls)], [(address, instructions, executions)])"""
    windows, blocks = [], []
    for line in path.read_text().splitlines():
        kind, *numbers = line.split()
        (windows if kind == "window" else blocks).append(tuple(int(number, 0) for number in numbers))
    return windows, blocks


def boot(machine, kernel, options, entry, arguments="", search=""):
    """One run: its text, and the windows. search: parameters of profile.so for Xen's search for lengths."""
    marks = [address_of(GUEST, name) for name in ("bench_mark_begin", "bench_mark_end")]
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "windows"
        text = emulate(command(machine, kernel, options, f"{machine.arguments} {arguments}", [
            f"count.so,start={entry:#x},stop={address_of(GUEST, 'image_start'):#x}",
            f"profile.so,start={marks[0]:#x},stop={marks[1]:#x},out={out}{search}"]))
        return text, *read_windows(out)


def figures(text, windows, searched):
    """{name: Figure} of a run."""
    found = {}
    for line in re.findall(r"^@bench (.*)$", text, re.M):
        fact = dict(word.split("=") for word in line.split())
        pages = int(fact.get("pages", 0))
        if "instructions" not in fact:
            if pages:
                found[fact["name"]] = Figure(pages=pages)
            continue
        share, exits, calls = None, 0, int(fact["calls"])
        if searched:
            mine = windows[int(fact["span"]):int(fact["span"]) + int(fact["spans"])]
            _, share, exits = sorted(mine)[len(mine) // 2]
            share, exits = share // calls, exits // calls
        found[fact["name"]] = Figure(int(fact["instructions"]), pages, share, exits)
    count = re.search(r"^count: first=(\d+) others=0$", text, re.M)
    if not count:
        raise Failed(text)
    found["boot_to_dom0"] = Figure(int(count[1]), 0, 0 if searched else None, 0)
    return found


def homestead(machine):
    text, windows, _ = boot(machine, "build/homestead", f"{COMMON} {machine.options}", homestead_entry())
    found = figures(text, windows, False)
    # What the firmware leaves, from 1 MiB on: the same on both hypervisors.
    found["machine_memory"] = Figure(pages=int(re.search(r"^@memmap ranges=\d+ pages=(\d+) ", text, re.M)[1]))
    return found


def package_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, universal_newlines=True)
    status, _, version = done.stdout.partition(" ")
    return version if status == "installed" else None


def qemu_version():
    return re.search(r"version (\S+)", output("qemu-system-x86_64", "--version"))[1]


class Xen:
    """Debian's Xen, unpacked for as long as this lives; version None: it is not installed."""
    def __init__(self):
        self.version = package_version(XEN_PACKAGE) if XEN.exists() else None
        if not self.version:
            return
        self.file = tempfile.NamedTemporaryFile(prefix="xen-")
        self.file.write(gzip.decompress(XEN.read_bytes()))
        self.file.flush()
        self.entry = int(re.search(r"Entry point address:\s+(\S+)", output("readelf", "-h", self.file.name))[1], 16)
        self.search = self.find_search()

    def find_search(self):
        """Where Xen looks for the length of an intercepted instruction, which a CPU with NRIP save would tell, and
        where that function returns to: from Debian's symbols, "" without."""
        if package_version(f"{XEN_PACKAGE}-dbg") != self.version or not XEN_SYMBOLS.exists():
            return ""
        name = "svm_get_insn_len"
        code = output("objdump", "-d", "--no-show-raw-insn", str(XEN_SYMBOLS))
        returns = re.findall(rf"call +[0-9a-f]+ <{name}>\n *([0-9a-f]+):", code)
        return f",part_in={address_of(XEN_SYMBOLS, name):#x}" + "".join(f",part_out=0x{address}" for address in returns)

    def run(self, machine):
        options = f"console=com1 com1=115200,8n1 dom0=pvh dom0_max_vcpus=1 {COMMON}"
        text, windows, _ = boot(machine, self.file.name, options, self.entry, search=self.search)
        return figures(text, windows, bool(self.search))


def repeat(run, machine, times):
    """A machine's figures, the same each time."""
    all_runs = [run(machine) for _ in range(times)]
    for other in all_runs[1:]:
        if other != all_runs[0]:
            different = {name: (all_runs[0].get(name), other.get(name)) for name in {*all_runs[0], *other}
                         if all_runs[0].get(name) != other.get(name)}
            sys.exit(f"bench: two runs of {machine} differ: {different}")
    return all_runs[0]
