"""Reads the output of the conformance domain 0. docs/hypervisor-guide/output.md specifies its lines:

    @case group=GROUP call=CALL case=NAME rc=RESULT key=value ...
    @group name=GROUP cases=N            after the cases of a group
    @verdict result=PASS                 the last

Both hypervisors write domain 0's output in pieces of 128 bytes, and can print a message of their own between two pieces. Such
messages are recognised by their form and removed; the rest must be exactly the lines above. Any other line that looks like a
case, and any inconsistency, is a fault, so that no case is lost silently.
"""
import dataclasses
import re

# Whole messages of a hypervisor, with their line's end: `(XEN) ...` and what guests print, `(d1) ...`; Homestead's notes on
# domains, `d1: shut down, ...`.
MESSAGE = re.compile(r"\((?:XEN|d\d+)\)[^\n]*\n|d\d+: (?:shut down, |crashed: )[^\n]*\n")
ESCAPES = re.compile(r"\x1b(\[[0-9;=?]*[A-Za-z]|[()][A-Z0-9])")
VALUE = r'(?:"[^"]*"|[^ "]+)'
CASE = re.compile(rf"@case group=([a-z][a-z0-9_]*) call=([a-z][a-z0-9_.]*) case=([a-z0-9][a-z0-9_]*) "
                  rf"(rc=(?:-E[A-Z0-9]+|-?\d+)(?: [a-z][a-z0-9_]*={VALUE})*)")
GROUP = re.compile(r"@group name=([a-z][a-z0-9_]*) cases=(\d+)")
VERDICT = re.compile(r"@verdict result=(PASS|FAIL)")
OURS = re.compile(r"@(case|group|verdict)")


@dataclasses.dataclass
class Transcript:
    """cases: {(group, call, name): 'rc=... key=value ...'} in the order of the run; groups: {name: number of cases}, of those
    that ended; faults: [(group or None, what is wrong)]."""
    cases: dict = dataclasses.field(default_factory=dict)
    groups: dict = dataclasses.field(default_factory=dict)
    faults: list = dataclasses.field(default_factory=list)



class Reader:
    """One pass over the lines of a transcript."""

    def __init__(self):
        self.out = Transcript()
        self.since_group = []  # the groups of the cases since the last @group
        self.verdicts = []

    def fault(self, text, group=None):
        self.out.faults.append((group, text))

    def line(self, text):
        if not text.startswith("@"):
            if OURS.search(text):
                self.fault(f"a torn line: {text}")
            return
        if text.startswith("@case") or text.startswith("@group") or text.startswith("@verdict"):
            if self.verdicts:
                self.fault(f"behind the verdict: {text}")
            if len(OURS.findall(text)) > 1:
                self.fault(f"a torn line: {text}")
                return
            for pattern, take in ((CASE, self.case), (GROUP, self.group), (VERDICT, self.verdict)):
                match = pattern.fullmatch(text)
                if match:
                    take(match)
                    return
            self.fault(f"malformed: {text}")

    def case(self, match):
        key, rest = match.group(1, 2, 3), match.group(4)
        self.since_group.append(key[0])
        if key in self.out.cases:
            self.fault(f"twice: {' '.join(key[1:])}", key[0])
        else:
            self.out.cases[key] = rest

    def group(self, match):
        name, cases = match.group(1), int(match.group(2))
        seen, self.since_group = self.since_group, []
        if name in self.out.groups:
            self.fault(f"group {name} ends twice", name)
        self.out.groups[name] = cases
        if seen.count(name) != cases:
            self.fault(f"group {name} has {cases} cases, but {seen.count(name)} lines", name)
        for other in sorted(set(seen) - {name}):
            self.fault(f"{seen.count(other)} cases of {other} stand in group {name}", other)

    def verdict(self, match):
        self.verdicts.append(match.group(1))

    def end(self):
        if self.since_group:
            self.fault(f"group {self.since_group[-1]} has no end", self.since_group[-1])
        if not self.out.cases:
            self.fault("there is no case in it")
        if not self.verdicts:
            self.fault("there is no verdict")
        elif self.verdicts != ["PASS"]:
            self.fault(f"the verdict is {' and '.join(self.verdicts)}")
        return self.out


def parse(raw):
    """The Transcript in these console bytes."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    text = MESSAGE.sub("", ESCAPES.sub("", text.replace("\r", "")))
    reader = Reader()
    for line in text.split("\n"):
        reader.line(line)
    return reader.end()
