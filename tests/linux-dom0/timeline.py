#!/usr/bin/env python3
"""`make timeline`: eight guests of Debian's xl come and go in a Linux domain 0 (check_timeline in guest/linux-dom0/checks) while `hsctl
watch` records, and `hsctl timeline` draws that into build/timeline.svg, or FILE. The recording is beside it.

usage: timeline.py [FILE]     exit status 0: drawn, 1: not, 2: no packages
"""
import base64
import gzip
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 1800
LINE = re.compile(r"recording: (\S+)")


def main():
    picture = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "timeline.svg").resolve()
    recording = ROOT / "build" / (picture.stem + ".samples")
    words = ["./run-qemu.sh", "--linux-dom0", "--direct", "--cmdline", "legacy-claims=affinity", "--dom0-args",
             "test.run=timeline test.patience=10", "--timeout", str(LIMIT_S)]
    if os.environ.get("NO_INSTALL", "0") not in ("", "0"):
        words.append("--no-install")
    run = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = run.stdout.decode(errors="replace")
    if run.returncode == 6:
        print(text[-2000:], file=sys.stderr)
        return 2
    packed = "".join(LINE.findall(text))
    if not packed:
        print(text[-6000:], file=sys.stderr)
        return 1
    recording.write_bytes(gzip.decompress(base64.b64decode(packed)))
    return subprocess.run([ROOT / "build" / "toolstack" / "hsctl", "timeline", picture, "--from", recording, "--title",
                           "Eight guests on two nodes: who held which memory"], env={**os.environ, "TZ": "UTC"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
