#!/usr/bin/python3
"""Renders a mermaid diagram, as the mmdc of docs/package.json, which `make docs` installs in build/docs/npm/, does.

usage: mermaid.py -i FILE -o FILE.svg|FILE.pdf

It adds what every diagram needs: Debian's chromium, docs/mermaid.json, a size in SVG (without one, a browser stretches it),
and a cache in build/docs/diagrams/, because HTML and ePub have the same diagrams.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

DOCS = pathlib.Path(__file__).resolve().parent
BUILD = DOCS.parent / "build" / "docs"
CONFIG = DOCS / "mermaid.json"


def sized(svg):
    """The SVG with the width and height of its viewBox."""
    head = re.search(r"<svg\b[^>]*>", svg).group(0)
    width, height = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', head).groups()
    new = re.sub(r'\s(width|height|style)="[^"]*"', "", head)
    return svg.replace(head, f'{new[:-1]} width="{float(width):.0f}" height="{float(height):.0f}">', 1)


def render(source, target):
    browser = os.environ.get("PUPPETEER_EXECUTABLE_PATH") or shutil.which("chromium")
    settings = {"args": ["--no-sandbox"] if os.getuid() == 0 else []}
    if browser:
        settings["executablePath"] = browser
    with tempfile.TemporaryDirectory() as folder:
        chromium = pathlib.Path(folder) / "puppeteer.json"
        chromium.write_text(json.dumps(settings))
        command = [BUILD / "npm/node_modules/.bin/mmdc", "--quiet", "-p", chromium, "-c", CONFIG, "-i", source, "-o", target]
        command += ["--pdfFit"] if target.suffix == ".pdf" else ["-b", "transparent"]
        done = subprocess.run(command, timeout=300, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode or not target.exists():
        sys.exit(f"mermaid: {done.stdout}")
    if target.suffix == ".svg":
        target.write_text(sized(target.read_text()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", type=pathlib.Path, required=True)
    parser.add_argument("-o", type=pathlib.Path, required=True)
    args = parser.parse_args()
    key = b"\0".join(path.read_bytes() for path in (args.i, CONFIG, DOCS / "package-lock.json", pathlib.Path(__file__)))
    cache = BUILD / "diagrams" / (hashlib.sha256(key).hexdigest()[:32] + args.o.suffix)
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        fresh = cache.with_name(f"{os.getpid()}-{cache.name}")
        render(args.i, fresh)
        fresh.rename(cache)
    shutil.copyfile(cache, args.o)


if __name__ == "__main__":
    main()
