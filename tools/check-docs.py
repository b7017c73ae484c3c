#!/usr/bin/env python3
"""Checks that documents wrap at 120 columns. Tables, code blocks and the addresses of links do not count.

Prints one line for each offence; exit status 1 if there is any. usage: check-docs.py FILE.md...
"""
import pathlib
import re
import sys

COLUMNS = 120


def long_lines(text):
    """(number, length) of each line that is too long."""
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        if in_code or line.startswith(("|", "    ")):
            continue
        shown = len(re.sub(r"\]\([^)]*\)", "]", line))
        if shown > COLUMNS:
            yield number, shown


def main():
    offences = 0
    for name in sys.argv[1:]:
        for number, length in long_lines(pathlib.Path(name).read_text()):
            offences += 1
            print(f"{name}:{number}: {length} columns, documents wrap at {COLUMNS}")
    print(f"docs: {len(sys.argv) - 1} documents, {offences} offences")
    return 1 if offences or len(sys.argv) == 1 else 0


if __name__ == "__main__":
    sys.exit(main())
