#!/usr/bin/env python3
"""Separates the guests' output from the serial line: writes DIR/NAME.log for each guest, and shows the rest.

usage: guest-logs.py DIR [FILE]

Reads what the serial line has printed, from FILE or standard input, while domain 0 has the option `frames`
(guest/README.md). A log has every byte that the guest wrote to its console ring, in their order, and between them its
lines of port 0xE9, about where they were; what later domains of the same name write is appended. Standard output gets what the line shows without that
option: lines `(dN) text`, and the guest in the foreground as it is.
"""
import pathlib
import re
import sys

FRAME = re.compile(rb'@output domain=(\d+) (text|raw)="([^"]*)"')
PORT = re.compile(rb"\(d(\d+)\)(?: (.*))?", re.S)
CREATED = re.compile(rb"@guest domain=(\d+) event=created code=0 name=([A-Za-z0-9._-]+)")
QUOTED = re.compile(rb"%([0-9a-f]{2})")
CONTROL = bytes(set(range(32)) - {9, 10}) + bytes(range(0x7f, 0xa0))
LINE_BYTES = 127  # as in guest/dom0/ring.h
BEGIN = b"@output "


def unquote(text):
    return QUOTED.sub(lambda match: bytes([int(match[1], 16)]), text)


class Splitter:
    """Takes bytes of the line by feed(), and gives what is to be shown to show()."""

    def __init__(self, directory, show):
        self.directory, self.show_bytes = pathlib.Path(directory), show
        self.names, self.logs = {}, {}
        self.line = b""  # of the serial line: what has come of it, unless it was shown at once
        self.passing = False  # the rest of the line is shown as it comes
        self.begun = {}  # domain -> its line that has not ended
        self.open = False  # what was shown last has left a line open

    def log(self, domain, data):
        name = self.names.get(domain, f"d{domain}")
        if name not in self.logs:
            self.logs[name] = open(self.directory / f"{name}.log", "wb")
        self.logs[name].write(data)
        self.logs[name].flush()

    def show(self, data):
        if data:
            self.show_bytes(data)
            self.open = not data.endswith(b"\n")

    def show_line(self, domain, text):
        self.show((b"\r\n" if self.open else b"") + b"(d%d) %s" % (domain, text) + b"\r\n")

    def text(self, domain, data):
        *lines, rest = (self.begun.pop(domain, b"") + data.translate(None, CONTROL)).split(b"\n")
        for line in lines:
            self.show_line(domain, self.divide(domain, line))
        self.begun[domain] = self.divide(domain, rest)

    def divide(self, domain, line):
        """Shows what is before the last LINE_BYTES of a line; returns the rest."""
        while len(line) > LINE_BYTES:
            self.show_line(domain, line[:LINE_BYTES])
            line = line[LINE_BYTES:]
        return line

    def raw(self, domain, data):
        self.show(self.begun.pop(domain, b""))
        self.show(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def frame(self, line):
        """False: it is none. One that a message of the hypervisor cut off is none either; it comes again."""
        match = FRAME.fullmatch(line)
        if match:
            domain, data = int(match[1]), unquote(match[3])
            self.log(domain, data)
            (self.raw if match[2] == b"raw" else self.text)(domain, data)
        return bool(match) or line.startswith(BEGIN)

    def end_of_line(self, line):
        if match := CREATED.fullmatch(line):
            self.names[int(match[1])] = match[2].decode()
        elif match := PORT.fullmatch(line):
            self.log(int(match[1]), (match[2] or b"") + b"\n")

    def feed(self, data):
        *lines, rest = data.split(b"\n")
        for line in lines:
            self.part(line + b"\n")
        if rest:
            self.part(rest)

    def part(self, part):
        """A part of a line of the serial line, or its end."""
        self.line += part
        if not self.passing:
            if self.line.startswith(BEGIN[:len(self.line)]) or self.line.startswith(BEGIN):
                if not self.line.endswith(b"\n"):
                    return  # may be a frame: not shown before it is known
                if self.frame(self.line.rstrip(b"\r\n")):
                    self.line = b""
                    return
            self.show((b"\r\n" if self.open else b"") + self.line)
            self.passing = True
        else:
            self.show(part)
        if self.line.endswith(b"\n"):
            self.end_of_line(self.line.rstrip(b"\r\n"))
            self.line, self.passing = b"", False

    def end(self):
        if not self.passing:
            self.show(self.line)
        for domain, rest in self.begun.items():
            if rest:
                self.show_line(domain, rest)
        for log in self.logs.values():
            log.close()


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    source = open(sys.argv[2], "rb", buffering=0) if len(sys.argv) == 3 else sys.stdin.buffer.raw

    def show(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    pathlib.Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    splitter = Splitter(sys.argv[1], show)
    while data := source.read(65536):
        splitter.feed(data)
    splitter.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
