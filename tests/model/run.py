#!/usr/bin/env python3
"""Checks the Promela models with spin: every right one must have no error, every broken one must have one.

What is checked stands at the head of each tests/model/*.pml, one line a check:
    right:  NAME DEFINE...             no error in any state that can be reached
    broken: NAME DEFINE... WORDS       the same rules with one of them broken (the words say how): spin must find it
A DEFINE is in capitals, NAME or NAME=VALUE. Prints the states and seconds of each, for a broken one how many steps lead to the error, ends with
`model: N passed, M failed`; the exit status is 0 only if all passed. -v prints what found the broken ones, or of one that
failed, which steps lead to the error.

usage: run.py [-v] [NAME...]       only these checks, or those of these files
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CHECK = re.compile(r"^ \* (right|broken): +(\S+)((?: +[A-Z][A-Z0-9_]*(?:=\d+)?(?= |$))*)", re.M)
CC = [os.environ.get("HOSTCC", "gcc"), "-w", "-DSAFETY", "-DNOCLAIM", "-DCOLLAPSE", "-DMEMLIM=2000"]
MAX_DEPTH = 5000000
SECONDS = 300  # for one check; it needs a few


def all_checks():
    """(file, kind, name, defines) of every check, in the order of the files."""
    for path in sorted(HERE.glob("*.pml")):
        for kind, name, defines in CHECK.findall(path.read_text()):
            yield path, kind, name, [f"-D{d}" for d in defines.split()]


def unchecked_rules():
    """Broken rules that a model has and no line at a head asks for."""
    known = {d for path in HERE.glob("*.pml") for d in re.findall(r"BREAK_\w+", re.sub(r"^ \* broken:.*", "", path.read_text(), flags=re.M))}
    asked = {d[2:] for _, _, _, defines in all_checks() for d in defines if "BREAK_" in d}
    return sorted(known ^ asked)


def run(command, where):
    done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    return done.returncode, done.stdout.decode(errors="replace")


def search(path, kind, defines, where):
    """Runs spin, the compiler and the search. Returns (errors, states, depth, what was found), or raises RuntimeError."""
    for command in (["spin", "-a"] + defines + [str(path)], CC + ["-O0" if kind == "broken" else "-O1", "-o", "pan", "pan.c"]):
        status, text = run(command, where)
        if status or re.search(r"\berror\b", text, re.I):
            raise RuntimeError(text)
    status, text = run(["./pan", "-b", f"-m{MAX_DEPTH}"], where)
    errors, states = re.search(r"errors: (\d+)", text), re.search(r"(\d+) states, stored", text)
    found = re.search(r"^pan:1: (.*?) \(at depth (\d+)\)", text, re.M)
    # Neither a search that was cut short nor one that spin itself broke off says anything about the model.
    if status or not errors or not states or "max search depth" in text or "out of memory" in text:
        raise RuntimeError(text)
    if "Search not completed" in text and not found:
        raise RuntimeError(text)
    if bool(found) != (int(errors.group(1)) > 0):
        raise RuntimeError(text)
    return int(errors.group(1)), int(states.group(1)), found.group(1) if found else ""


def print_trail(path, defines, where):
    """The steps that lead to the error, without those inside of one, and the state at the end."""
    _, text = run(["spin", "-k", f"{path.name}.trail", "-p"] + defines + [str(path)], where)
    steps, last = [], None
    for line in text[:text.find("spin: trail ends")].splitlines():
        match = re.match(r"\s*(\d+):\s+proc\s+(\d+) \((\w+).*?/([\w.]+:\d+) \(state \d+\)\s*(.*)", line)
        if match and match.group(1) != last:
            last = match.group(1)
            steps.append("        {1:>2} {2:10} {3:18} {4}".format(*match.group(0, 2, 3, 4, 5)))
    print("\n".join(steps[-80:]))
    print(text[text.find("#processes:"):][:4000], flush=True)


def check(path, kind, name, defines, verbose):
    """Does one check and prints its line. Returns whether it passed."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="homestead-model-") as where:
        try:
            errors, states, found = search(path, kind, defines, where)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as why:
            print(f"  FAIL  {name:22} {path.name}: spin, compiler or search did not end as they should\n{why}", flush=True)
            return False
        passed = (errors > 0) == (kind == "broken")
        what = "found" if kind == "broken" else ""
        print(f"  {'ok' if passed else 'FAIL':4}  {name:22} {states:9} states {time.monotonic() - begin:6.1f} s  {what if passed else ''}"
              + (f": {found}" if found and verbose else ""), flush=True)
        if not passed and found:
            print(f"        {path.name} {' '.join(defines)}: {found}", flush=True)
            if verbose:
                print_trail(path, defines, where)
        elif not passed:
            print(f"        {path.name} {' '.join(defines)}: the broken rule was not noticed", flush=True)
    return passed


def main():
    names = [a for a in sys.argv[1:] if a != "-v"]
    if not shutil.which("spin"):
        print("model: spin is missing: tools/setup.sh model")
        return 1
    if unchecked_rules():
        print(f"model: broken rules without a check, or checks without a rule: {' '.join(unchecked_rules())}")
        return 1
    checks = [c for c in all_checks() if not names or c[2] in names or c[0].stem in names]
    results = [check(*c, "-v" in sys.argv[1:]) for c in checks]
    print(f"model: {sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
