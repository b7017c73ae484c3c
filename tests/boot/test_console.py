"""Guests' consoles on the serial line: the foreground, commands, and much output."""
import fcntl
import pty
import re
import shutil
import subprocess
import termios

import pexpect.fdpexpect
import pytest

import harness
from checks import AnyRun, GoodRun

FLOOD = 1500  # lines of 64 bytes
FILLER = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Consoles(harness.Console):
    """A run of three guests that are talked to: alpha, beta, and gamma, which is killed."""

    def __init__(self, directory, *options):
        super().__init__("--direct", "--guests", harness.guest_dir("echo", directory), *options)
        self.type = self.child.send

    def order(self, key, answer, name=None):
        self.type(b"\x1d" + (str(self.domain(name)).encode() if name else b"") + key)
        self.wait(rb"@console event=" + answer + rb"[^\n]*\n")

    def domain(self, name):
        return int(re.findall(rb"@guest domain=(\d+) event=created code=0 name=%s\r" % name.encode(), self.raw)[-1])

    def say(self, text, answer):
        """Types a line; the answer comes after its echo."""
        self.type(text + b"\r")
        self.wait(re.escape(text) + rb"\r\n" + answer + rb"> ")


class TestConsoles(GoodRun):
    """Three guests at once, each on its own vCPU of domain 0."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        c = Consoles(tmp_path_factory.mktemp("echo"), "--cmdline", "dom0_max_vcpus=3")
        for _ in range(3):
            c.wait(rb"\(d\d\) echo: ready")
        c.type(b"nobody")
        c.wait(rb"no guest has the input: ")
        c.order(b"\r", b"refused")
        c.order(b"9k", b"refused")
        c.order(b"z", b"refused")
        c.order(b"?", b"helped")
        c.order(b"\r", b"foreground", "alpha")
        c.wait(rb"> ")  # the prompt that it had begun
        c.say(b"hello", rb"you said 'hello'\r\n")
        c.type(b"a\x1d\x1db\r")
        c.wait(rb"a\x1db\r\nyou said 'a\x1db'\r\n> ")
        c.type(b"l" * 79 + b"\x1dl")  # a command in the middle of a line
        c.wait(rb"event=listed")
        c.type(b"\r")
        c.wait(rb"you said 'l{79}'\r\n> ")
        c.say(b"bytes", rb"(?s:.{257})")  # a carriage return comes before the newline
        c.bytes = c.child.after[-259:-2]
        c.type(b"flood %d\r" % FLOOD)
        c.order(b"\r", b"foreground", "beta")
        c.type(b"flood %d\r" % FLOOD)
        for _ in range(2):
            c.wait(rb"%010d [a-zA-Z]+\r\n" % (FLOOD - 1))
        c.order(b"p", b"paused")
        c.type(b"time\r")
        c.order(b"l", b"listed")
        c.order(b"p", b"unpaused", "beta")
        c.wait(rb"time\r\n\d+ ms\r\n> ")
        c.order(b"k", b"kill", "gamma")
        c.wait(rb"event=killed")
        c.order(b"n", b"foreground")
        c.order(b"\r", b"foreground", "beta")
        c.type(b"shutdown 0\r")
        c.wait(rb"event=background domain=\d+ name=beta")
        c.order(b"n", b"foreground")
        c.order(b"q", b"background")
        c.type(b"lost")
        c.order(b"\r", b"foreground", "alpha")
        c.type(b"e9\r")
        c.wait(rb"\(d\d\) by port 0xE9\r\n")
        c.type(b"shutdown 0\r")
        run = c.end()
        run.bytes = c.bytes
        return run

    def test_every_byte_goes_out_in_the_foreground(self, run):
        assert run.bytes == bytes(range(10)) + b"\r" + bytes(range(10, 256))

    def written(self, run, name, front):
        """The numbers of the whole lines that came out, before the moment when beta took the foreground from alpha, and after it."""
        start = next(i for i, line in enumerate(run.lines) if re.match("@console event=foreground .*name=beta", line))
        prefix = "" if front else re.escape(f"(d{run.domain(name)}) ")
        lines = run.lines[:start] if front and name == "alpha" else run.lines[start:]
        return [int(m[1]) for m in (re.fullmatch(prefix + rf"(\d{{10}}) {FILLER}", line) for line in lines) if m]

    def test_a_flood_is_whole_in_the_foreground(self, run):
        """Other lines came in the middle of some of its lines, which are then shown again."""
        assert self.written(run, "beta", front=True) == list(range(FLOOD))

    def test_a_flood_is_whole_when_it_loses_the_foreground(self, run):
        """The line that was being written then is shown again, whole."""
        front, back = (self.written(run, "alpha", front) for front in (True, False))
        assert back[0] < FLOOD // 2 and list(dict.fromkeys(front)) + back == list(range(FLOOD))

    def test_killed(self, run):
        assert run.events("gamma")[-2:] == [("killed", -4), ("destroyed", 0)]

    def test_nothing_typed_for_nobody_arrives(self, run):
        assert "you said 'lost" not in run.text and "you said 'nobody" not in run.text

    def test_a_paused_guest_does_not_answer(self, run):
        at = [i for i, line in enumerate(run.lines) if re.search("event=(paused|unpaused|listed)", line)][-3:]
        paused, listed, unpaused = (run.lines[i] for i in at)
        assert "event=paused" in paused and "event=listed" in listed and "event=unpaused" in unpaused, (paused, unpaused)
        assert any(re.match(rf"console   d{run.domain('beta')} +beta +paused", line) for line in run.lines[at[0]:at[1]])
        assert not any(" ms" in line for line in run.lines[at[0]:at[2]])


class TestOneVcpu(GoodRun):
    """The same guests one after the other; each has the foreground from its start."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        c = Consoles(tmp_path_factory.mktemp("echo"), "--cpus", 1, "--dom0-args", "foreground=alpha")
        c.wait(rb"event=foreground domain=\d+ name=alpha[^>]*> ")
        c.say(b"hello", rb"you said 'hello'\r\n")
        c.type(b"shutdown 0\r")
        c.wait(rb"\(d\d+\) echo: ready")
        c.order(b"\r", b"foreground", "beta")
        c.say(b"hello", rb"you said 'hello'\r\n")
        c.type(b"shutdown 0\r")
        c.wait(rb"\(d\d+\) echo: ready")
        c.order(b"k", b"kill", "gamma")
        return c.end()

    def test_each_ends_before_the_next(self, run):
        events = [(f["name"], f["event"]) for f in run.all("guest") if f["event"] in ("started", "destroyed")]
        assert events == [(name, event) for name in ("alpha", "beta", "gamma") for event in ("started", "destroyed")]


class TestGuestLogs(GoodRun):
    """--guest-logs: what each guest prints, byte by byte, in the foreground and in the background; the display is as without it."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        logs = tmp_path_factory.mktemp("logs")
        c = Consoles(tmp_path_factory.mktemp("echo"), "--guest-logs", logs, "--cmdline", "dom0_max_vcpus=3")
        for _ in range(3):
            c.wait(rb"\(d\d\) echo: ready")
        c.order(b"\r", b"foreground", "alpha")
        c.wait(rb"> ")
        c.say(b"hello", rb"you said 'hello'\r\n")
        c.say(b"bytes", rb"(?s:.{257})")
        c.type(b"flood %d\r" % FLOOD)
        c.order(b"\r", b"foreground", "beta")
        c.type(b"flood %d\r" % FLOOD)
        for _ in range(2):
            c.wait(rb"%010d [a-zA-Z]+\r\n" % (FLOOD - 1))
        c.order(b"\r", b"foreground", "alpha")
        c.type(b"e9\r")
        c.wait(rb"\(d\d\) by port 0xE9\r\n")
        c.type(b"shutdown 0\r")
        c.wait(rb"event=background domain=\d+ name=alpha")
        c.order(b"\r", b"foreground", "beta")
        c.order(b"k", b"kill", "gamma")
        c.type(b"shutdown 0\r")
        run = c.end()
        run.logs = {path.name: path.read_bytes() for path in logs.iterdir()}
        return run

    def test_one_log_a_guest(self, run):
        assert sorted(run.logs) == ["alpha.log", "beta.log", "gamma.log"]

    def test_logs_are_complete(self, run):
        flood = "".join(f"{i:010} {FILLER}\n" for i in range(FLOOD)).encode()
        domains = {name: run.domain(name) for name in ("alpha", "beta")}
        head = "test guest: domain %d, %d memory ranges, mode echo\necho: ready\r\n> "
        ranges = int(re.search(r"domain \d+, (\d+) memory ranges", run.text)[1])
        alpha = run.logs["alpha.log"]
        assert alpha.count(b"by port 0xE9\n") == 1  # its place is not exact
        assert alpha.replace(b"by port 0xE9\n", b"") == (
            (head % (domains["alpha"], ranges)).encode() + b"hello\r\nyou said 'hello'\r\n> bytes\r\n" + bytes(range(256))
            + b"> flood %d\r\n" % FLOOD + flood + b"> e9\r\n> shutdown 0\r\n")
        assert run.logs["beta.log"] == (head % (domains["beta"], ranges)).encode() + b"flood %d\r\n" % FLOOD + flood + b"> shutdown 0\r\n"

    def test_no_frame_is_shown(self, run):
        assert not run.all("output")


class TestEnd(AnyRun):
    """Ctrl-] x."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        c = Consoles(tmp_path_factory.mktemp("echo"))
        c.wait(rb"\(d\d\) echo: ready")
        c.order(b"x", b"ended")
        return c.end()

    def test_it_ends_the_guest_and_starts_no_other(self, run):
        run.expect_status(harness.FAIL)
        assert [event for event, _ in run.events("alpha")] == ["created", "started", "killed", "destroyed"]
        assert run.events("beta") == run.events("gamma") == [("skipped", -4)]
        assert run.all("leak", name="total", pages=0, claims=0)


class TestTerminal(AnyRun):
    """On a terminal all keys reach the guest, Ctrl-C too, and the terminal is as before afterwards."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        try:
            ours, theirs = pty.openpty()
        except OSError as error:
            pytest.skip(f"no pseudo-terminal: {error}")
        directory = harness.guest_dir("one", tmp_path_factory.mktemp("terminal"))
        shutil.copy(harness.GUESTS / "echo/1-alpha.cfg", directory / "0.cfg")
        command = harness.command_of(("--direct", "--guests", directory, "--dom0-args", "foreground=alpha"))
        before = termios.tcgetattr(theirs)
        child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=harness.ROOT, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        line = pexpect.fdpexpect.fdspawn(ours, timeout=harness.BOOT_TIMEOUT)
        line.expect(rb"Ctrl-\] x ends the run")
        line.expect(rb"event=foreground[^>]*> ")
        line.send(b"a\x03b\x1a\x1c\r")
        assert line.expect([rb"you said 'a\x03b\x1a\x1c'\r", rb"run-qemu: (FAIL|PASS)"], timeout=60) == 0
        line.send(b"shutdown 0\r")
        line.expect(rb"run-qemu: PASS")
        run = harness.Run(b"", child.wait())
        run.restored = termios.tcgetattr(theirs) == before
        return run

    def test_it_ends_well(self, run):
        run.expect_status(harness.PASS)

    def test_the_terminal_is_as_before(self, run):
        assert run.restored
