#!/usr/bin/env python3
"""Writes the ACPI tables that GRUB adds to Bochs' machine: two nodes, each with half of the CPUs and half of the memory.

usage: bochs-tables.py DIRECTORY CPUS MIB [--uefi]

DIRECTORY/srat.aml and slit.aml. Bochs' BIOS has tables of its own for all else; UEFI in Bochs has none: with --uefi also
apic.aml, facp.aml and dsdt.aml, of the machine that Bochs emulates (i440FX and PIIX4).
"""
import pathlib
import struct
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "boot"))
from acpi_make import MIB, cpu, madt, memory, slit, srat, table  # noqa: E402

LOW_END = 0xA0000  # video memory follows
ADDRESS_OF_IO_APIC, ADDRESS_OF_PM_TIMER = 0xFEC00000, 0xB008


def node_of(number, cpus):
    return number * 2 // max(cpus, 2)


def whole_machine(cpus):
    io_apic = struct.pack("<BBBBII", 1, 12, cpus, 0, ADDRESS_OF_IO_APIC, 0)
    timer_irq = struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0)  # IRQ 0 is pin 2 of the I/O APIC
    fadt = bytearray(116 - 36)  # ACPI 1.0's, revision 1
    struct.pack_into("<I", fadt, 76 - 36, ADDRESS_OF_PM_TIMER)
    fadt[91 - 36] = 4  # bytes of it
    return {"apic": madt(*range(cpus), more=io_apic + timer_irq), "facp": table("FACP", bytes(fadt), 1),
            "dsdt": table("DSDT", b"", 1)}


def main():
    directory, cpus, half = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) * MIB // 2
    tables = {
        "srat": srat(*(cpu(number, node_of(number, cpus)) for number in range(cpus)),
                     memory(0, LOW_END, 0), memory(MIB, half - MIB, 0), memory(half, half, 1)),
        "slit": slit([[10, 21], [21, 10]]),
    }
    if "--uefi" in sys.argv[4:]:
        tables.update(whole_machine(cpus))
    for name, content in tables.items():
        (directory / f"{name}.aml").write_bytes(content)


if __name__ == "__main__":
    main()
