#!/usr/bin/env python3
"""Checks that every header compiles alone, with the flags of the part it belongs to.

The flags come from the environment, as tools/tools.mk gives them: CC, and FLAGS_HV, FLAGS_GUEST and
FLAGS_EFI. Ends with status 1 and the compiler's words for each header that does not. A file that is
meant to be included in the middle of another says so in its first 20 lines: `lint: fragment: REASON`.
"""
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOTS = ["include", "lib", "arch", "mm", "domain", "hypercall", "boot", "guest", "tests/guests"]


FRAGMENT = re.compile(r"lint: fragment: +\S")


def is_fragment(path):
    return any(FRAGMENT.search(line) for line in path.read_text(errors="replace").splitlines()[:20])


def flags_of(path):
    for prefix, name in (("guest/", "FLAGS_GUEST"), ("tests/guests/", "FLAGS_GUEST"), ("boot/efi/", "FLAGS_EFI")):
        if path.startswith(prefix):
            return shlex.split(os.environ[name])
    return shlex.split(os.environ["FLAGS_HV"])


def compiler_says(path):
    # Dependency files are of no use here, and -c of a header would make a precompiled one.
    flags = [f for f in flags_of(path) if f not in ("-MMD", "-MP")]
    # Twice: a header without a guard shows.
    source = f'#include "{path}"\n#include "{path}"\n'
    command = shlex.split(os.environ["CC"]) + flags + ["-I.", "-fsyntax-only", "-x", "c", "-"]
    run = subprocess.run(command, input=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return run.stdout if run.returncode else ""


def main():
    headers = sorted(p.as_posix() for root in ROOTS for p in pathlib.Path(root).rglob("*.h")
                     if not is_fragment(p))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, words in zip(headers, pool.map(compiler_says, headers)):
            if words:
                bad += 1
                print(f"{path} does not compile alone:\n{words}", end="")
    print(f"headers: {len(headers)} headers, {bad} offences")
    return 1 if bad or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
