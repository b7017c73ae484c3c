#!/usr/bin/env python3
"""Proves the small functions of the credit ledger with Frama-C's WP, z3 and cvc4: docs/hypervisor-guide/testing.md#proofs.

The source is that of mm/, copied to build/prove/ with the comments of annotations.txt in it. What is proven stands at the
head of each tests/prove/*.c:
    prove:  FUNCTION...                                  each goal of these functions has a proof
    broken: NAME FUNCTION FILE: TEXT => OTHER TEXT       with that change of the file, some goal of the function has none
And bits.smt2: z3 finds no word of 64 bits for which an axiom is wrong. Prints a line for each, and last
`prove: N goals proven, M broken variants found`; exit status 0 only if everything is as it should be. -v prints the goals
without a proof.

usage: run.py [-v] [NAME...]       only these files, or these broken variants
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
BUILD = TREE / "build/prove"
SECONDS = int(os.environ.get("PROVE_SECS", "20"))  # for one goal and one prover; it needs a few
PROVERS = "z3,cvc4"
ASSUMED = {"wrap_below", "wrap_above"}  # by the C standard
PROVE = re.compile(r"^ \* prove: (.*)", re.M)
BROKEN = re.compile(r"^ \* broken: (\S+) +(\w+) (\S+): (.*?) => (.*)", re.M)
NO_PROOF = re.compile(r"\[wp\] \[[^]]*\] Goal (\S+)(?: : (?!Valid)\w+.*)?$")
SUM = re.compile(r"\[wp\] Proved goals: +(\d+) / (\d+)")


class Wrong(Exception):
    """What is not as it should be, in words."""


def annotations():
    """[(file, function or None, start of a line, comments)]"""
    found = []
    for block in re.split(r"\n(?=mm/)", (HERE / "annotations.txt").read_text())[1:]:
        head, _, text = block.partition("\n")
        where, _, line = head.partition(": ")
        file, _, function = where.partition(" ")
        if not re.fullmatch(r"(\s*/\*@(?:(?!\*/).)*\*/)+\s*", text, re.S):
            raise Wrong(f"annotations.txt: {where}: something else than comments")
        found.append((file, function or None, line, text.rstrip() + "\n"))
    return found


def body_of(text, function, file):
    """Where the function's body begins and ends."""
    match = re.search(rf"^[\w ][^\n;#]*\b{function}\([^;{{]*\)\n{{\n.*?^}}$", text, re.M | re.S)
    if not match:
        raise Wrong(f"{file} has no function {function}() any more")
    return text.index("\n{\n", match.start()), match.end()


def put_in(text, file, function, start, comments):
    """The text with the comments above the line."""
    begin, end = body_of(text, function, file) if function else (0, len(text))
    line = re.compile(r"^ *" + re.escape(start), re.M).search(text, begin, end)
    if not line:
        raise Wrong(f"{file}: {function or 'the file'} has no line any more that starts with `{start}`")
    return text[:line.start()] + comments + text[line.start():]


def prepare(variant, change=None):
    """A folder with the annotated sources, one of them changed."""
    where = BUILD / variant
    shutil.rmtree(where, ignore_errors=True)
    texts = {file: (TREE / file).read_text() for file in {a[0] for a in annotations()} | ({change[1]} if change else set())}
    if change:
        function, file, old, new = change
        begin, end = body_of(texts[file], function, file)
        if texts[file].count(old, begin, end) != 1:
            raise Wrong(f"{variant}: `{old}` is not once in {function}() of {file}")
        texts[file] = texts[file][:begin] + texts[file][begin:end].replace(old, new) + texts[file][end:]
    for file, *what in annotations():
        texts[file] = put_in(texts[file], file, *what)
    for file, text in texts.items():
        (where / file).parent.mkdir(parents=True, exist_ok=True)
        (where / file).write_text(text)
    return where


def frama_c(case, functions, where, stop_early):
    """(proven, all, [goals without a proof]); stop_early: one of these is enough."""
    flags = f"-w -DHOST_TEST -I{HERE}/stubs -I{where} -I{TREE}/include -I{TREE} -include {HERE}/stubs/builtins.h"
    command = ["frama-c", "-c11", "-machdep", "gcc_x86_64", "-cpp-extra-args=" + flags, str(case), "-wp", "-wp-rte", "-wp-prover", PROVERS,
               "-wp-timeout", str(SECONDS), "-wp-par", str(os.cpu_count() or 1), "-wp-fct", ",".join(functions)]
    lines, without = [], []
    with subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          errors="replace", start_new_session=True, env={**os.environ, "WHY3CONFIG": str(BUILD / "why3.conf")}) as run, \
            open(where / "log", "w") as log:
        for line in run.stdout:
            lines.append(line)
            log.write(line)
            log.flush()
            goal = NO_PROOF.match(line)
            if goal:
                without.append(goal.group(1))
                if stop_early:
                    os.killpg(run.pid, signal.SIGTERM)  # its own session: Frama-C and its provers
                    return 0, 1, without
    total = SUM.search("".join(lines))
    if not total or (int(total.group(1)) < int(total.group(2))) != bool(without):
        raise Wrong("frama-c did not end as it should:\n" + "".join(lines[-25:]))
    return int(total.group(1)), int(total.group(2)), without


def prove(case, functions, verbose):
    """Prints the case's line; returns the number of goals, or raises Wrong."""
    begin = time.monotonic()
    proven, total, without = frama_c(case, functions, prepare(case.stem), False)
    print(f"  {'ok' if proven == total else 'FAIL':4}  {case.stem:16} {proven:4} of {total} goals {time.monotonic() - begin:7.1f} s", flush=True)
    if without and verbose:
        print("\n".join(f"        no proof of {goal}" for goal in without), flush=True)
    if proven != total:
        raise Wrong(f"{case.stem}: goals without a proof")
    return proven


def refute(case, name, change):
    begin = time.monotonic()
    without = frama_c(case, [change[0]], prepare(name, change), True)[2]
    print(f"  {'ok' if without else 'FAIL':4}  {name:16} {'found' if without else 'not noticed':14} {time.monotonic() - begin:9.1f} s  "
          f"{without[0] if without else change[0]}", flush=True)
    if not without:
        raise Wrong(f"{name}: the broken function was proven, too")


def check_axioms():
    """The axioms of the contracts, by name, in words of 64 bits."""
    texts = "".join(path.read_text() for path in (HERE / "contracts").glob("*.acsl"))
    wanted = set(re.findall(r"axiom (\w+):", texts)) - ASSUMED
    said = subprocess.run(["z3", "-T:60", str(HERE / "bits.smt2")], stdout=subprocess.PIPE, universal_newlines=True).stdout.split("\n")
    shown = {name for name, answer in zip(said[::2], said[1::2]) if answer == "unsat"}
    if shown != wanted:
        raise Wrong(f"bits.smt2: not shown, or of no axiom: {' '.join(sorted(wanted ^ shown))}")
    print(f"  ok    bits.smt2        {len(shown):4} axioms", flush=True)


def main():
    verbose, names = "-v" in sys.argv[1:], [a for a in sys.argv[1:] if a != "-v"]
    BUILD.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "WHY3CONFIG": str(BUILD / "why3.conf")}
    subprocess.run(["why3", "config", "detect"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    goals, found, wrong = 0, 0, []

    def attempt(function, *args):
        try:
            return function(*args)
        except Wrong as why:
            wrong.append(str(why))
            return None

    attempt(check_axioms)
    for case in sorted(HERE.glob("*.c")):
        text = case.read_text()
        if not names or case.stem in names:
            goals += attempt(prove, case, PROVE.search(text).group(1).split(), verbose) or 0
        for name, *change in BROKEN.findall(text):
            if not names or case.stem in names or name in names:
                before = len(wrong)
                attempt(refute, case, name, change)
                found += len(wrong) == before
    for why in wrong:
        print(f"prove: {why}")
    print(f"prove: {goals} goals proven, {found} broken variants found" + (f", {len(wrong)} faults" if wrong else ""))
    return 1 if wrong or not goals + found else 0


if __name__ == "__main__":
    sys.exit(main())
