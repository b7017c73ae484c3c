"""Tests of the tests' tools: acpi_make makes well-formed tables, and the model agrees with known facts of real ones."""
import json

import pytest

import acpi_make as make
import acpi_model
import harness

REAL = harness.ROOT.parent / "shared" / "acpi-tables"
TABLES = {
    "SRAT": make.srat(make.cpu(1, 2), make.x2apic(3, 4), make.memory(0, 4096, 5), make.gicc(0), make.its(0), make.generic(5, 1)),
    "SLIT": make.slit([[10, 20], [30, 10]]),
    "APIC": make.madt(0, 1, 300),
    "HMAT": make.hmat([[100, 200]], [0], [0, 1]),
    "MSCT": make.msct(4, 8, 1 << 40),
}


@pytest.mark.parametrize("name", TABLES)
def test_length_and_checksum(name):
    table = TABLES[name]
    assert table[:4].decode() == name and int.from_bytes(table[4:8], "little") == len(table) and sum(table) % 256 == 0


def test_the_model_reads_what_was_made():
    assert acpi_model.read_srat(TABLES["SRAT"]) == ({1: 2, 3: 4}, [(0, 4096, 5, 1)])
    assert acpi_model.read_slit(TABLES["SLIT"]) == [[10, 20], [30, 10]]
    assert acpi_model.apic_ids(2, 3, 2) == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]


def test_every_byte_is_counted_once():
    """For all sizes of RAM and kinds of ranges, the nodes' pages add up."""
    machine = acpi_model.Machine([0, 1, 2], [(3 << 20, 7 << 20 | 0x801, 1), (9 << 20, 5 << 30, 0), (6 << 30, 7 << 30, 2)], {})
    for mem in (16, 512, 2815, 2816, 4096, 8192):
        assert sum(acpi_model.pages_of_nodes(machine, mem, 32)) == mem * 256 - 256 - 32


@pytest.mark.parametrize("path", sorted(REAL.glob("*.expect.json")), ids=lambda path: path.name.split(".")[0])
def test_the_model_agrees_with_totals_of_real_machines(path):
    """A byte that two enabled entries of a node name is counted once."""
    expected = json.loads(path.read_text())["pxm"]
    srat = path.with_name(path.name.replace("expect.json", "SRAT.dat")).read_bytes()
    cpus, memory = acpi_model.read_srat(srat)

    def bytes_of(pxm, hot):
        mine = sorted((base, end) for base, end, owner, flags in memory if (owner, bool(flags & make.HOTPLUG)) == (pxm, hot))
        total = last = 0
        for base, end in mine:
            total += max(0, end - max(base, last))
            last = max(last, end)
        return total

    for pxm, want in expected.items():
        assert bytes_of(int(pxm), False) == want["mem"]
        assert bytes_of(int(pxm), True) == want["hot"]
        assert sum(owner == int(pxm) for owner in cpus.values()) == want["cpus"]
    ranges = acpi_model.machine_of([srat], [], 512).ranges
    assert all(a[1] <= b[0] for a, b in zip(ranges, ranges[1:]))
    assert all(any(b <= byte < e for b, e, _ in ranges) for base, end, *_ in memory for byte in (base, end - 1))
