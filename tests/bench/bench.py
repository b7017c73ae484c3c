#!/usr/bin/env python3
"""Counts instructions of the same benchmark domain 0 on Homestead and on Debian's Xen: tables, docs and a plot.

Every machine of machines.py is booted three times with each, and all three have to agree to the instruction. Then
docs/data/bench.json and docs/benchmarks.svg are written; tools/pages.py writes the pages' tables from the former.
Without Xen (or with --no-xen) Xen's figures are those recorded, and a line says so.

Exit status 1 if a run fails or two differ; then nothing is written.
"""
import argparse
import sys

import machines
import plot
import record
from machines import Figure, ROOT

RUNS = 3
SVG = ROOT / "docs/benchmarks.svg"
RECORD = "bench"

# name, title, goal. Figures of calls and spans, in instructions.
CALLS = [
    ("boot_to_dom0", "hypervisor entry to domain 0's first instruction", 50_000_000),
    ("null_hypercall", "null hypercall (xen_version, VMMCALL)", 300),
    ("null_hypercall_page", "  through the hypercall page", None),
    ("null_hypercall_shared", "  with the shared info page mapped", None),
    ("cpuid_exit", "CPUID exit", 250),
    ("io_exit", "I/O exit (IN from port 0x21)", 250),
    ("physinfo", "sysctl physinfo", 600),
    ("numainfo", "sysctl numainfo, 2 nodes", None),
    ("getdomaininfo", "domctl getdomaininfo", None),
    ("max_mem", "domctl max_mem", None),
    ("evtchn_send", "event channel send, taken each time", None),
    ("evtchn_send_pending", "  still pending", None),
    ("grant_map_unmap", "map and unmap a grant, both calls", 2500),
    ("grant_copy", "copy 64 bytes by a grant reference", None),
    ("claim_domctl", "claim and release by domctl 91", 1500),
    ("claim_pages", "claim and release by XENMEM_claim_pages", 1500),
    ("create_empty", "create an empty domain", 30_000),
    ("destroy_empty", "destroy it", None),
    ("vcpu_create", "create a vCPU (max_vcpus)", None),
    ("vcpu_context", "  give it registers (get and set HVM context)", None),
]
# name, title, goal for clean memory. A figure of pages is shown for a page if the title says so.
MEMORY = [
    ("populate_4k", "populate as 4K, exact node, a page", 500),
    ("populate_4k_claimed", "  with a claim, a page", 500),
    ("populate_4k_anywhere", "  on any node, a page", 500),
    ("populate_2m", "populate as 2M, exact node, a page", 8),
    ("populate_2m_claimed", "  with a claim, a page", 8),
    ("populate_2m_anywhere", "  on any node, a page", 8),
    ("populate_1g", "populate as 1G, exact node, a page", 0.1),
    ("populate_1g_claimed", "  with a claim, a page", 0.1),
    ("populate_1g_anywhere", "  on any node, a page", 0.1),
    ("destroy_4k", "destroy after 4K, a page", 60),
    ("destroy_2m", "destroy after 2M, a page", 1),
    ("destroy_1g", "destroy after 1G, a page", None),
    ("build_1g", "build 1 GiB of 2M, claimed, and destroy", None),
    ("build_512m", "build 512 MiB of 2M, claimed, and destroy", 1_500_000),
    ("build_empty", "  without memory, with its pool", None),
    ("destroy_pool", "  destroying that", None),
]
OWN = ("own_memory", "kept by the hypervisor, MiB", 6)


def text_of(value):
    """A figure for people; None: there is none."""
    if value is None:
        return "-"
    if value < 1:
        return f"{value:.3f}"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def own_memory(facts, machine_pages):
    return (machine_pages - facts["free_memory"].pages - facts["dom0_memory"].pages) / 256


def values(figure, title):
    """(the figure, the same without the share that is due to QEMU), for a page if the title says so."""
    if figure is None or figure.instructions is None:
        return None, None
    each = figure.pages if title.endswith("a page") else 1
    without = None if figure.share is None else (figure.instructions - figure.share) / each
    return figure.instructions / each, without


def rows_of(cases, suffix, homestead, xen, goals=True):
    """[(title, Homestead, goal, Xen, Xen without, ratio)], numbers or None."""
    rows = []
    for name, title, goal in cases:
        ours, _ = values(homestead.get(name + suffix), title)
        theirs, without = values(xen.get(name + suffix), title)
        best = without if without is not None else theirs
        ratio = best / ours if best is not None and ours else None
        rows.append((title, ours, goal if goals else None, theirs, without, ratio))
    return rows


def own_row(homestead, xen):
    _, title, goal = OWN
    pages = homestead["machine_memory"].pages
    ours = own_memory(homestead, pages)
    theirs = own_memory(xen, pages) if "free_memory" in xen else None
    return title, ours, goal, theirs, theirs, theirs / ours if theirs else None


def table(heads, rows, markdown):
    lines = []
    cells = [(title, *(text_of(value) if i != 1 or value is not None else "" for i, value in enumerate(row))) for title, *row in rows]
    if markdown:
        for row in [heads, ["---"] + ["--:"] * (len(heads) - 1), *cells]:
            lines.append(f"| {' | '.join(cell.replace('  ', '&emsp;') for cell in row)} |")
    else:
        for row in [heads, *cells]:
            lines.append(f"  {row[0]:56}" + "".join(f"{cell:>15}" for cell in row[1:]))
    return "\n".join(lines) + "\n"


HEADS = ["", "Homestead", "goal", "Xen", "with NRIP save", "ratio"]


def tables(homestead, xen, markdown):
    """The generated part: all tables as one text."""
    parts = []
    for title, rows in [
            ("Two nodes, 2 GiB", rows_of(CALLS, "", homestead, xen) + [own_row(homestead, xen)]),
            ("Clean memory, two nodes, 4 GiB", rows_of(MEMORY, "_clean", homestead, xen)),
            ("Dirty memory, two nodes, 4 GiB", rows_of(MEMORY, "_dirty", homestead, xen, goals=False))]:
        parts.append(f"{'### ' if markdown else ''}{title}\n{chr(10) if markdown else ''}{table(HEADS, rows, markdown)}")
    return "\n".join(parts)


def all_figures(run):
    facts = {}
    for machine in machines.MACHINES:
        found = machines.repeat(run, machine, RUNS)
        # Boot and memory are told of the first machine.
        facts.update(found if not facts else {name: figure for name, figure in found.items() if name not in facts})
    return facts


def recorded(subject):
    """(version of Xen, figures) of "homestead" or "xen" when they were measured last; ("none", {}) if they never were."""
    kept = record.read(RECORD, {"xen_version": "none", "homestead": {}, "xen": {}})
    return kept["xen_version"], {name: Figure(*figure) for name, figure in kept[subject].items()}


def measure_xen(wanted):
    """(version, figures, were they measured now)"""
    xen = machines.Xen() if wanted else None
    if xen and xen.version:
        if not xen.search:
            print(f"bench: without {machines.XEN_PACKAGE}-dbg of the same version the cost of searching is not known: dashes")
        return xen.version, all_figures(xen.run), True
    version, kept = recorded("xen")
    reason = f"{machines.XEN_PACKAGE} is not installed" if wanted else "not wanted"
    print(f"bench: SKIP Xen: {reason}; its columns are those recorded of {version}")
    return version, kept, False


def plot_rows(homestead, xen):
    """[(title, Xen to Homestead, the same as if with NRIP save, that as text)], what both have."""
    rows = []
    for cases, suffix, more in [(CALLS, "", ""), (MEMORY, "_clean", " (clean)"), (MEMORY, "_dirty", " (dirty)")]:
        parent = ""
        for title, ours, _, theirs, without, ratio in rows_of(cases, suffix, homestead, xen):
            short = title.strip().replace(", a page", "")
            if not title.startswith("  "):
                parent = short.split(" (")[0].split(",")[0]
            else:
                short = f"{parent}: {short}"
            if ratio:
                rows.append((short + more, theirs / ours, (theirs if without is None else without) / ours, text_of(ratio)))
    title, ours, _, theirs, _, ratio = own_row(homestead, xen)
    if ratio:
        rows.append((f"memory {title.replace(', MiB', '')}", ratio, ratio, text_of(ratio)))
    return rows


def show_lines(facts, more):
    """The figures as @bench lines: docs/hypervisor-guide/output.md."""
    for name, figure in facts.items():
        words = [f"@bench name={name}{more}"]
        if figure.instructions is not None:
            words.append(f"instructions={figure.instructions}")
        if figure.pages:
            words.append(f"pages={figure.pages}")
        if figure.share is not None:
            words.append(f"search={figure.share} exits={figure.exits}")
        print(" ".join(words))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--no-xen", action="store_true", help="measure Homestead only, with Xen's recorded figures beside it")
    parser.add_argument("--no-write", action="store_true", help="print only, write neither figures nor plot")
    args = parser.parse_args()

    try:
        homestead = all_figures(machines.homestead)
        version, xen, now = measure_xen(not args.no_xen)
    except machines.Failed as failed:
        sys.exit(f"{failed}\nbench: a run failed")
    print(tables(homestead, xen, False))
    show_lines(homestead, "")
    show_lines(xen, " on=xen")
    print(f"{RUNS} runs agree to the instruction" + (", of Xen too." if now else "."))
    if args.no_write:
        return
    record.write(RECORD, {"qemu_version": machines.qemu_version(), "xen_version": version, "homestead": homestead, "xen": xen})
    svg = plot.draw(plot_rows(homestead, xen))
    if svg:
        SVG.write_text(svg)


if __name__ == "__main__":
    main()
