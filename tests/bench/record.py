"""The figures that the pages show: one file for each benchmark in docs/data, written when it was measured, and read by
tools/pages.py, which writes the pages' tables.
"""
import json
import re

from machines import ROOT

DATA = ROOT / "docs/data"


def path(name):
    return DATA / f"{name}.json"


def read(name, otherwise=None):
    """What was last recorded; otherwise: there is nothing yet."""
    file = path(name)
    return json.loads(file.read_text()) if file.exists() else otherwise


def write(name, data):
    DATA.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1, sort_keys=True)
    # A list of numbers is one line.
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s*\n\s*", " ", found[1]) + "]", text)
    path(name).write_text(text + "\n")
