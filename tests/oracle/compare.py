"""Compares two transcripts, Homestead's and Xen's or those of two vendors' CPUs, by the list of known differences.

Each case must be the same on both, or be listed in a row with both results. Everything else is a problem: a case that only one
of them has; a row whose case no longer differs, does not occur or has other results; an inconsistent transcript.
"""
import dataclasses

# The minimum number of cases of a whole run. Detects cases that are missing on both sides, for example if a group stops half
# way. Raise it when groups are added.
MIN_CASES = 1000
ABSENT = "no such case"
ABSENT_SHOWN = 3  # of each group and side


@dataclasses.dataclass
class Group:
    """How many of a group's cases (of either hypervisor) are the same, differ as listed, and differ otherwise."""
    cases: int = 0
    same: int = 0
    listed: int = 0
    unlisted: int = 0


@dataclasses.dataclass
class Result:
    """groups: {name: Group}; unlisted: [(key, Homestead's line, Xen's, why not listed)]; unused: [(Row, why)];
    problems: [(group or None, text)], all others."""
    groups: dict = dataclasses.field(default_factory=dict)
    unlisted: list = dataclasses.field(default_factory=list)
    unused: list = dataclasses.field(default_factory=list)
    problems: list = dataclasses.field(default_factory=list)
    names: tuple = ("Homestead", "Xen")

    def total(self):
        return Group(*(sum(getattr(group, field.name) for group in self.groups.values()) for field in dataclasses.fields(Group)))

    def failed(self):
        return bool(self.unlisted or self.unused or self.problems)

    def wrong_in(self, group):
        """The problems of this group (None: of the whole run), as lines."""
        lines = lines_of([difference for difference in self.unlisted if difference[0][0] == group], self.names)
        lines += [f"{row}: {why}" for row, why in self.unused if row.group == group]
        return lines + [text for where, text in self.problems if where == group]


def difference_lines(difference, names):
    key, homestead, xen, why = difference
    return [" ".join(key) + (f": {why}" if why else ""), f"    {names[0]:10} {homestead}", f"    {names[1]:10} {xen}"]


def lines_of(unlisted, names=("Homestead", "Xen")):
    """All of them, but only the first ones of many cases that are missing on one side."""
    lines, absent = [], {}
    for difference in unlisted:
        key, homestead, xen, _ = difference
        if ABSENT in (homestead, xen):
            side = key[0], names[homestead != ABSENT]
            absent[side] = absent.get(side, 0) + 1
            if absent[side] > ABSENT_SHOWN:
                continue
        lines += difference_lines(difference, names)
    return lines + [f"{group}: {number - ABSENT_SHOWN} more cases are missing on {side}"
                    for (group, side), number in absent.items() if number > ABSENT_SHOWN]


class Comparison:
    def __init__(self, rows, names):
        self.rows, self.result = rows, Result(names=names)
        self.seen = {row: 0 for row in rows}     # cases that a row is about
        self.differ = {row: 0 for row in rows}   # those of them that differ
        self.explained = {row: 0 for row in rows}  # and as the row says

    def case(self, key, homestead, xen):
        group = self.result.groups.setdefault(key[0], Group())
        group.cases += 1
        rows = [row for row in self.rows if row.names(key)]
        for row in rows:
            self.seen[row] += 1
            self.differ[row] += homestead != xen
        if homestead == xen:
            group.same += 1
            self.agree(key, rows)
            return
        good = [row for row in rows if homestead and xen and row.explains(homestead, xen)]
        if good:
            group.listed += 1
            self.explained[max(good, key=lambda row: (not row.case.endswith("*"), len(row.case)))] += 1
            return
        group.unlisted += 1
        why = "the list has other figures" if rows and homestead and xen else ""
        self.result.unlisted.append((key, homestead or ABSENT, xen or ABSENT, why))

    def agree(self, key, rows):
        for row in rows:
            if not row.case.endswith("*"):
                self.result.unused.append((row, "no longer differs"))

    def end(self):
        for row in self.rows:
            if not self.seen[row]:
                self.result.unused.append((row, "never occurs"))
            elif not self.differ[row]:
                if row.case.endswith("*"):
                    self.result.unused.append((row, "no longer differs"))
            elif not self.explained[row]:
                self.result.unused.append((row, "explains no difference"))
        return self.result


def compare(homestead, xen, rows, only=None, minimum=MIN_CASES, names=("Homestead", "Xen")):
    """The Result. only: of this group; then the other rows do not count, nor does the minimum. names: of the two."""
    comparison = Comparison([row for row in rows if only in (None, row.group)], names)
    problems = comparison.result.problems
    for name, transcript in zip(names, (homestead, xen)):
        problems += [(group, f"{name}: {text}") for group, text in transcript.faults]
    for key in dict.fromkeys([*homestead.cases, *xen.cases]):
        comparison.case(key, homestead.cases.get(key), xen.cases.get(key))
    result = comparison.end()
    for group in dict.fromkeys([*homestead.groups, *xen.groups]):
        result.groups.setdefault(group, Group())
        if homestead.groups.get(group) != xen.groups.get(group):
            problems.append((group, f"group {group} has {homestead.groups.get(group, 'no')} cases on {names[0]}, "
                                    f"{xen.groups.get(group, 'no')} on {names[1]}"))
        if not max(homestead.groups.get(group, 0), xen.groups.get(group, 0)):
            problems.append((group, f"group {group} has no cases"))
    both = len(homestead.cases.keys() & xen.cases.keys())
    if only is None and both < minimum:
        problems.append((None, f"{both} cases on both, at least {minimum} are wanted"))
    if only is not None and set(result.groups) - {only}:
        problems.append((None, f"only {only} was asked for, but {', '.join(sorted(set(result.groups) - {only}))} ran as well"))
    return result


def same_twice(name, first, second):
    """The problems, as in Result: lines that differ between two runs of one hypervisor."""
    problems = [(group, f"{name}, second run: {text}") for group, text in second.faults]
    for key in dict.fromkeys([*first.cases, *second.cases]):
        one, two = first.cases.get(key, ABSENT), second.cases.get(key, ABSENT)
        if one != two:
            problems.append((key[0], f"{' '.join(key)} is not the same twice on {name}: '{one}', then '{two}'"))
    return problems
