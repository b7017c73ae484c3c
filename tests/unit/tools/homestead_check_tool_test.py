#!/usr/bin/env python3
"""build/host/homestead-check as its users run it, on trees of /proc, /sys and /dev as machines have them, and on this machine."""
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

import cmocka

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests" / "boot"))
from acpi_make import GIB, cpu, madt, memory, slit, srat, table, x2apic  # noqa: E402

TOOL = ROOT / "build" / "host" / "homestead-check"
EPYC = ("AuthenticAMD", 25, 1, "AMD EPYC 7543 32-Core Processor", "fpu vme lm svm x2apic npt pdpe1gb nonstop_tsc", None)
OPTERON = ("AuthenticAMD", 16, 9, "AMD Opteron(tm) Processor 6172", "fpu vme lm svm npt pdpe1gb", None)
XEON = ("GenuineIntel", 6, 85, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", "fpu vme lm vmx x2apic ept vpid",
        "vnmi preemption_timer ept unrestricted_guest vpid")
XEON_OLD_LINUX = XEON[:5] + (None,)
XEON_LOCKED = XEON[:4] + ("fpu vme lm x2apic", None)
NEHALEM = ("GenuineIntel", 6, 26, "Intel(R) Xeon(R) CPU X5570 @ 2.93GHz", "fpu vme lm vmx ept vpid", "vnmi ept vpid")
ZHAOXIN = ("  Shanghai  ", 7, 59, "ZHAOXIN KaiSheng KH-37800D", "fpu vme lm vmx ept", "ept")
SERIAL = {"proc/ioports": "0000-0cf7 : PCI Bus 0000:00\n  03f8-03ff : serial\n",
          "proc/tty/driver/serial": "serinfo:1.0 driver revision:\n0: uart:16550A port:000003F8 irq:4 tx:0 rx:0\n"}
USER = {"proc/ioports": "0000-0000 : PCI Bus 0000:00\n  0000-0000 : serial\n"}
TWO_NODES = {"APIC": madt(*range(4)), "SRAT": srat(*(cpu(i, i // 2) for i in range(4)), memory(0, 4 * GIB, 0), memory(4 * GIB, 4 * GIB, 1)),
             "SLIT": slit([[10, 21], [21, 10]])}


def cpuinfo(kind, ids):
    vendor, family, model, name, flags, vmx = kind
    return "\n".join(
        f"processor\t: {number}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: {name}\nstepping\t: 1\n"
        f"apicid\t\t: {apic_id}\nflags\t\t: {flags}\n" + (f"vmx flags\t: {vmx}\n" if vmx else "") for number, apic_id in enumerate(ids))


def spcr(space, address):
    return table("SPCR", bytes([0] * 4) + struct.pack("<BBBBQ", space, 8, 0, 1, address) + bytes(28), 2)


class Tree:
    """A directory with these files: name: text or bytes, or {offset: bytes} for what is mostly holes."""

    def __init__(self, kind=EPYC, ids=range(4), tables=None, files=None, msrs=None, nodes=2, directories=()):
        self.at = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.at.name)
        self.add("proc/cpuinfo", cpuinfo(kind, ids))
        self.add("proc/meminfo", "MemTotal:        8388608 kB\n")
        self.add("sys/devices/system/cpu/present", f"0-{len(ids) - 1}\n")
        for name in [f"sys/devices/system/node/node{n}" for n in range(nodes)] + list(directories):
            (self.root / name).mkdir(parents=True)
        for name, content in (tables or {}).items():
            self.add(f"sys/firmware/acpi/tables/{name}", content)
        for name, content in (files or {}).items():
            self.add(name, content)
        if msrs is not None:
            self.add("dev/cpu/0/msr", {number: struct.pack("<Q", value) for number, value in msrs.items()})

    def add(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            with open(path, "wb") as out:
                for offset, piece in content.items():
                    out.seek(offset)
                    out.write(piece)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)

    def check(self, status):
        return check("--root", str(self.root), status=status)


def run(*arguments):
    return subprocess.run([TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def check(*arguments, status=None):
    """{name: [(result, text), ...]} of --json, which must agree with the exit status and with the text for people."""
    done, plain = run("--json", *arguments), run(*arguments)
    answer = json.loads(done.stdout)
    assert ["yes", "warnings", "no"][done.returncode] == answer["result"] and done.returncode == plain.returncode
    worst = max({"ok": 0, "warning": 1, "no": 2}[c["result"]] for c in answer["checks"])
    assert worst == done.returncode, done.stdout
    found = {}
    for c in answer["checks"]:
        found.setdefault(c["name"], []).append((c["result"], c["text"]))
        assert re.search(rf"(?m)^{c['result']} +{c['name']} +{re.escape(c['text'])}$", plain.stdout), (c, plain.stdout)
    assert plain.stdout.endswith("? " + ["yes", "yes, with warnings", "no"][done.returncode] + "\n")
    assert status is None or done.returncode == status, plain.stdout
    found["unread"] = answer["unread"]
    return found


UEFI = {"sys/firmware/efi/fw_platform_size": "64\n"}
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
FEATURE_CONTROL, VM_CR, CONTROLS = 0x3A, 0xC0010114, 0x48B


class TestMachines(unittest.TestCase):
    def test_amd_as_root(self):
        found = Tree(tables={**TWO_NODES, "IVRS": b"IVRS"}, files={**SERIAL, **UEFI}, msrs={VM_CR: 0}).check(0)
        self.assertEqual(found["cpu"], [("ok", "AMD EPYC 7543 32-Core Processor (AMD)")])
        self.assertEqual(found["nodes"], [("ok", "2, of which 2 have memory")])
        self.assertEqual(found["cpus"], [("ok", "4")])
        self.assertEqual(found["iommu"], [("ok", "there is one; Homestead does not use it")])
        self.assertEqual(found["serial"], [("ok", "at I/O port 0x3f8")])
        self.assertEqual(found["firmware"], [("ok", "UEFI")])
        self.assertEqual(found["unread"], [])

    def test_intel_as_root(self):
        found = Tree(XEON, tables=TWO_NODES, files=SERIAL, msrs={FEATURE_CONTROL: 5}).check(0)
        self.assertEqual(found["real mode"][0][0], "ok")
        self.assertIn("BIOS", found["firmware"][0][1])

    def test_intel_as_a_user(self):
        found = Tree(XEON, files={**USER, **UEFI}).check(1)
        self.assertEqual(found["virtualization"][0][0], "ok")
        self.assertEqual(found["nodes"][0][0], "warning")
        self.assertIn("run this as root", found["serial"][0][1])
        self.assertEqual([u["path"] for u in found["unread"]],
                         ["/dev/cpu/0/msr", "/sys/firmware/acpi/tables/APIC", "/proc/tty/driver/serial"])

    def test_intel_by_an_older_linux(self):
        controls = 1 << 33 | 1 << 37 | 1 << 39
        self.assertEqual(Tree(XEON_OLD_LINUX, files=USER).check(1)["real mode"][0][0], "warning")
        Tree(XEON_OLD_LINUX, tables=TWO_NODES, files=SERIAL, msrs={FEATURE_CONTROL: 5, CONTROLS: controls}).check(0)
        kvm = {"dev/kvm": "", "sys/module/kvm_intel/parameters/unrestricted_guest": "Y\n"}
        Tree(XEON_OLD_LINUX, tables=TWO_NODES, files={**SERIAL, **kvm}).check(0)

    def test_locked_by_the_firmware(self):
        self.assertIn("VT-x", Tree(XEON, files=SERIAL, msrs={FEATURE_CONTROL: 1}).check(2)["virtualization"][0][1])
        self.assertIn("VM_CR", Tree(files=SERIAL, msrs={VM_CR: 0x18}).check(2)["virtualization"][0][1])
        Tree(XEON_LOCKED, files=SERIAL).check(2)

    def test_too_old(self):
        found = Tree(NEHALEM, tables=TWO_NODES, files=SERIAL, msrs={FEATURE_CONTROL: 5}).check(2)
        self.assertEqual(found["real mode"], [("no", "the CPU has no unrestricted guest mode")])

    def test_another_vendor(self):
        self.assertEqual(Tree(ZHAOXIN, files=SERIAL).check(2)["cpu"][0][0], "no")

    def test_another_architecture(self):
        tree = Tree()
        tree.add("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\n")
        tree.check(2)

    def test_nothing_there(self):
        with tempfile.TemporaryDirectory() as empty:
            found = check("--root", empty)
        self.assertEqual(found["cpu"], [("warning", "/proc/cpuinfo could not be read")])

    def test_high_apic_ids(self):
        ids = [0, 1, 256, 300]
        tables = {"APIC": madt(*ids), "SRAT": srat(*(x2apic(i, i // 256) for i in ids), memory(0, 4 * GIB, 0), memory(4 * GIB, 4 * GIB, 1)),
                  "SLIT": slit([[10, 21], [21, 10]])}
        Tree(EPYC, ids, tables=tables, files=SERIAL, msrs={VM_CR: 0}).check(0)
        found = Tree(OPTERON, ids, tables=tables, files=SERIAL, msrs={VM_CR: 0}).check(1)
        self.assertEqual(found["x2apic"][0][0], "warning")

    def test_tables_that_homestead_refuses(self):
        tables = {**TWO_NODES, "SRAT": srat(cpu(0, 0), memory(0, 4 * GIB, 0), memory(2 * GIB, 4 * GIB, 1))}
        found = Tree(tables=tables, files=SERIAL, msrs={VM_CR: 0}).check(1)
        self.assertEqual(found["nodes"], [("warning", "the SRAT cannot be used: Homestead would have one node")])
        self.assertIn("acpi", found)

    def test_a_second_srat(self):
        tables = {**TWO_NODES, "SRAT": b"SRAT", "SRAT1": TWO_NODES["SRAT"]}
        self.assertEqual(Tree(tables=tables, files=SERIAL, msrs={VM_CR: 0}).check(1)["nodes"][0][0], "ok")

    def test_no_srat(self):
        found = Tree(tables={"APIC": madt(0)}, ids=[0], files=SERIAL, msrs={VM_CR: 0}, nodes=1).check(0)
        self.assertEqual(found["nodes"], [("ok", "1: the machine has no SRAT")])

    def test_serial_ports(self):
        none = {"proc/ioports": "0060-0060 : keyboard\n", "proc/tty/driver/serial": "0: uart:unknown port:000003F8 irq:4\n"}
        self.assertIn("no port found", Tree(files=none).check(1)["serial"][0][1])
        found = Tree(files=none, tables={**TWO_NODES, "SPCR": spcr(1, 0x2F8)}, msrs={VM_CR: 0}).check(0)
        self.assertEqual(found["serial"], [("ok", "at I/O port 0x2f8")])
        found = Tree(files=none, tables={**TWO_NODES, "SPCR": spcr(0, 0xFE030000)}, msrs={VM_CR: 0}).check(1)
        self.assertIn("memory address", found["serial"][0][1])

    def test_secure_boot(self):
        secure = {SECURE_BOOT: bytes([6, 0, 0, 0, 1]), **UEFI, **SERIAL}
        self.assertEqual(Tree(tables=TWO_NODES, files=secure, msrs={VM_CR: 0}).check(1)["secure boot"][0][0], "warning")
        Tree(tables=TWO_NODES, files={**secure, SECURE_BOOT: bytes([6, 0, 0, 0, 0])}, msrs={VM_CR: 0}).check(0)

    def test_iommu(self):
        self.assertIn("there is one", Tree(files=SERIAL, directories=["sys/class/iommu/dmar0"]).check(1)["iommu"][0][1])

    def test_under_xen(self):
        found = Tree(XEON_LOCKED, files={**SERIAL, "sys/hypervisor/type": "xen\n"}).check(1)
        self.assertIn("guest of Xen", found["guest"][0][1])
        self.assertIn("Xen hides it", found["virtualization"][0][1])

    def test_names_with_odd_bytes(self):
        tree = Tree(files=SERIAL)
        tree.add("proc/cpuinfo", cpuinfo(EPYC, range(1)).replace("EPYC", "\"E\\\x1b[31m\x07").encode() + b"\xff\xfe")
        answer = json.loads(run("--json", "--root", str(tree.root)).stdout)
        self.assertIn('"E\\\x1b[31m\x07', answer["checks"][0]["text"])
        self.assertNotIn("\x1b", run("--root", str(tree.root)).stdout)

    def test_a_large_machine(self):
        found = Tree(ids=range(1100), files=SERIAL).check(1)
        self.assertEqual(found["cpus"], [("warning", "1100: Homestead uses 1024 of them")])


class TestCommand(unittest.TestCase):
    def test_this_machine(self):
        found = check()
        self.assertEqual(found["cpus"][0][1], str(os.sysconf("SC_NPROCESSORS_CONF")))

    def test_it_is_static(self):
        headers = subprocess.run(["readelf", "-lW", TOOL], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn(" LOAD ", headers)
        self.assertNotIn(" INTERP ", headers)

    def test_wrong_arguments(self):
        for words in (["--frobnicate"], ["--root"], ["here"]):
            self.assertEqual(run(*words).returncode, 2)
            self.assertIn("usage: homestead-check", run(*words).stderr)

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOOL], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, "homestead-check: standard output: No space left on device\n"))


if __name__ == "__main__":
    cmocka.main()
