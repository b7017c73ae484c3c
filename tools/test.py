#!/usr/bin/env python3
"""Runs the parts of `make test` and prints their sum as the last line: `N passed, N failed`.

Each part is a make target whose last line is `NAME: N passed, N failed`. A part that ends without that line, or with
an exit status that contradicts it, counts as one more failure.

usage: test.py MAKE [TARGET=NAME...]      e.g. test.py make check=unit boot=boot
"""
import re
import subprocess
import sys


def run_part(command, name):
    """Runs one part and prints its output. Returns (passed, failed)."""
    passed = failed = 0
    seen = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          errors="replace") as child:
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            match = re.fullmatch(rf"{name}: (\d+) passed, (\d+) failed", line.strip())
            if match:
                seen, passed, failed = True, int(match.group(1)), int(match.group(2))
    if not seen:
        print(f"test: {' '.join(command)} ended with status {child.returncode} and without a result")
    if not seen or (child.returncode != 0 and not failed) or not passed:
        failed += 1
    return passed, failed


def main():
    make, parts = sys.argv[1].split(), [p.split("=") for p in sys.argv[2:]]
    results = [run_part(make + ["--no-print-directory", target], name) for target, name in parts]
    passed, failed = (sum(r[i] for r in results) for i in (0, 1))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
