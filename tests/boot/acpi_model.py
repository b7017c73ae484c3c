"""The expected description of a machine, computed independently in Python from the table's bytes and QEMU's RAM.

It knows the rules of docs (which entries count, when a table is refused) and none of the hypervisor's code.
"""
import dataclasses
import struct
from typing import Dict, List, Optional, Set

MIB, GIB = 1 << 20, 1 << 30
PAGE = 4096
LOW_PAGES = MIB // PAGE  # Homestead keeps its hands off the first MiB
FIRMWARE_PAGES = range(16, 129)  # SeaBIOS keeps its tables at the end of the RAM below 4 GiB
MAX_NODES = 64


@dataclasses.dataclass
class Machine:
    """Nodes in the order of their ids. ranges: (base, end, node), ascending. cpus: APIC id -> node.
    present: nodes on which a range is neither hot-pluggable nor non-volatile. rivals: ranges of two nodes overlap."""

    pxm: List[int]
    ranges: List[tuple]
    cpus: Dict[int, int]
    have_srat: bool = True
    present: Set[int] = dataclasses.field(default_factory=set)
    rivals: bool = False


def qemu_ram(mem_mib):
    """q35's RAM as [(base, end)]: RAM that does not fit below the PCI hole is above 4 GiB."""
    size = mem_mib * MIB
    if size < 0xB0000000:
        return [(0, size)]
    return [(0, 2 * GIB), (4 * GIB, 2 * GIB + size)]


def apic_ids(sockets, cores=1, threads=1):
    """QEMU's: each level has as many bits as its largest number needs."""
    thread_bits, core_bits = (threads - 1).bit_length(), (cores - 1).bit_length()
    return [(s << core_bits | c) << thread_bits | t for s in range(sockets) for c in range(cores) for t in range(threads)]


def usable(mem_mib, firmware_pages):
    """RAM without the first MiB and the firmware's range."""
    (_, low_end), *high = qemu_ram(mem_mib)
    return [(MIB, low_end - firmware_pages * PAGE)] + high


def node_of(machine, address):
    """(node, the address at which the answer changes). RAM outside of all ranges belongs to the range below it, or to the first."""
    node = machine.ranges[0][2]
    for base, end, owner in machine.ranges:
        if address < base:
            return node, base
        if address < end:
            return owner, end
        node = owner
    return node, 1 << 62


def uncovered(machine, start, end):
    """Is any byte of [start, end) in no range?"""
    for base, stop, _ in machine.ranges:
        if base <= start < stop:
            start = stop
    return start < end


def pages_of_nodes(machine, mem_mib, firmware_pages):
    pages = [0] * len(machine.pxm)
    for at, end in usable(mem_mib, firmware_pages):
        while at < end:
            node, until = node_of(machine, at)
            upto = min(end, -(-until // PAGE) * PAGE)
            pages[node] += (upto - at) // PAGE
            at = upto
    return pages


def flat(all_apic_ids):
    return Machine([0], [(0, 1 << 52, 0)], {a: 0 for a in all_apic_ids}, have_srat=False)


def entries(srat):
    """(type, bytes) of each entry; None where the lengths do not add up."""
    at, length = 48, struct.unpack_from("<I", srat, 4)[0]
    while at < length:
        if at + 2 > length or srat[at + 1] < 2 or at + srat[at + 1] > length:
            yield None
            return
        yield srat[at], srat[at : at + srat[at + 1]]
        at += srat[at + 1]


def read_srat(srat):
    """({APIC id: PXM}, [(base, end, PXM, flags)]), or None for a table that must be refused."""
    mask = 0xFF if srat[8] < 2 else 0xFFFFFFFF
    cpus, memory = {}, []
    sizes = {0: 16, 1: 40, 2: 24}
    for item in entries(srat):
        if item is None or sizes.get(item[0], len(item[1])) != len(item[1]):
            return None
        kind, raw = item
        if kind == 0:
            flags, = struct.unpack_from("<I", raw, 4)
            pxm = raw[2] | raw[9] << 8 | raw[10] << 16 | raw[11] << 24
            if flags & 1 and raw[3] != 0xFF:
                cpus.setdefault(raw[3], pxm & mask)
        elif kind == 2:
            pxm, apic_id, flags = struct.unpack_from("<III", raw, 4)
            if flags & 1 and apic_id != 0xFFFFFFFF:
                cpus.setdefault(apic_id, pxm & mask)
        elif kind == 1:
            pxm, = struct.unpack_from("<I", raw, 2)
            base, size = struct.unpack_from("<QQ", raw, 8)
            flags, = struct.unpack_from("<I", raw, 28)
            if flags & 1 and size:
                memory.append((base, base + size, pxm & mask, flags))
    if not memory or any(end >= 1 << 64 for _, end, *_ in memory):
        return None
    return cpus, memory


def owners(memory, ram):
    """[(base, end, PXM, is present)] without overlaps, and whether PXMs overlap. None: they do where there is RAM."""
    edges = sorted({edge for base, end, *_ in memory for edge in (base, end)})
    pieces, rivals = [], False
    for base, end in zip(edges, edges[1:]):
        here = [m for m in memory if m[0] <= base < m[1]]
        if not here:
            continue
        pxm = next((m for m in here if m[3] & 6 != 2), here[0])[2]  # what is no empty window comes first
        if any(m[2] != pxm for m in here):
            if any(start < end and base < stop for start, stop in ram):
                return None
            rivals = True
        own = [m[3] & 6 for m in here if m[2] == pxm]
        pieces.append((base, end, pxm, 0 in own and not any(flags & 4 for flags in own)))
    return pieces, rivals


def machine_of(srats, all_apic_ids, mem_mib):
    """The machine that the first usable SRAT describes. CPUs that it does not name are on the node of the lowest range."""
    for srat in srats:
        found = read_srat(srat)
        resolved = found and owners(found[1], usable(mem_mib, 32))
        if not resolved:
            continue
        (cpus, memory), (pieces, rivals) = found, resolved
        pxm = sorted({p for _, _, p, _ in memory} | set(cpus.values()))
        if len(pxm) > MAX_NODES:
            continue
        ranges = [(base, end, pxm.index(p)) for base, end, p, _ in pieces]
        return Machine(pxm, ranges, {a: pxm.index(cpus[a]) if a in cpus else ranges[0][2] for a in all_apic_ids},
                       present={pxm.index(p) for *_, p, present in pieces if present}, rivals=rivals)
    return flat(all_apic_ids)


def empty_nodes(machine, mem_mib):
    """Nodes that the SRAT gives memory, and the memory map none."""
    pages = pages_of_nodes(machine, mem_mib, 32)
    return [node for node in sorted(machine.present) if not pages[node]]


def read_slit(slit: Optional[bytes]):
    """The matrix, or None for a SLIT that must be ignored."""
    if slit is None:
        return None
    count, = struct.unpack_from("<Q", slit, 36)
    length, = struct.unpack_from("<I", slit, 4)
    if not 0 < count < 1024 or count * count != length - 44:
        return None
    rows = [list(slit[44 + i * count : 44 + (i + 1) * count]) for i in range(count)]
    if any((value != 10) if i == j else (value <= 10) for i, row in enumerate(rows) for j, value in enumerate(row)):
        return None
    return rows


def distance_of(machine, matrix, a, b):
    p, q = machine.pxm[a], machine.pxm[b]
    if machine.have_srat and matrix and p < len(matrix) and q < len(matrix):
        return matrix[p][q]
    return 10 if a == b else 20
