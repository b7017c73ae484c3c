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


def one_line(found):
    inside = " ".join(found[0][1:-1].split())
    return f"{found[0][0]}{inside}{found[0][-1]}" if len(inside) < 110 else found[0]


def write(name, data):
    DATA.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1, sort_keys=True)
    # What is short and has nothing inside is one line.
    text = re.sub(r"[\[{][^][{}]+[]}]", one_line, text)
    path(name).write_text(text + "\n")
