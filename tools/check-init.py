#!/usr/bin/env python3
"""Nothing that stays may refer to what is given back after the boot (include/homestead/init.h): a relocation of a section that
stays, with a target in a section that goes, is an error, unless it is listed here with its reason.

usage: check-init.py READELF OBJECT...
"""
import re
import subprocess
import sys

# (function that refers, what it refers to): why it does not later.
ALLOWED = {}

GOES = (".init.text", ".init.rodata", ".init.bss", ".bss.init", ".init.sized")
SECTION = re.compile(r"^\s*\[\s*(\d+)\]\s+(\S+)")
SYMBOL = re.compile(r"^\s*\d+:\s+([0-9a-f]+)\s+\S+\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)(?:\s+(\S+))?$")
RELOCATION = re.compile(r"^([0-9a-f]{16})\s+[0-9a-f]{16}\s+\S+\s+[0-9a-f]{16}\s+(\S+)")


def readelf(tool, option, path):
    return subprocess.run([tool, "-W", option, path], check=True, capture_output=True, text=True).stdout.splitlines()


def goes(section):
    return section.startswith(GOES)


def sections_of(tool, path):
    return {m[1]: m[2] for m in map(SECTION.match, readelf(tool, "-S", path)) if m}


def symbols_of(tool, path, sections):
    """[(name, section, value, type, is global)] of what path defines."""
    found = []
    for m in map(SYMBOL.match, readelf(tool, "-s", path)):
        if m and m[4] in sections:
            name = sections[m[4]] if m[2] == "SECTION" else m[5]
            found.append((name, sections[m[4]], int(m[1], 16), m[2], m[3] != "LOCAL"))
    return found


def function_at(symbols, section, offset):
    before = [(value, name) for name, where, value, kind, _ in symbols if where == section and kind in ("FUNC", "OBJECT", "NOTYPE") and value <= offset]
    return max(before)[1] if before else section


def main():
    tool, *objects = sys.argv[1:]
    symbols = {path: symbols_of(tool, path, sections_of(tool, path)) for path in objects}
    everyone = {name: section for path in objects for name, section, _, _, is_global in symbols[path] if is_global}
    wrong, used = [], set()
    for path in objects:
        own = {name: section for name, section, _, _, _ in symbols[path]}
        source = ""
        for line in readelf(tool, "-r", path):
            if line.startswith("Relocation section"):
                source = re.search(r"'\.rela?(\.\S+)'", line)[1]
            m = RELOCATION.match(line)
            if not m or source.startswith((".init.", ".debug_")):
                continue
            target = own.get(m[2], everyone.get(m[2], m[2]))
            if not goes(target):
                continue
            edge = (function_at(symbols[path], source, int(m[1], 16)), m[2])
            if edge in ALLOWED:
                used.add(edge)
            else:
                wrong.append(f"{path}: {edge[0]} stays and refers to {edge[1]} in {target}")
    wrong += [f"tools/check-init.py: {edge} is allowed and does not occur" for edge in ALLOWED if edge not in used]
    for line in sorted(set(wrong)):
        print(line)
    if wrong:
        sys.exit(1)


main()
