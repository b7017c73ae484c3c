"""Firmware whose tables contradict the RAM: SRATs and SLITs of our own and of real machines on QEMU's RAM and CPUs.

Whatever the tables say, Homestead boots, every page of RAM is on one node, and guests run. acpi_model.py works out
which node that is. QEMU corrects the checksums of tables it is given, so wrong ones are left to the host tests.
"""
import re

import pytest

import acpi_model
import harness
from acpi_make import (ENABLED, GIB, HOTPLUG, MIB, NONVOLATILE, TIB, cpu, entry, generic, gicc, hmat, its, madt, memory, msct, slit,
                       srat, x2apic)
from checks import Shape, ShapeRun

REAL = harness.ROOT.parent / "shared" / "acpi-tables"
MEM = 512  # MiB
CPUS = 4
HOMELESS = r"CPUs are not in the SRAT, put on node [0-9]+$"
UNCOVERED = r"of RAM from 0x[0-9a-f]+ are in no range"
REFUSED = r"ACPI: SRAT: .*, ignored$"
NO_SLIT = r"ACPI: SLIT: .*, ignored$"
OVERLAP = r"ACPI: SRAT: entries overlap from 0x[0-9a-f]+"
RIVALS = r"ACPI: SRAT: PXM [0-9]+ and [0-9]+ both have 0x[0-9a-f]+, where there is no RAM"
EMPTY = r"ACPI: SRAT: [0-9]+ nodes have memory that is not in the memory map"


def cpus(*pxms, make=cpu):
    return b"".join(make(apic_id, pxm) for apic_id, pxm in enumerate(pxms))


HALVES = memory(0, 256 * MIB, 0) + memory(256 * MIB, 256 * MIB, 1)
TWO = cpus(0, 0, 1, 1)
#        tables                                                                              warnings
CASES = {
    "two-plain": ([srat(TWO, HALVES)], []),
    "same-pxm-overlaps": ([srat(TWO, memory(0, 300 * MIB, 0), memory(200 * MIB, 56 * MIB, 0), memory(300 * MIB, GIB, 1))], [OVERLAP]),
    "other-pxm-overlaps": ([srat(TWO, memory(0, 300 * MIB, 0), memory(299 * MIB, GIB, 1))], [REFUSED]),
    "sparse-pxms": ([srat(cpus(3, 77, 0x12345, 77), memory(0, 128 * MIB, 77), memory(128 * MIB, 128 * MIB, 3),
                          memory(256 * MIB, 256 * MIB, 0x12345))], []),
    "8-bit-pxms-in-revision-1": ([srat(cpus(0x100, 0x7700, 1, 1), memory(0, 256 * MIB, 0xABCD00), memory(256 * MIB, GIB, 0xFF01),
                                       revision=1)], []),
    "32-bit-pxms-in-revision-2": ([srat(cpus(0x100, 0x100, 1, 1), memory(0, 256 * MIB, 0x100), memory(256 * MIB, GIB, 1), revision=2)], []),
    "reversed-pxms": ([srat(cpus(1, 1, 0, 0), memory(0, 256 * MIB, 1), memory(256 * MIB, 256 * MIB, 0))], []),
    "entries-in-no-order": ([srat(memory(384 * MIB, 128 * MIB, 2), cpu(3, 2), memory(0, 128 * MIB, 1), cpu(0, 1),
                                  memory(128 * MIB, 256 * MIB, 0), cpu(1, 0), cpu(2, 2))], []),
    "holes": ([srat(TWO, memory(0, 100 * MIB, 0), memory(128 * MIB, 128 * MIB, 1), memory(300 * MIB, 100 * MIB, 0))], [UNCOVERED]),
    "nothing-at-the-start": ([srat(cpus(1, 1, 2, 2), memory(200 * MIB, 100 * MIB, 2), memory(300 * MIB, GIB, 1))], [UNCOVERED]),
    "covers-other-addresses-only": ([srat(TWO, memory(64 * GIB, GIB, 0), memory(65 * GIB, GIB, 1))], [UNCOVERED, EMPTY]),
    "ranges-beyond-ram": ([srat(TWO, memory(0, 256 * MIB, 0), memory(256 * MIB, 4 * TIB, 1), memory(8 * TIB, TIB, 0))], []),
    "a-node-beyond-ram": ([srat(cpus(0, 1, 2, 2), HALVES, memory(32 * GIB, GIB, 2))], [EMPTY]),
    "ends-inside-a-page": ([srat(TWO, memory(0, 256 * MIB + 0x801, 0), memory(256 * MIB + 0x801, GIB, 1))], []),
    "all-ram-in-one-of-8": ([srat(cpus(0, 2, 4, 6), *[memory(n * 64 * GIB, 64 * GIB, (n + 5) % 8) for n in range(8)])], [EMPTY]),
    "x2apic-entries": ([srat(cpus(0, 1, 1, 0, make=x2apic), x2apic(1000, 1), HALVES)], []),
    "apic-and-x2apic-entries": ([srat(cpu(0, 0), x2apic(1, 1), cpu(2, 1), x2apic(3, 0), cpu(0xFF, 9, 0), x2apic(2**32 - 1, 9, 0),
                                      HALVES)], []),
    "64-pxms": ([srat(TWO, memory(0, 128 * MIB, 0), *[memory((122 + n * 6) * MIB, 6 * MIB, n) for n in range(1, 63)], memory(500 * MIB, GIB, 63))], []),
    "70-pxms": ([srat(TWO, *[memory(n * 4 * MIB, 4 * MIB, n) for n in range(70)])], [REFUSED]),
    "70-pxms-by-cpus": ([srat(HALVES, *[x2apic(n, n) for n in range(70)])], [REFUSED]),
    "disabled-only": ([srat(cpu(0, 0, 0), cpu(1, 1, 0), memory(0, 256 * MIB, 0, 0), memory(256 * MIB, GIB, 1, HOTPLUG))], [REFUSED]),
    "disabled-between": ([srat(TWO, memory(0, 0, 7, 0), memory(0, GIB, 5, 0), HALVES, memory(128 * MIB, 0, 6), cpu(0, 1, 0))], []),
    "hotplug-and-nonvolatile": ([srat(TWO, HALVES, memory(4 * GIB, 60 * GIB, 1, ENABLED | HOTPLUG),
                                      memory(8 * GIB, GIB, 1, ENABLED | NONVOLATILE))], []),
    "nvdimm-in-another-nodes-window": ([srat(TWO, HALVES, memory(4 * GIB, 4 * GIB, 1, ENABLED | HOTPLUG),
                                             memory(4 * GIB, GIB, 0, ENABLED | NONVOLATILE))], [RIVALS]),
    "nvdimms-in-the-last-nodes-window": ([srat(TWO, HALVES, memory(4 * GIB, GIB, 2, ENABLED | NONVOLATILE),
                                               memory(5 * GIB, GIB, 3, ENABLED | NONVOLATILE),
                                               memory(4 * GIB, 15 * GIB, 3, ENABLED | HOTPLUG))], [RIVALS]),
    "two-nodes-windows": ([srat(TWO, HALVES, memory(4 * GIB, 4 * GIB, 0, ENABLED | HOTPLUG),
                                memory(4 * GIB, 4 * GIB, 1, ENABLED | HOTPLUG))], [RIVALS]),
    "ram-in-another-nodes-window": ([srat(TWO, HALVES, memory(384 * MIB, 4 * GIB, 0, ENABLED | HOTPLUG))], [REFUSED]),
    "two-nodes-below-the-first-mib": ([srat(TWO, HALVES, memory(0, 640 << 10, 1))], [RIVALS]),
    "ram-in-a-hotplug-range": ([srat(TWO, memory(0, 256 * MIB, 0), memory(256 * MIB, 4 * GIB, 1, ENABLED | HOTPLUG))], []),
    "a-cpu-missing": ([srat(cpus(0, 1), HALVES)], [HOMELESS]),
    "no-cpus": ([srat(HALVES)], [HOMELESS]),
    "arm-entries-too": ([srat(TWO, HALVES, gicc(0), its(1))], []),
    "generic-initiator-and-port": ([srat(TWO, HALVES, generic(5, 1), generic(6, 0, 0x0200))], []),
    "unknown-entries": ([srat(TWO, entry(200, 6, bytes(4)), HALVES, entry(99, 2))], []),
    "entry-of-length-0": ([srat(TWO, HALVES, entry(1, 0, bytes(38)))], [REFUSED]),
    "entry-behind-the-end": ([srat(TWO, HALVES, entry(1, 40, bytes(20)))], [REFUSED]),
    "entry-of-a-wrong-length": ([srat(TWO, HALVES, entry(1, 30, bytes(28)))], [REFUSED]),
    "range-over-the-top": ([srat(TWO, HALVES, memory(2**64 - MIB, 2 * MIB, 1))], [REFUSED]),
    "no-entries": ([srat()], [REFUSED]),
    "two-srats": ([srat(entry(1, 0)), srat(cpus(1, 1, 0, 0), HALVES)], [REFUSED, "2 SRATs, number 2 is used"]),
    "slit": ([srat(TWO, HALVES), slit([[10, 15], [31, 10]])], []),
    "slit-larger": ([srat(TWO, HALVES), slit([[10, 12, 40], [13, 10, 40], [40, 40, 10]])], []),
    "slit-with-a-bad-diagonal": ([srat(TWO, HALVES), slit([[10, 20], [20, 11]])], [NO_SLIT]),
    "slit-with-small-distances": ([srat(TWO, HALVES), slit([[10, 9], [20, 10]])], [NO_SLIT]),
    "slit-too-short": ([srat(TWO, HALVES), slit([[10, 20], [20, 10]], localities=3)], [NO_SLIT]),
    "slit-too-long": ([srat(TWO, HALVES), slit([[10, 20, 20], [20, 10, 20], [20, 20, 10]], localities=2)], [NO_SLIT]),
    "slit-of-2-to-the-60": ([srat(TWO, HALVES), slit([[10]], localities=1 << 60)], [NO_SLIT]),
    "slit-alone": ([slit([[10, 20], [20, 10]])], []),
    "msct-hmat-and-second-madt": ([srat(TWO, HALVES), msct(2, 4, 1 << 40), hmat([[100, 200], [200, 100]], [0, 1], [0, 1]),
                                   madt(9, 10, 300)], []),
}


def signature(table):
    return table[:4].decode()


def shape_of(tables, warnings, directory):
    paths = []
    for number, table in enumerate(tables):
        paths.append(directory / f"{number}.{signature(table)}.dat")
        paths[-1].write_bytes(table)
    srats = [t for t in tables if signature(t) == "SRAT"]
    machine = acpi_model.machine_of(srats, range(CPUS), MEM)
    lost = (srats and not machine.have_srat) or acpi_model.empty_nodes(machine, MEM)
    matrix = acpi_model.read_slit(next((t for t in tables if signature(t) == "SLIT"), None))
    options = ["--nodes", 0, "--cpus", CPUS, "--mem", f"{MEM}M"]
    for path in paths:
        options += ["--acpi-table", path]
    return Shape(options, MEM, machine, lambda a, b: acpi_model.distance_of(machine, matrix, a, b), warnings,
                 guest_mib=4 if len(machine.pxm) > 40 else 16, degraded="nodes" if lost else "")


class TableRun(ShapeRun):
    def test_it_says_when_there_is_one_node_for_want_of_a_table(self, run, shape):
        assert ("no SRAT: one node" in run.text) == (not shape.machine.have_srat)


class TestOwnTables(TableRun):
    @pytest.fixture(scope="class", params=CASES.values(), ids=list(CASES))
    def shape(self, request, tmp_path_factory):
        return shape_of(*request.param, tmp_path_factory.mktemp("tables"))


def real_machines():
    """{machine: [tables]}: all SRATs of one machine, and its SLIT."""
    found = {}
    for path in sorted(REAL.glob("*.S[RL][AI]T*.dat")):
        found.setdefault(path.name.split(".")[0], []).append(path)
    return found


def warnings_of(tables):
    """The expected warnings for such tables, from the model."""
    srats = [t for t in tables if signature(t) == "SRAT"]
    read = [acpi_model.read_srat(t) for t in srats]
    machine = acpi_model.machine_of(srats, range(CPUS), MEM)
    warnings = [REFUSED] if read[0] is None else []
    if len(srats) > 1:
        warnings.append("2 SRATs, number . is used")
    if not machine.have_srat:
        return warnings
    listed, ranges = next(r for r in read if r)
    if any(apic_id not in listed for apic_id in range(CPUS)):
        warnings.append(HOMELESS)
    # An NVDIMM inside a hot-plug window is no mistake.
    if any(a[0] < b[1] and b[0] < a[1] and a[2] == b[2] and {a[3], b[3]} != {ENABLED | HOTPLUG, ENABLED | NONVOLATILE}
           for i, a in enumerate(ranges) for b in ranges[:i]):
        warnings.append(OVERLAP)
    if machine.rivals:
        warnings.append(RIVALS)
    if acpi_model.empty_nodes(machine, MEM):
        warnings.append(EMPTY)
    if any(acpi_model.uncovered(machine, *piece) for piece in acpi_model.usable(MEM, 32)):
        warnings.append(UNCOVERED)
    return warnings


@pytest.mark.skipif(not REAL.is_dir(), reason="no tables of real machines here")
class TestRealTables(TableRun):
    @pytest.fixture(scope="class", params=real_machines().values(), ids=list(real_machines()))
    def shape(self, request, tmp_path_factory):
        tables = [path.read_bytes() for path in request.param]
        return shape_of(tables, warnings_of(tables), tmp_path_factory.mktemp("tables"))
