"""A boot during which QEMU's monitor is used: returns a harness.Run; a command is sent when a given text has been printed."""
import json
import socket

import pexpect

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
    more = (() if "--" in arguments else ("--",)) + ("-qmp", f"unix:{socket_path},server=on,wait=off")
    console, monitor = harness.Console(*arguments, *more, timeout=timeout), None
    for pattern, act in steps:
        if console.wait(pattern, pexpect.EOF):
            break
        monitor = monitor or Monitor(socket_path)
        act(monitor)
    return console.end()
