#!/usr/bin/env python3
"""Turns `make -n -B V=1` on standard input into a compile_commands.json on standard output, for editors and clangd.

usage: make -n -B V=1 all | compile-commands.py COMPILER...
"""
import json
import os
import shlex
import sys


def main():
    compilers, entries = set(sys.argv[1:]), {}
    for line in sys.stdin.read().replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line)
        except ValueError:  # a piece of shell script
            continue
        sources = [w for w in words if w.endswith(".c")]
        if words and words[0] in compilers and "-c" in words and len(sources) == 1:
            # Files of lib/ are compiled several times: the first command counts.
            entries.setdefault(sources[0], {"directory": os.getcwd(), "file": sources[0], "arguments": words})
    json.dump([entries[f] for f in sorted(entries)], sys.stdout, indent=1)
    print()
    return 0 if entries else 1


if __name__ == "__main__":
    sys.exit(main())
