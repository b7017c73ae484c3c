#!/usr/bin/python3
"""Commands of docs/tutorials that need no emulator, run as they are shown; and the samples that they read, which are made here: UPDATE=1
writes them. Prints what cmocka would print (tools/run-unit.py)."""
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import acpi_tool_test as acpi  # noqa: E402
import cmocka  # noqa: E402
import documented as docs  # noqa: E402
from documented import documented, run  # noqa: E402

UPDATE = os.environ.get("UPDATE", "0") not in ("", "0")
SRAT = "docs/tutorials/srat.md"
M, G = acpi.M, acpi.G


def acpidump(*tables):
    """The text that acpidump prints of them."""
    lines = []
    for raw in tables:
        lines.append(f"{raw[:4].decode()} @ 0x0000000000000000")
        for at in range(0, len(raw), 16):
            row = raw[at:at + 16]
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            lines.append(f"    {at:04X}: {' '.join(f'{byte:02X}' for byte in row):47}  {text}")
        lines.append("")
    return "\n".join(lines)


def e820(*ranges):
    """The lines of Linux's log for them: (start, end, type)."""
    return "".join(f"[    0.000000] BIOS-e820: [mem {start:#018x}-{end - 1:#018x}] {kind}\n" for start, end, kind in ranges)


def server(*memory):
    """Two sockets with four CPUs each, distances 10 and 21."""
    return acpidump(acpi.srat(*[acpi.cpu(apic // 16, apic) for apic in (0, 2, 4, 6, 16, 18, 20, 22)], *memory),
                    acpi.slit([(10, 21), (21, 10)]), acpi.madt(0, 2, 4, 6, 16, 18, 20, 22))


SAMPLES = {
    # 32 GiB on each socket; a hot-plug window above. RAM goes 64 MiB further than the SRAT says.
    "server.txt": server(acpi.mem(0, 0, 2 * G), acpi.mem(0, 4 * G, 30 * G), acpi.mem(1, 34 * G, 32 * G), acpi.mem(1, 128 * G, 128 * G, acpi.ON | acpi.HOT)),
    "dmesg.txt": e820((0, 0x9fc00, "usable"), (0x9fc00, M, "reserved"), (M, 2 * G, "usable"), (0xfec00000, 4 * G, "reserved"),
                      (4 * G, 66 * G + 64 * M, "usable")),
    # The second socket's range begins one GiB too low.
    "overlap.txt": server(acpi.mem(0, 0, 2 * G), acpi.mem(0, 4 * G, 30 * G), acpi.mem(1, 33 * G, 33 * G)),
}


class Srat(unittest.TestCase):
    def setUp(self):
        documented("make acpi-topology")

    def test_the_samples_are_these(self):
        for name, text in SAMPLES.items():
            path = docs.ROOT / "docs/samples/srat" / name
            if UPDATE:
                path.write_text(text)
            self.assertEqual(path.read_text(), text, name)

    def test_a_server(self):
        # 1: usable with warnings
        printed = documented("build/host/acpi-topology docs/samples/srat/server.txt --memmap docs/samples/srat/dmesg.txt", status=1)
        docs.compare(SRAT, "build/host/acpi-topology docs/samples/srat/server.txt --memmap docs/samples/srat/dmesg.txt", printed, exact=True)

    def test_a_refused_table(self):
        printed = documented("build/host/acpi-topology docs/samples/srat/overlap.txt --memmap docs/samples/srat/dmesg.txt", status=2)
        docs.compare(SRAT, "build/host/acpi-topology docs/samples/srat/overlap.txt --memmap docs/samples/srat/dmesg.txt", printed, exact=True)

    def test_without_a_memory_map(self):
        # Nothing to warn about: what the SRAT leaves out is not known.
        run("build/host/acpi-topology docs/samples/srat/server.txt")


if __name__ == "__main__":
    cmocka.main()
