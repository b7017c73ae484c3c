#!/usr/bin/env python3
"""What the tests ran of the product: line and branch coverage of each directory, and of all of them, from gcc's counts.

A table, then a line `@coverage dir=...` for each. A file counts for the directory that its path starts with, however
deep it lies, and only if it has code; one that no test is linked with counts as never run. Branches are those of gcc at
-O0: each way out of a condition, of each operand of && and ||, of a switch; the failing side of an assertion is one too.

usage: coverage.py OBJECTS DIRECTORY...     OBJECTS: where the .gcno and .gcda files are; in the root of the tree
"""
import json
import re
import subprocess
import sys

TABLE = "{:<16}{:>7}{:>9}{:>18}{:>9}{:>18}"


class Sum:
    def __init__(self, name):
        self.name = name
        self.files = self.unrun = self.lines = self.lines_total = self.branches = self.branches_total = 0

    def add(self, file):
        self.files += 1
        self.unrun += not file["line_covered"]
        self.lines += file["line_covered"]
        self.lines_total += file["line_total"]
        self.branches += file["branch_covered"]
        self.branches_total += file["branch_total"]

    def row(self):
        return TABLE.format(self.name, self.files,
                            percent(self.lines, self.lines_total), f"{self.lines}/{self.lines_total}",
                            percent(self.branches, self.branches_total), f"{self.branches}/{self.branches_total}")

    def facts(self):
        return (f"@coverage dir={self.name} lines={self.lines} lines_total={self.lines_total} "
                f"branches={self.branches} branches_total={self.branches_total} "
                f"files={self.files} files_never_run={self.unrun}")


def percent(part, whole):
    return f"{100 * part / whole:.1f}%" if whole else "-"


def measured(objects, directories):
    """gcovr adds up what several objects have of one file."""
    filters = [word for name in directories for word in ("--filter", re.escape(name) + "/")]
    command = ["gcovr", "--root", ".", *filters, "-j", "2", "--json-summary", "-", objects]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)["files"]


def main():
    objects, directories = sys.argv[1], sys.argv[2:]
    sums = {name: Sum(name) for name in directories}
    total = Sum("total")
    files = measured(objects, directories)
    for file in files:
        name = next(name for name in directories if file["filename"].startswith(name + "/"))
        sums[name].add(file)
        total.add(file)
    print(TABLE.format("directory", "files", "lines", "", "branches", ""))
    for each in (*sums.values(), total):
        print(each.row())
    unrun = [file["filename"] for file in files if not file["line_covered"]]
    if unrun:
        print("never run: " + " ".join(unrun))
    for each in (*sums.values(), total):
        print(each.facts())
    return 0 if all(each.files for each in sums.values()) else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main())
