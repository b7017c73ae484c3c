"""The parts of docs/race-lab.md, as Markdown, from docs/data/race-lab.json: tools/pages.py puts them in their places."""
import bench_parts
import race
import record

SYSTEMS = ("linux", "xen", "homestead")
TITLES = {"linux": "Debian's Linux", "xen": "Debian's Xen", "homestead": "Homestead"}
# How memory is asked for, and the variants in turns and one after the other.
RACES = [
    ("linux", "huge pages, mbind(BIND)", "turns", "in_order"),
    ("linux", "huge pages, set_mempolicy(BIND)", "task_turns", "task_in_order"),
    ("linux", "huge pages, a cpuset of the node", "cpuset_turns", "cpuset_in_order"),
    ("linux", "huge pages, mbind(PREFERRED)", "preferred", "preferred_in_order"),
    ("xen", "exactly the node", "turns", "in_order"),
    ("xen", "the node first, then others", "preferred", "preferred_in_order"),
    ("xen", "host-wide claim, exactly the node", "host", "host_in_order"),
    ("xen", "host-wide claim, the node first", "host_preferred", "host_preferred_in_order"),
    ("homestead", "exactly the node", "turns", "in_order"),
    ("homestead", "the node first, then others", "preferred", "preferred_in_order"),
    ("homestead", "host-wide claim, exactly the node", "host", "host_in_order"),
    ("homestead", "host-wide claim, the node first", "host_preferred", "host_preferred_in_order"),
    ("homestead", "claim on the node", "node", "node_in_order"),
]
# What else was tried: the situation, and the variant on each system or None.
OTHERS = [
    ("both fit, 32 + 32: mbind, exact node", "fits", "fits", "fits"),
    ("both fit: set_mempolicy; claims on the node", "task_fits", None, "node_fits"),
    ("a builder that cannot go on gives its memory back, and the other one waits for that", "turns_gone", "turns_gone", "turns_gone"),
    ("60 + 70 of the host's 128, reserved host-wide", "host_full", "host_full", "host_full"),
    ("A has a host-wide claim, B none", None, "host_one", "host_one"),
    ("A has a claim on the node, B none", None, None, "node_one"),
    ("B is refused, and asks again when A is gone", None, None, "node_wait"),
    ("A alone wants 80 of the node's 64: mbind", "too_large", None, None),
    ("the same: set_mempolicy", "task_too_large", None, None),
    ("populated by madvise after mbind, one after the other", "in_order_populate", None, None),
    ("populated by mmap (MAP_POPULATE) after set_mempolicy, one after the other", "task_map_filled", None, None),
    ("each wants 40 of both nodes, A begins with node 1, B with node 0", None, "both_nodes", "both_nodes"),
    ("the same, each with a host-wide claim for all", None, "both_nodes_host", "both_nodes_host"),
    ("the same, each with a claim on its first node", None, None, "both_nodes_first"),
    ("the same, each with a set of claims on both nodes", None, None, "both_nodes_set"),
]
AT_ONCE = [
    ("linux", "huge pages, mbind(BIND); losers keep what they have", "free"),
    ("linux", "the same; a loser is killed and its memory is free at once", "free_gone"),
    ("linux", "4 KiB pages, mbind(BIND): 80 each of some 128", "free_small"),
    ("linux", "the same, and a bystander on the other node", "free_small_bystander"),
    ("xen", "exactly the node; losers keep what they have", "free"),
    ("xen", "the same; a loser is destroyed at once", "free_gone"),
    ("xen", "host-wide claim, exactly the node", "free_host"),
    ("homestead", "exactly the node; losers keep what they have", "free"),
    ("homestead", "the same; a loser is destroyed at once", "free_gone"),
    ("homestead", "host-wide claim, exactly the node", "free_host"),
    ("homestead", "claim on the node", "free_node"),
]


def recorded():
    return record.read("race-lab")


def cell(data, system, variant):
    """How it ended; in bold if nobody worked for nothing and no memory is on the wrong node."""
    if variant is None:
        return ""
    held = race.race_of(data[system]["fixed"][variant])
    text = race.text_of(held)
    return f"**{text}**" if race.outcome(held) in ("built", "refused") else text


def heading(data, system):
    return f"{TITLES[system]} {data[system]['version']}"


def main_table():
    data, lines = recorded(), [["system", "memory is asked for as", "step by step in turns", "A first, then B"]]
    for system, how, turns, in_order in RACES:
        first = all(line[0] != heading(data, system) for line in lines)
        lines.append([heading(data, system) if first else "", how, cell(data, system, turns), cell(data, system, in_order)])
    qemu = sorted({data[system]["qemu_version"] for system in SYSTEMS})
    return bench_parts.rows(lines, ["---"] * 4) + f"\nAll in QEMU {', '.join(qemu)}.\n"


def other_table():
    data = recorded()
    lines = [["race", *(TITLES[system] for system in SYSTEMS)]]
    for what, *variants in OTHERS:
        lines.append([what, *(cell(data, system, variant) for system, variant in zip(SYSTEMS, variants))])
    return bench_parts.rows(lines, ["---"] * 4)


def loser(counts):
    """How far those came that are not complete."""
    parts = [f"{counts['refused']} refused at once"] if counts["refused"] else []
    if counts["most"] is not None:
        most, least = counts["most"], counts["least"]
        parts.append(f"ended at {least}" if most == least else f"ended at {least} to {most}")
    if counts["bystander"]:
        parts.append(f"the bystander killed in {counts['bystander']}")
    return ", ".join(parts)


def histogram():
    data, lines = recorded(), [["system", "memory is asked for as", "rounds", "both complete", "only A", "only B", "nobody", "the others"]]
    for system, how, variant in AT_ONCE:
        counts = data[system]["free"][variant]
        first = all(line[0] != TITLES[system] for line in lines)
        lines.append([TITLES[system] if first else "", how, *(str(counts[key]) for key in ("rounds", "both", "A", "B", "nobody")),
                      loser(counts)])
    return bench_parts.rows(lines, ["---", "---"] + ["--:"] * 5 + ["---"])


PARTS = {"race-lab": main_table, "race-lab-others": other_table, "race-lab-at-once": histogram}
