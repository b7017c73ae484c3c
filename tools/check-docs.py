#!/usr/bin/env python3
"""Checks documents: lines wrap at 120 columns (tables, code and the addresses of links do not count); links to files and
to headings lead somewhere; each page of docs/ can be reached from docs/index.md through toctrees.

Prints one line for each offence; exit status 1 if there is any. usage: check-docs.py FILE.md...     (paths from the root)
"""
import fnmatch
import os
import pathlib
import re
import sys

import markup

COLUMNS = 120
INDEX = "docs/index.md"
# Pages that docs/build.py makes.
MADE = re.compile(r"docs/reference/.*")


def long_lines(text):
    """(number, length) of each line that is too long."""
    for number, (line, block) in enumerate(markup.lines(text), 1):
        if block is not None or line.startswith(("|", "    ")):
            continue
        shown = len(re.sub(r"\]\([^)]*\)", "]", line))
        if shown > COLUMNS:
            yield number, shown


def broken_links(name, text):
    """(number, what is wrong) of each link that leads nowhere."""
    for number, target in markup.links(text):
        path, _, anchor = target.partition("#")
        place = pathlib.Path(os.path.normpath(pathlib.Path(name).parent / path)) if path else pathlib.Path(name)
        if not place.exists():
            yield number, f"no file {place}"
        elif anchor and place.suffix == ".md" and anchor not in (markup.headings_of(text) if not path else markup.headings(place)):
            yield number, f"no heading #{anchor} in {place}"


def entries(name, text, pages):
    """(number, page or None, entry) of each entry of the document's toctrees. A pattern is all pages that it matches."""
    for number, entry in markup.toctrees(text):
        path = os.path.normpath(pathlib.Path(name).parent / (entry if entry.endswith(".md") else entry + ".md"))
        if "*" in path or "[" in path:
            for page in pages:
                if fnmatch.fnmatch(page, path) and page.count("/") == path.count("/"):
                    yield number, page, entry
        else:
            yield number, path if path in pages else None, entry


def toctree_faults(texts):
    """What is wrong with the toctrees of the documents {name: text}."""
    reached, queue = {INDEX}, [INDEX]
    while queue:
        name = queue.pop()
        for number, page, entry in entries(name, texts.get(name, ""), texts):
            if page is None:
                yield f"{name}:{number}: no page {entry}"
            elif page not in reached:
                reached.add(page)
                queue.append(page)
    for name in sorted(texts):
        if name.startswith("docs/") and name not in reached and not MADE.match(name):
            yield f"{name}: not in a toctree that {INDEX} leads to"


def faults(texts):
    """What is wrong with the documents {name: text}."""
    for name, text in texts.items():
        for number, length in long_lines(text):
            yield f"{name}:{number}: {length} columns, documents wrap at {COLUMNS}"
        for number, wrong in broken_links(name, text):
            yield f"{name}:{number}: {wrong}"
    yield from toctree_faults(texts)


def main():
    texts = {name: pathlib.Path(name).read_text() for name in sys.argv[1:]}
    offences = list(faults(texts))
    for offence in offences:
        print(offence)
    print(f"docs: {len(texts)} documents, {len(offences)} offences")
    return 1 if offences or not texts else 0


if __name__ == "__main__":
    sys.exit(main())
