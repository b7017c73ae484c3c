#!/usr/bin/env python3
"""Checks that every header compiles on its own, with the flags of its part of the tree.

The flags come from the environment (tools/tools.mk): CC, and FLAGS_HV, FLAGS_GUEST and FLAGS_EFI. Prints the
compiler's messages; exit status 1 if any header fails. A file that is meant to be included in the middle of another
one has a line `lint: fragment: REASON` in its first 20 lines.
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
    # No dependency files, and no -c, which would make a precompiled header.
    flags = [f for f in flags_of(path) if f not in ("-MMD", "-MP")]
    # Included twice, to find a missing include guard.
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
