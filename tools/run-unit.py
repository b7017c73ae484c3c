#!/usr/bin/env python3
"""Runs the cmocka programs given as arguments. Prints one line for each, its lines `note: ...`, and failures in full.

The last line is `unit: N passed, N failed`; exit status 0 only if tests ran and none failed.
"""
import re
import subprocess
import sys

passed = failed = skipped = 0
for program in sys.argv[1:]:
    try:
        run = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        text, status = run.stdout.decode(errors="replace"), run.returncode
    except subprocess.TimeoutExpired as late:
        text, status = (late.stdout or b"").decode(errors="replace") + "\nTIMEOUT after 300 s", 1
    ok = len(re.findall(r"^\[ +OK +\]", text, re.M))
    skip = len(set(re.findall(r"^\[ +SKIPPED +\] (?!.*test\(s\))(\S+)", text, re.M)))
    bad = len(set(re.findall(r"^\[ +(?:FAILED|ERROR) +\] (?!.*test\(s\))(\S+)", text, re.M)))
    # A program that crashed or ran no test counts as one failure.
    if status != 0 and bad == 0 or ok + bad + skip == 0:
        bad += 1
    passed, failed, skipped = passed + ok, failed + bad, skipped + skip
    print(f"  {'FAIL' if bad else 'ok':5}{program.split('/')[-1]:28}{ok:4} passed{bad:4} failed"
          + (f"{skip:4} skipped" if skip else ""))
    for note in re.findall(r"^note: (.*)", text, re.M):
        print("       " + note)
    if bad:
        print(text)
if skipped:
    print(f"  {skipped} skipped: the tables of real machines (../shared) are missing")
print(f"unit: {passed} passed, {failed} failed")
sys.exit(0 if passed and not failed else 1)
