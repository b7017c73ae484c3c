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
SRAT, CHECK = "docs/tutorials/srat.md", "docs/tutorials/check-a-server.md"
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


def cpus_of_server():
    """Eight CPUs on two sockets, as Linux 6.1 shows them."""
    flags = "fpu vme de pse tsc msr pae mce cx8 apic sep lm constant_tsc nonstop_tsc vmx x2apic ept vpid"
    return "\n".join(f"""processor\t: {number}
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) Gold 5222 CPU @ 3.80GHz
stepping\t: 7
apicid\t\t: {number // 4 * 16 + number % 4 * 2}
flags\t\t: {flags}
vmx flags\t: vnmi preemption_timer ept vpid unrestricted_guest
""" for number in range(8))


SERVER = {
    "proc/cpuinfo": cpus_of_server(),
    "proc/ioports": "0000-0000 : PCI Bus 0000:00\n  0000-0000 : serial\n",
    "proc/meminfo": "MemTotal:       65536000 kB\n",
    "sys/devices/system/cpu/present": "0-7\n",
    "sys/devices/system/node/node0/cpulist": "0-3\n",
    "sys/devices/system/node/node1/cpulist": "4-7\n",
    "sys/firmware/efi/fw_platform_size": "64\n",
}


class Check(unittest.TestCase):
    def test_the_samples_are_these(self):
        top = docs.ROOT / "docs/samples/check/server"
        for name, text in SERVER.items():
            if UPDATE:
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                (top / name).write_text(text)
            self.assertEqual((top / name).read_text(), text, name)
        self.assertEqual(sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()), sorted(SERVER))

    def test_a_server_as_a_user(self):
        documented("make homestead-check")
        printed = documented("build/host/homestead-check --root docs/samples/check/server", status=1)
        docs.compare(CHECK, "build/host/homestead-check --root docs/samples/check/server", printed, exact=True)


if __name__ == "__main__":
    cmocka.main()
