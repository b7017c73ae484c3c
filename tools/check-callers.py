#!/usr/bin/env python3
"""Checks that every external symbol is used by another file, and that every declaration has a definition.

Reads the objects of PROGRAM from all its builds, because some functions are called by the debug build only. A symbol
that no other object refers to is dead or should be static. tools/callers.txt lists the exceptions, a line `PROGRAM NAME
REASON` each; an exception that is not needed is an offence too. In the HEADERs, declarations without a definition are
looked for. Prints one line for each offence; exit status 1 if there is any.

usage: check-callers.py PROGRAM HEADER... -- OBJECT...
"""
import pathlib
import re
import sys

from objects import read_objects

EXCEPTIONS = pathlib.Path("tools/callers.txt")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# A declaration starts at column 0 (clang-format). Functions have an argument list, objects say extern.
FUNCTION = re.compile(r"^(?!typedef|static|struct \w+ \{|#|\s|\})[\w *]+?\b\*?(\w+)\([^;{}]*\)[^;{}()]*(?:\([^;{}]*\))?;", re.M)
VARIABLE = re.compile(r"^extern\b(?:[^;({]|\{[^}]*\}|__attribute__\(\(\w+\)\))*;", re.M)
INLINE = re.compile(r"^static inline [\w *]+?\b\*?(\w+)\(", re.M)


def declared_in(header):
    """Names of functions and objects that a header declares and does not itself define inline."""
    text = COMMENT.sub("", header.read_text())
    names = {match.group(1) for match in FUNCTION.finditer(text)} - set(INLINE.findall(text)) - {"__attribute__"}
    for match in VARIABLE.finditer(text):
        # Of `extern struct x {...} a, b[N];` what follows the type.
        words = re.sub(r"\{.*\}|__attribute__\(\(.*?\)\)|\[[^]]*\]", " ", match.group(0), flags=re.S)
        names |= set(re.findall(r"(\w+)\s*(?=[,;])", words))
    return names


def read_exceptions(program):
    """{name: reason}"""
    rows = [line.split(None, 2) for line in EXCEPTIONS.read_text().splitlines() if line and not line.startswith("#")]
    return {row[1]: "".join(row[2:]) for row in rows if row[0] == program}


def main():
    program, *headers = sys.argv[1:sys.argv.index("--")]
    objects = read_objects(sys.argv[sys.argv.index("--") + 1:])
    reasons = read_exceptions(program)
    offences = [f"{EXCEPTIONS}: {name} has no reason" for name, reason in reasons.items() if not reason]

    used = {}  # symbol -> sources that need it
    for found in objects:
        for name in found.used:
            used.setdefault(name, set()).add(found.source)
    defined = {name: found.source for found in objects for name in found.defined}
    alone = {name: source for name, source in defined.items() if name not in used}
    missing = {name: header for header in headers for name in declared_in(pathlib.Path(header))
               if name not in defined and name not in used}
    offences += [f"{source}: no other file refers to {name}: make it static or remove it"
                 for name, source in sorted(alone.items(), key=lambda item: item[::-1]) if name not in reasons]
    offences += [f"{header}: {name} is declared and not defined"
                 for name, header in sorted(missing.items(), key=lambda item: item[::-1]) if name not in reasons]
    offences += [f"{EXCEPTIONS}: {name} needs no exception" for name in reasons if name not in {**alone, **missing}]
    print(*offences, sep="\n", end="\n" if offences else "")
    print(f"callers: {program}: {len(defined)} external symbols, {len(headers)} headers, {len(offences)} offences")
    return 1 if offences or not defined else 0


if __name__ == "__main__":
    sys.exit(main())
