"""Boots Homestead through ./run-qemu.sh or tools/run-bochs.sh and reads what it printed.

A boot returns a Run: the whole console text, the `@name key=value` lines as dictionaries (docs/hypervisor-guide/output.md specifies
them), and the status. Tests share a Run; each checks one thing.
"""
import collections
import functools
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pexpect
from pexpect import popen_spawn

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))  # documented.py
GUESTS = pathlib.Path(__file__).resolve().parent / "guests"
BUILT = ROOT / "build" / "guest"

# Wall-clock seconds for one boot, some twenty times what it takes on an idle machine.
BOOT_TIMEOUT = 240

PASS, FAIL, USAGE, PANIC, NO_VERDICT, TIMEOUT, SETUP = range(7)

ESCAPES = re.compile(r"\x1b(\[[0-9;=?]*[A-Za-z]|[()][A-Z0-9])")
FACT = re.compile(r'@([a-z][a-z0-9_]*)((?: [a-z][a-z0-9_]*=(?:"[^"]*"|[^ ",]+(?:,[^ ",]+)*))*)')
PAIR = re.compile(r'([a-z][a-z0-9_]*)=(?:"([^"]*)"|([^ "]+))')


class BadFact(Exception):
    """A line that starts with @ but is not what docs/hypervisor-guide/output.md allows."""


class Fact(dict):
    """One @ line. Numbers are int. Attributes: `name`, and `line`, the number of its line."""

    def __init__(self, name, pairs, line):
        super().__init__(pairs)
        self.name, self.line = name, line

    def __repr__(self):
        return f"@{self.name} " + " ".join(f"{k}={v}" for k, v in self.items())


def parse_value(text):
    return int(text, 0) if re.fullmatch(r"-?(0|[1-9][0-9]*)|0x[0-9a-f]+", text) else text


def parse_fact(line, number=0):
    match = FACT.fullmatch(line)
    if not match:
        raise BadFact(line)
    pairs = {}
    for key, quoted, plain in PAIR.findall(match.group(2)):
        if key in pairs:
            raise BadFact(line)
        pairs[key] = parse_value(plain) if plain else quoted
    return Fact(match.group(1), pairs, number)


def clean(raw):
    """Splits console bytes into lines, without terminal escapes and carriage returns."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return [line.rstrip("\r") for line in ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")]


class Run:
    """The output and the exit status of one boot. `program` is the script that booted it, as its last line calls it."""

    def __init__(self, raw, status, command="(a transcript)", program="run-qemu"):
        self.status, self.command, self.program = status, command, program
        self.lines = clean(raw)
        self.text = "\n".join(self.lines)
        self.facts, self.malformed = [], []
        self.index = collections.defaultdict(list)  # by the line's name, and by that and the key `name`
        for number, line in enumerate(self.lines):
            if line.startswith("@"):
                try:
                    self.facts.append(parse_fact(line, number))
                except BadFact:
                    # A message of the hypervisor's has cut it: then it comes again, whole.
                    if not any(later.startswith(line) for later in self.lines[number + 1:number + 40]):
                        self.malformed.append(line)
        for fact in self.facts:
            self.index[fact.name, None].append(fact)
            if "name" in fact:
                self.index[fact.name, fact["name"]].append(fact)

    def all(self, name, /, **having):
        """The facts of this name whose keys have the given values."""
        return [f for f in self.index.get((name, having.get("name")), []) if all(f.get(k) == v for k, v in having.items())]

    def one(self, name, /, **having):
        found = self.all(name, **having)
        assert len(found) == 1, f"wanted one @{name} with {having}, found {found}\n{self.tail()}"
        return found[0]

    def tail(self, lines=60):
        return f"--- {self.command}, status {self.status}, the end of its output:\n" + "\n".join(self.lines[-lines:])

    def last_line(self):
        return next((line for line in reversed(self.lines) if line.strip()), "")

    def expect_status(self, status):
        assert self.status == status, f"wanted status {status}\n{self.tail()}"

    def events(self, name):
        """The events of the guest of this name, in order: [(event, code), ...]."""
        return [(f["event"], f["code"]) for f in self.all("guest", name=name)]

    def names(self):
        """The guests' names, in the order of their first event."""
        return list(dict.fromkeys(f["name"] for f in self.all("guest")))

    def domain(self, name):
        return self.one("guest", name=name, event="created")["domain"]


DEBUG_BUILD = ("--", "-kernel", "build/debug/homestead")  # last of boot()'s arguments


def command_of(arguments, build=False):
    return [str(ROOT / "run-qemu.sh"), "--no-install"] + ([] if build else ["--no-build"]) + [str(a) for a in arguments]


class Console:
    """A run of ./run-qemu.sh with these arguments, whose console is read and written to as it goes on."""

    def __init__(self, *arguments, timeout=BOOT_TIMEOUT):
        self.command = command_of(("--timeout", timeout) + arguments)
        # Pipes, not a terminal: a container or chroot may have no /dev/pts.
        self.child = popen_spawn.PopenSpawn(self.command, cwd=str(ROOT), timeout=timeout + 60, maxread=65536)
        self.raw = b""

    def wait(self, *patterns):
        """Which of these came first. An exception if it was none, or nothing any more: the script itself hangs."""
        try:
            found = self.child.expect(list(patterns))
        except pexpect.TIMEOUT:
            self.child.kill(signal.SIGTERM)
            raise
        self.raw += self.child.before + (self.child.after if isinstance(self.child.after, bytes) else b"")
        return found

    def end(self):
        self.wait(pexpect.EOF)
        status = self.child.wait()
        return Run(self.raw, status if status >= 0 else 128 - status, " ".join(self.command))


def documented(command):
    """The arguments of a `./run-qemu.sh ...` that a document shows (tests/documented.py)."""
    words = shlex.split(command)
    assert words[0] == "./run-qemu.sh", command
    return words[1:]


@functools.lru_cache(maxsize=None)
def boot(*arguments, timeout=BOOT_TIMEOUT):
    """Runs ./run-qemu.sh with these arguments to its end. Equal arguments boot only once."""
    return Console(*arguments, timeout=timeout).end()


@functools.lru_cache(maxsize=None)
def bochs(*arguments, timeout=BOOT_TIMEOUT):
    """Runs tools/run-bochs.sh with these arguments to its end. Equal arguments boot only once."""
    command = [str(ROOT / "tools" / "run-bochs.sh"), "--timeout", str(timeout), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout + 60)
    return Run(done.stdout, done.returncode, " ".join(command), "run-bochs")


def guest_dir(name, destination):
    """Makes the directory for --guests: tests/boot/guests/NAME and the built images that its configurations use."""
    source = GUESTS / name
    configs = sorted(source.glob("*.cfg"))
    assert configs, f"no configurations in {source}"
    for file in source.iterdir():
        shutil.copy(file, destination / file.name)
    for config in configs:
        for image in re.findall(r'^\s*(?:kernel|ramdisk)\s*=\s*["\']([^"\']+)["\']', config.read_text(), re.M):
            built = BUILT / image
            if built.is_file() and not (destination / image).exists():
                shutil.copy(built, destination / image)
    return destination


def guests_on(directory, nodes, empty_nodes=(), mib=16):
    """Makes a directory for --guests with a guest `onN` for each node. Domain 0 must skip those on empty nodes."""
    shutil.copy(BUILT / "test.elf", directory / "test.elf")
    for place, node in enumerate(list(nodes) + list(empty_nodes)):
        optional = int(node in empty_nodes)
        (directory / f"{place:02}-on{node}.cfg").write_text(
            f'name = "on{node}"\nkernel = "test.elf"\nmemory = {mib}\nnodes = [{node}]\noptional = {optional}\n')
    return directory
