"""A boot during which QEMU's monitor is used: returns a harness.Run; a command is sent when a given text has been printed."""
import json
import signal
import socket

import pexpect
from pexpect import popen_spawn

import harness


class Monitor:
    """A QMP connection (QEMU's docs/interop/qmp-spec)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rw")
        json.loads(self.lines.readline())  # the greeting
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        """The answer, or None if the command ended QEMU."""
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            try:
                line = self.lines.readline()
            except ConnectionError:
                return None
            if not line:
                return None
            answer = json.loads(line)
            assert "error" not in answer, answer
            if "return" in answer:
                return answer["return"]

    def human(self, line):
        return self.command("human-monitor-command", **{"command-line": line})


def boot(socket_path, steps, *arguments, timeout=harness.BOOT_TIMEOUT):
    """steps: (regular expression, action on the monitor when it has matched), ..., in this order."""
    command = harness.command_of(("--timeout", timeout) + arguments +
                                 (() if "--" in arguments else ("--",)) +
                                 ("-qmp", f"unix:{socket_path},server=on,wait=off"))
    child = popen_spawn.PopenSpawn(command, cwd=str(harness.ROOT), timeout=timeout + 60, maxread=65536)
    raw, monitor = b"", None
    try:
        for pattern, act in steps:
            child.expect([pattern, pexpect.EOF])
            raw += child.before + (child.after if isinstance(child.after, bytes) else b"")
            if not isinstance(child.after, bytes):
                break
            monitor = monitor or Monitor(socket_path)
            act(monitor)
        else:
            child.expect(pexpect.EOF)
            raw += child.before
    except pexpect.TIMEOUT:
        child.kill(signal.SIGTERM)
        raise
    status = child.wait()
    return harness.Run(raw, status if status >= 0 else 128 - status, " ".join(command))
