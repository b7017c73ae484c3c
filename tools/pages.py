#!/usr/bin/env python3
"""Writes the generated parts of the pages, from docs/data: what stands between `<!-- from data: NAME -->` and `<!-- end of data -->`.
Measuring writes docs/data (`make bench`, `make race-lab RECORD=1`, ...); this reads it, so that no figure is typed. SUPPORT.md's
tables are from the sources: support_parts.py.

usage: pages.py [--check]     --check: writes nothing; exit status 1 if a page is not what this would write
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests" / "bench"), str(ROOT / "tests" / "race-lab")]
import bench_parts  # noqa: E402
import comparison_parts  # noqa: E402
import race_parts  # noqa: E402
import support_parts  # noqa: E402

PARTS = {**bench_parts.PARTS, **race_parts.PARTS, **comparison_parts.PARTS, **support_parts.PARTS}
BEGIN, END = "<!-- from data: {} -->", "<!-- end of data -->"
# A cell of a table that is a measured figure: with thousands, or with a unit.
FIGURE = re.compile(r"\d{1,3}(,\d{3})+|[\d.,]+ (M|MiB|KiB|ms|us|ns)")
MARK = re.compile(r"^<!-- (?:from data: ([a-z0-9-]+)|end of data) -->$", re.M)


class BadPage(Exception):
    """A page's markers are not in order; the message says where."""


def filled(text, parts, page):
    """The page's text with each part as it is now, and the names of its parts."""
    pieces, names, at, inside = [], [], 0, None
    for mark in MARK.finditer(text):
        name = mark[1]
        if bool(name) == bool(inside):
            raise BadPage(f"{page}: '{mark[0]}' where a part {'is open' if inside else 'is not'}")
        if name:
            if name not in parts:
                raise BadPage(f"{page}: there is no part '{name}': {' '.join(sorted(parts))}")
            pieces.append(text[at:mark.end()])
            names.append(name)
        else:
            pieces.append(f"\n\n{parts[inside]().strip()}\n\n")
            at = mark.start()
        inside = name
    if inside:
        raise BadPage(f"{page}: the part '{inside}' has no end")
    return "".join(pieces) + text[at:], names


def typed(text):
    """Rows of tables, outside of generated parts, with two or more figures."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        mark = MARK.fullmatch(line)
        inside = bool(mark[1]) if mark else inside
        if not inside and line.startswith("|") and sum(bool(FIGURE.fullmatch(cell.strip())) for cell in line.split("|")) > 1:
            yield number


def pages():
    return sorted(page for pattern in ("*.md", "docs/**/*.md", "guest/**/*.md", "toolstack/**/*.md") for page in ROOT.glob(pattern))


def go_through(write):
    """(number of parts, what is wrong as sentences). write: pages that are not up to date are written instead."""
    wrong, used = [], []
    for page in pages():
        text, name = page.read_text(), page.relative_to(ROOT)
        try:
            new, names = filled(text, PARTS, name)
        except BadPage as why:
            wrong.append(str(why))
            continue
        used += names
        wrong += [f"{name}:{number}: figures typed into a table: they belong to docs/data" for number in typed(text)]
        if new != text and write:
            page.write_text(new)
            print(f"pages: {name} written")
        elif new != text:
            wrong.append(f"{name}: not what its data are: make pages, and do not edit between its marks")
    return len(used), wrong + [f"no page has the part '{part}'" for part in sorted({*PARTS} - {*used})]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; a page that is not up to date is an error")
    count, wrong = go_through(write=not parser.parse_args().check)
    for line in wrong:
        print(line)
    if not wrong:
        print(f"pages: {count} parts from data")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
