"""Makes ACPI tables from a description: valid, broken and unusual ones. Layouts: ACPI 6.5, 5.2.12 to 5.2.28.

    srat(cpu(0, pxm=1), memory(0, 1 * GIB, pxm=1), revision=3)
"""
import struct

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
ENABLED, HOTPLUG, NONVOLATILE = 1, 2, 4


def table(signature, body, revision):
    """Adds the header (5.2.6) with a valid checksum."""
    head = struct.pack("<4sIBB6s8sI4sI", signature.encode(), 36 + len(body), revision, 0, b"HSTEAD", b"SHAPES  ", 1, b"TEST", 1)
    checksum = -sum(head + body) & 0xFF
    return head[:9] + bytes([checksum]) + head[10:] + body


# --- SRAT's entries (5.2.16) ------------------------------------------------------------------------------


def cpu(apic_id, pxm, flags=ENABLED):
    return struct.pack("<BBBBIB3sI", 0, 16, pxm & 0xFF, apic_id, flags, 0, struct.pack("<I", pxm)[1:], 0)


def x2apic(apic_id, pxm, flags=ENABLED):
    return struct.pack("<BBHIIIII", 2, 24, 0, pxm, apic_id, flags, 0, 0)


def memory(base, size, pxm, flags=ENABLED):
    return struct.pack("<BBIHQQIIQ", 1, 40, pxm, 0, base, size, 0, flags, 0)


def gicc(pxm):
    return struct.pack("<BBIIII", 3, 18, pxm, 0, ENABLED, 0)


def its(pxm):
    return struct.pack("<BBIHI", 4, 12, pxm, 0, 0)


def generic(kind, pxm, bus_device_function=0x0100):
    """5 is a generic initiator, 6 a generic port; both by a PCI handle."""
    return struct.pack("<BBBBI16sII", kind, 32, 0, 1, pxm, struct.pack("<HH", 0, bus_device_function), ENABLED, 0)


def entry(kind, length, payload=b""):
    """An entry with any value as its length."""
    return bytes([kind, length]) + payload


def srat(*entries, revision=3):
    return table("SRAT", struct.pack("<IQ", 1, 0) + b"".join(entries), revision)


# --- the others -------------------------------------------------------------------------------------------


def slit(matrix, localities=None):
    count = len(matrix) if localities is None else localities
    return table("SLIT", struct.pack("<Q", count) + b"".join(bytes(row) for row in matrix), 1)


def madt(*apic_ids, more=b""):
    """Local APICs below 255, x2APICs above."""
    body = struct.pack("<II", 0xFEE00000, 1)
    for uid, apic_id in enumerate(apic_ids):
        if apic_id < 255:
            body += struct.pack("<BBBBI", 0, 8, uid, apic_id, 1)
        else:
            body += struct.pack("<BBHIII", 9, 16, 0, apic_id, 1, uid)
    return table("APIC", body + more, 5)


def hmat(latency, initiators, targets):
    """One memory structure a target and one matrix of access latencies in ns (5.2.28.3, 5.2.28.4)."""
    body = bytes(4)
    for target in targets:
        body += struct.pack("<HHIHHIIIQQ", 0, 0, 40, 1, 0, initiators[0], target, 0, 0, 0)
    cells = [latency[i][t] for i in range(len(initiators)) for t in range(len(targets))]
    body += struct.pack("<HHIBBBBIIIQ", 1, 0, 32 + 4 * (len(initiators) + len(targets)) + 2 * len(cells), 0, 0, 0, 0,
                        len(initiators), len(targets), 0, 1000)
    body += struct.pack(f"<{len(initiators) + len(targets) + 0}I", *initiators, *targets)
    return table("HMAT", body + struct.pack(f"<{len(cells)}H", *cells), 2)


def msct(nodes, cpus, top):
    """Maximum System Characteristics (5.2.19): limits that need not be read."""
    proximity = struct.pack("<BBIIIQ", 1, 22, 0, nodes - 1, cpus, top)
    return table("MSCT", struct.pack("<IIIQ", 0x38, nodes - 1, 0, top) + proximity, 1)
