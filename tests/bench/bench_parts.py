"""The parts of pages that show figures of the benchmarks, as Markdown, from docs/data: tools/pages.py puts them in their places."""
import textwrap

import alloc
import bench
import boot
import machines
import record
import storm
import vendors

# Rows of the README: name, title.
SUMMARY = [
    ("boot_to_dom0", "hypervisor entry to domain 0's first instruction"),
    ("null_hypercall", "null hypercall"),
    ("cpuid_exit", "CPUID exit"),
    ("io_exit", "I/O exit"),
    ("physinfo", "sysctl physinfo"),
    ("claim_pages", "claim and release by XENMEM_claim_pages"),
    ("create_empty", "create an empty domain"),
    ("populate_4k_clean", "populate with clean memory as 4K, a page"),
    ("populate_2m_clean", "as 2M, a page"),
    ("populate_1g_clean", "as 1G, a page"),
    ("destroy_4k_clean", "destroy after 4K, a page"),
    ("build_512m_clean", "build 512 MiB of 2M, claimed, and destroy"),
]
# The comparison has more of them, and what only Homestead has.
COMPARISON = [
    *SUMMARY[:6],
    ("claim_domctl", "claim on a node and release by domctl 91"),
    ("evtchn_send", "event channel send, taken each time"),
    ("grant_map_unmap", "map and unmap a grant, both calls"),
    ("create_empty", "create an empty domain"),
    ("destroy_empty", "destroy it"),
    ("populate_4k_clean", "populate with clean memory as 4K, a page"),
    ("populate_2m_clean", "as 2M, a page"),
    ("populate_1g_clean", "as 1G, a page"),
    ("populate_4k_dirty", "populate with dirty memory as 4K, a page"),
    ("populate_2m_dirty", "as 2M, a page"),
    ("destroy_4k_clean", "destroy after 4K, a page"),
    ("destroy_2m_clean", "destroy after 2M, a page"),
    ("build_512m_clean", "build 512 MiB of 2M, claimed, and destroy, clean memory"),
    ("build_512m_dirty", "the same, dirty memory"),
]
SYSTEMS = ("homestead", "xen")


def rows(lines, align):
    """Markdown of a table; the first line is its head. align: as in Markdown, for each column."""
    return "".join(f"| {' | '.join(line)} |\n" for line in [lines[0], align, *lines[1:]])


def paragraph(text):
    return textwrap.fill(" ".join(text.split()), 120, break_on_hyphens=False, break_long_words=False) + "\n"


def short(value):
    """For a table that is to be read at a glance: millions as such."""
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:,.1f} M" if value < 1e9 else f"{value / 1e6:,.0f} M"
    return bench.text_of(value)


def figures():
    return [bench.recorded(subject)[1] for subject in SYSTEMS]


def versions():
    return record.read("bench")


def search_costs():
    """What it costs Xen in QEMU to find the length of an instruction, as a sentence."""
    _, xen = figures()
    costs = [f"{xen[name].share:,} for {what}" for name, what in (
        ("null_hypercall", "a VMMCALL in the benchmark"), ("null_hypercall_page", "one in the hypercall page"), ("cpuid_exit", "a CPUID"))
        if name in xen and xen[name].share]
    return f"To find the length of an instruction, Xen takes {', '.join(costs)}." if costs else ""


def calls():
    return paragraph(f"Xen is Debian's {machines.XEN_PACKAGE} {versions()['xen_version']}; QEMU is {versions()['qemu_version']}. "
                     + search_costs()) + "\n" + bench.tables(*figures(), True)


def table_of(cases):
    homestead, xen = figures()
    lines = [["", "Homestead", "Xen 4.17", "with NRIP save"]]
    for name, title in cases:
        ours, _ = bench.values(homestead.get(name), title)
        theirs, without = bench.values(xen.get(name), title)
        lines.append([title.replace(", a page", "") if title.startswith("as ") else title,
                      *(short(value) for value in (ours, theirs, without))])
    return rows(lines, ["---", "--:", "--:", "--:"])


def million(value):
    return f"{value / 1e6:,.1f}"


def summary():
    guest, grown = record.read("bench-linux")["vcpus"]["1"], record.read(boot.RECORD)
    return table_of(SUMMARY) + """
![Instructions that Xen takes, relative to Homestead](docs/benchmarks.svg)

""" + paragraph(f"""From a Linux guest's start to its /init, {million(guest['homestead']['hypervisor'])} M instructions are the
        hypervisor's (Xen: {million(guest['xen']['hypervisor'])} M) and {guest['homestead']['guest'] / 1e6:,.0f} M are Linux's.
        A machine with 64 CPUs and 16 GiB takes {grown['boot_64_cpus_16G'] / 1e6:.0f} M instructions to domain 0.""")


def comparison():
    homestead, xen = figures()
    _, ours, _, theirs, *_ = bench.own_row(homestead, xen)
    return table_of(COMPARISON) + f"""
Of a machine with 2 GiB, Homestead keeps {ours:.1f} MiB for itself, Xen {theirs:.1f} MiB.
"""


def booting():
    found = record.read(boot.RECORD)
    lines = [["CPUs", "memory", "instructions, all CPUs", "growth"]]
    for cpus, mem in boot.MACHINES:
        value = found[f"boot_{cpus}_cpus_{mem}"]
        lines.append([str(cpus), mem.replace("G", " GiB"), f"{value:,}", f"{value / found['boot_1_cpus_2G']:.3f}"])
    cpu = (found["boot_64_cpus_16G"] - found["boot_16_cpus_16G"]) / 48
    gib = (found["boot_1_cpus_16G"] - found["boot_1_cpus_2G"]) / 14
    return rows(lines, ["--:", "--:", "--:", "--:"]) + "\n" + paragraph(f"""From 16 to 64 CPUs, each CPU costs {cpu:,.0f}
        instructions. Each GiB costs {gib:,.0f}: with 16 GiB, a machine with one CPU takes {boot.memory_growth(found):.3f} times as
        many as with 2 GiB (goal: at most {boot.MEMORY_GOAL}).""")


def exits_table(heads, runs, least):
    """Kinds of exits of which a run has at least `least`; the others together."""
    kinds = sorted({kind for run in runs for kind in run["exits"]}, key=lambda kind: (-max(run["exits"].get(kind, 0) for run in runs), kind))
    often = [kind for kind in kinds if max(run["exits"].get(kind, 0) for run in runs) >= least]
    lines = [["exits", *heads]] + [[kind, *(f"{run['exits'].get(kind, 0):,}" for run in runs)] for kind in often]
    lines.append(["others", *(f"{sum(run['exits'].values()) - sum(run['exits'].get(kind, 0) for kind in often):,}" for run in runs)])
    return rows(lines, ["---"] + ["--:"] * len(heads))


def ratio(value):
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def both(title, runs, fields):
    """Rows of one measurement on both."""
    return [[f"{title}: {what}" if not i else f"&emsp;{what}", *(million(runs[system][field]) for system in SYSTEMS),
             ratio(runs["homestead"][field] / runs["xen"][field])] for i, (field, what) in enumerate(fields)]


def linux():
    vcpus = record.read("bench-linux")["vcpus"]
    lines = [["", "Homestead", "Xen", "Homestead to Xen"]]
    for count, title in (("1", "1 vCPU"), ("2", "2 vCPUs")):
        lines += both(title, vcpus[count], [("instructions", "all"), ("hypervisor", "in the hypervisor"), ("guest", "in the guest"),
                                            ("dom0", "in domain 0")])
    heads = ["Homestead, 1 vCPU", "Xen", "Homestead, 2 vCPUs", "Xen"]
    return rows(lines, ["---", "--:", "--:", "--:"]) + "\n" \
        + exits_table(heads, [vcpus[count][system] for count in "12" for system in SYSTEMS], 20)


def xl():
    commands = record.read("bench-xl")["commands"]
    lines = [["", "Homestead", "Xen", "Homestead to Xen"]]
    for command in ("create", "destroy"):
        lines += both(command, commands[command], [("instructions", "all"), ("hypervisor", "in the hypervisor")])
    heads = ["create, Homestead", "Xen", "destroy, Homestead", "Xen"]
    return rows(lines, ["---", "--:", "--:", "--:"]) + "\n" \
        + exits_table(heads, [commands[command][system] for command in ("create", "destroy") for system in SYSTEMS], 20)


def allocator():
    kept = record.read(alloc.RECORD)
    found = {(name, subject): value for subject, values in kept.items() for name, value in values.items()}
    lines = [["work", "unit", *alloc.COLUMNS[2:-1]], *(row[:-1] for row in alloc.table(found, {}))]
    return rows(lines, ["---"] * 8)


def of_vendors():
    lines = [["", "SVM", "VMX", "VMX to SVM"], *vendors.table(record.read(vendors.RECORD))]
    return rows(lines, ["---", "--:", "--:", "--:"])


def kernels():
    lines = [["kernel", "payload", "decoded", "instructions to decode", "to copy into the guest"]]
    for row in record.read("kernels"):
        lines.append([row["kernel"], f"{row['payload']}, {row['payload_mib']} MiB", f"{row['decoded_mib']} MiB",
                      f"{row['decode'] / 1e6:,.0f} M", f"{row['copy'] / 1e6:,.0f} M"])
    return rows(lines, ["---", "---", "--:", "--:", "--:"])


def many_builders():
    machine, runs = storm.kept()
    heads = ["builders"] + [cell for name in ("Homestead", "one lock of the host", "Xen") for cell in (name, "waiting")]
    lines = [heads]
    for builders in storm.BUILDERS:
        cells = [f"{builders:,}"]
        for locks, _, _ in storm.LOCKS:
            facts = runs[locks, builders]
            cells += [f"{storm.throughput(facts):,.1f}", f"{storm.waiting(facts, builders):.0%}"]
        lines.append(cells)
    most = storm.BUILDERS[-1]
    grown = {locks: storm.throughput(runs[locks, most]) / storm.throughput(runs[locks, 1]) for locks, _, _ in storm.LOCKS}
    return paragraph(f"""Domains built and destroyed in the time in which a CPU executes 10^9 instructions, and the share of the builders' time in
        which they wait for a lock; {machine['nodes']} nodes of {machine['node_gib']} GiB. {most:,} builders do
        {grown['built']:.0f} times what one does; {grown['host']:.1f} times with one lock of the host, and {grown['xen']:.1f} times with Xen's heap lock.
        """) + "\n" + rows(lines, ["--:"] * len(heads))


PARTS = {"bench": calls, "bench-summary": summary, "bench-comparison": comparison, "bench-boot": booting, "bench-linux": linux,
         "bench-xl": xl, "bench-alloc": allocator, "boot-storm": many_builders, "bench-vendors": of_vendors, "kernels": kernels}
