"""What a race of two builders has come to: reads @race lines (docs/hypervisor-guide/output.md) and judges them. No machine, no
files: tests/unit/tools/race_lab_test.py.
"""
import collections
import re

# Ends without a complete guest, after work had been done.
HALF_WAY = ("short", "sigbus", "efault", "oom")
ENDS = ("complete", "refused", "absent", *HALF_WAY)
# Of the variants, those of which each builder has claimed all its memory on its nodes before it builds; of `node_one` A has.
CLAIMED = {"node": "AB", "node_in_order": "AB", "node_fits": "AB", "node_wait": "AB", "node_one": "A", "both_nodes_set": "AB",
           "free_node": "AB"}

Builder = collections.namedtuple("Builder", "claim tries asked got away end")
LINE = re.compile(r"@race variant=(\w+) round=(\d+) builder=(A|B|bystander) claim=(none|-?\d+) tries=(\d+) asked=(\d+) got=(\d+) "
                  r"away=(\d+) end=(\w+)")


class BadRun(Exception):
    """A run's text is not that of a complete run; the message says why."""


def parse(text):
    """{variant: [{builder's name: Builder}, one for each round]}"""
    races = {}
    for line in text.replace("\r", "").splitlines():
        if not line.startswith("@race "):
            continue
        found = LINE.fullmatch(line)
        if not found or found[9] not in ENDS:
            raise BadRun(f"not an @race line: {line}")
        variant, number, who = found[1], int(found[2]), found[3]
        rounds = races.setdefault(variant, [])
        if who == "A":
            rounds.append({})
        if number != len(rounds) - 1 or who in rounds[-1]:
            raise BadRun(f"out of order: {line}")
        claim = None if found[4] == "none" else int(found[4])
        rounds[-1][who] = Builder(claim, *(int(found[i]) for i in range(5, 9)), found[9])
    if "@verdict result=PASS" not in text:
        raise BadRun("no verdict PASS")
    return races


def builders(race):
    """[(name, Builder)] of A and B; a bystander is none."""
    return [(name, race[name]) for name in ("A", "B") if name in race]


def outcome(race):
    """One word: how the race ended for its builders.
    built     all are complete, on their node
    elsewhere all are complete, not all of it on their node
    refused   those that are not complete were refused before they had done anything
    half_way  somebody worked for nothing
    absent    there is no such claim
    """
    ends = [b.end for _, b in builders(race)]
    if "absent" in ends:
        return "absent"
    if any(end in HALF_WAY for end in ends):
        return "half_way"
    if "refused" in ends:
        return "refused"
    return "elsewhere" if any(b.away for _, b in builders(race)) else "built"


def but(b):
    """What there is to say of one that is complete."""
    if b.tries > 1:
        return f"at try {b.tries}"
    return f"{b.away} of {b.got} elsewhere" if b.away else ""


def end_of(b):
    """One builder's end for people."""
    if b.end == "complete":
        return f"complete, {but(b)}" if but(b) else "complete"
    if b.end == "refused":
        return "refused at once"
    if b.end == "oom":
        return f"killed at {b.got}"
    return f"stops at {b.got}" if b.end in HALF_WAY else "-"


def text_of(race):
    """The race for people: A and B in one sentence if they ended alike."""
    ends = [(name, end_of(b)) for name, b in builders(race)]
    if outcome(race) == "absent":
        return "-"
    if len(ends) == 2 and ends[0][1] == ends[1][1]:
        what = ends[0][1]
        return "both " + (what.replace("stops", "stop") if what.startswith("stops") else what)
    if len(ends) == 2 and all(b.end == "complete" for _, b in builders(race)):
        return "both complete, " + ", ".join(f"{name} {but(b)}" for name, b in builders(race) if but(b))
    return ", ".join(f"{name} {what}" for name, what in ends)


def histogram(rounds):
    """How often: {"both": n, "A": n, "B": n, "nobody": n} complete; and of those that were not: how many were refused, and the
    least and most that the others had done, or None. "bystander": how often that one was ended."""
    counts = {"rounds": len(rounds), "both": 0, "A": 0, "B": 0, "nobody": 0, "refused": 0, "least": None, "most": None,
              "bystander": 0}
    for race in rounds:
        done = [name for name, b in builders(race) if b.end == "complete"]
        counts["both" if len(done) == 2 else done[0] if done else "nobody"] += 1
        counts["bystander"] += "bystander" in race and race["bystander"].end in HALF_WAY
        for _, b in builders(race):
            counts["refused"] += b.end == "refused"
            if b.end in HALF_WAY:
                counts["least"] = b.got if counts["least"] is None else min(counts["least"], b.got)
                counts["most"] = b.got if counts["most"] is None else max(counts["most"], b.got)
    return counts


def faults(system, races):
    """What must not be, as sentences. Without these controls the lab would show nothing."""
    found = []

    def need(variant, what, *allowed):
        for race in races.get(variant, [{}]):
            if not race or outcome(race) not in allowed:
                found.append(f"{system}: {variant}: {text_of(race) if race else 'did not run'}; wanted: {what}")

    need("fits", "both complete", "built")
    need("turns", "not enough memory for both", "half_way")
    if system != "homestead":
        return found
    for variant, claimants in CLAIMED.items():
        if variant not in races and not variant.startswith("free"):
            found.append(f"{system}: {variant}: did not run")
        for race in races.get(variant, []):
            for name in claimants:
                b = race[name]
                kept = b.end == "complete" and b.away == 0 and b.claim == 0
                if not kept and not (b.end == "refused" and b.got == 0 and b.claim == -12):
                    found.append(f"{system}: {variant}: {name} {end_of(b)}: a claim was not kept")
            if not any(race[name].end == "complete" for name in claimants):
                found.append(f"{system}: {variant}: nobody is complete")
    need("node", "one refused", "refused")
    need("node_fits", "both complete", "built")
    need("node_wait", "both complete", "built")
    need("both_nodes_set", "one refused", "refused")
    return found


def data_of(races):
    """What is recorded: each variant's builders; of those at once only the histogram."""
    fixed = {variant: {name: b._asdict() for name, b in rounds[0].items()} for variant, rounds in races.items()
             if not variant.startswith("free")}
    return {"fixed": fixed, "free": {variant: histogram(rounds) for variant, rounds in races.items() if variant.startswith("free")}}


def race_of(data):
    """The other way, for one variant of `fixed`."""
    return {name: Builder(**fields) for name, fields in data.items()}


def differences(system, old, new):
    """Sentences about the variants in turns that did not end as they did when they were recorded."""
    return [f"{system}: {variant}: recorded: {text_of(race_of(old[variant])) if variant in old else 'nothing'}; "
            f"now: {text_of(race_of(new[variant])) if variant in new else 'nothing'}"
            for variant in sorted({*old, *new}) if old.get(variant) != new.get(variant)]
