#!/usr/bin/env python3
"""build/host/acpi-topology as its users run it: exit status, @ lines, JSON, memory maps; on tables built here and on those of
real machines in ../shared/acpi-tables or $ACPI_TABLES, if they are there. Prints what cmocka would print (tools/run-unit.py).

lint: long: one tool, and all that it reads
"""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = ROOT / os.environ.get("ACPI_TOPOLOGY", "build/host/acpi-topology")
SHARED = pathlib.Path(os.environ.get("ACPI_TABLES", ROOT.parent / "shared/acpi-tables"))
TMP = pathlib.Path(tempfile.mkdtemp(prefix="acpi-topology."))
K, M, G = 1 << 10, 1 << 20, 1 << 30
ON, HOT, NV = 1, 2, 4
FACT = re.compile(r'(\w+)=("[^"]*"|\S*)')


class Skip(Exception):
    pass


# --- tables -----------------------------------------------------------------------------------------------
def table(signature, revision, body):
    raw = bytearray(struct.pack("<4sIBB6s8sIII", signature, 36 + len(body), revision, 0, b"HOMEST", b"TESTTABL", 1, 0, 1) + body)
    raw[9] = -sum(raw) & 255
    return bytes(raw)


def cpu(pxm, apic):
    return struct.pack("<BBBBIBBHI", 0, 16, pxm & 255, apic, ON, 0, 0, 0, 0)


def x2apic(pxm, apic):
    return struct.pack("<BBHIIIII", 2, 24, 0, pxm, apic, ON, 0, 0)


def mem(pxm, base, size, flags=ON):
    return struct.pack("<BBIHQQIIQ", 1, 40, pxm, 0, base, size, 0, flags, 0)


def srat(*entries, revision=3):
    return table(b"SRAT", revision, struct.pack("<IQ", 1, 0) + b"".join(entries))


def slit(rows):
    return table(b"SLIT", 1, struct.pack("<Q", len(rows)) + b"".join(bytes(row) for row in rows))


def madt(*apics):
    return table(b"APIC", 4, struct.pack("<II", 0xFEE00000, 1) + b"".join(
        struct.pack("<BBHIII", 9, 16, 0, apic, ON, uid) for uid, apic in enumerate(apics)))


def hmat(rows):
    n = len(rows)
    body = struct.pack("<HHIBBBBIIIQ", 1, 0, 32 + 8 * n + 2 * n * n, 0, 1, 0, 0, n, n, 0, 1000)
    body += b"".join(struct.pack("<I", i % n) for i in range(2 * n)) + b"".join(struct.pack("<H", v) for row in rows for v in row)
    return table(b"HMAT", 2, bytes(4) + body)


def file(name, content):
    path = TMP / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


TWO_NODES = srat(cpu(0, 0), x2apic(1, 300), mem(0, 0, 640 * K), mem(0, M, 2 * G - M), mem(1, 4 * G, 2 * G))


# --- running it -------------------------------------------------------------------------------------------
class Run:
    def __init__(self, *args):
        done = subprocess.run([TOOL, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.status, self.text, self.errors = done.returncode, done.stdout.decode(), done.stderr.decode()
        assert self.status in (0, 1, 2), (self.status, self.errors)
        self.lines = []
        for line in self.text.splitlines():
            if line.startswith("@"):
                name, _, rest = line[1:].partition(" ")
                self.lines.append((name, {k: v.strip('"') for k, v in FACT.findall(rest)}))

    def all(self, name):
        return [keys for found, keys in self.lines if found == name]

    def warnings(self):
        return [w["text"] for w in self.all("warning")]

    def nodes(self, *keys):
        return [tuple(int(node[k]) for k in keys) for node in self.all("node")]


def make(name="made", **tables):
    """Arguments for tables given by option name."""
    return [word for option, content in tables.items() for word in (f"--{option}", file(f"{name}.{option}", content))]


def one_srat(*entries, **more):
    return Run(*make(srat=srat(*entries), **more))


# --- tests ------------------------------------------------------------------------------------------------
def test_usable():
    run = Run(*make(srat=TWO_NODES, slit=slit([(10, 21), (30, 10)]), madt=madt(300, 0)))
    assert run.status == 0 and not run.warnings()
    assert run.nodes("id", "pxm", "bytes", "hotplug_bytes", "cpus") == [(0, 0, 2 * G - M + 640 * K, 0, 1), (1, 1, 2 * G, 0, 1)]
    assert [(c["apic_id"], c["node"], c["uid"]) for c in run.all("cpu")] == [("300", "1", "0"), ("0", "0", "1")]
    assert [int(d["value"]) for d in run.all("distance")] == [10, 21, 30, 10]
    assert [r["base"] for r in run.all("range")] == ["0x0", "0x100000", "0x100000000"]


def test_json_says_the_same():
    args = make(srat=TWO_NODES, slit=slit([(10, 21), (30, 10)]), madt=madt(300, 0, 7), memmap="0 4G ram\n4G 6G 1\n")
    run, data = Run(*args), json.loads(Run(*args, "--json").text)
    for name, items in (("node", "nodes"), ("cpu", "cpus"), ("range", "ranges")):
        lines = run.all(name)
        assert len(lines) == len(data[items]) > 0
        for line, item in zip(lines, data[items]):
            assert set(line) == set(item), (line, item)
            assert all(int(line[key], 0) == item[key] for key in line)
    assert [int(d["value"]) for d in run.all("distance")] == [v for row in data["distances"] for v in row]
    assert [list(map(int, n["order"].split(","))) for n in run.all("near")] == data["near"]
    assert data["warnings"] == run.warnings() and len(data["warnings"]) == 2
    assert data["result"] == run.all("topology")[0]["result"] == "warnings"
    refused = Run(*make(srat=b"nothing of the kind, and longer than a header"), "--json")
    assert refused.status == 2 and json.loads(refused.text)["result"] == "refused"


def test_overlaps():
    same = one_srat(mem(0, 0, 4 * G), mem(0, 2 * G, 4 * G))
    assert same.status == 1 and same.nodes("bytes") == [(6 * G,)] and "overlap" in same.warnings()[0]
    other = one_srat(mem(0, 0, 4 * G), mem(1, 2 * G, 4 * G))
    assert other.status == 2 and not other.all("node") and "PXM 0 and 1" in other.warnings()[0]


def test_overlaps_of_nodes_matter_where_there_is_ram():
    base = (cpu(0, 0), cpu(1, 1), mem(0, 0, 512 * M), mem(1, 512 * M, 512 * M))
    window, windows = mem(1, 4 * G, 4 * G, ON | HOT), mem(0, 4 * G, 4 * G, ON | HOT)
    tables = {  # of each node: NVDIMMs, and what is free of windows
        "an NVDIMM in another node's window": ((window, mem(0, 4 * G, G, ON | NV)), [(G, 0), (0, 3 * G)]),
        "two NVDIMMs of QEMU": ((mem(2, 4 * G, G, ON | NV), mem(3, 5 * G, G, ON | NV), mem(3, 4 * G, 15 * G, ON | HOT)),
                                [(0, 0), (0, 0), (G, 0), (G, 13 * G)]),
        "two windows": ((windows, window), [(0, 4 * G), (0, 0)]),
    }
    for entries, sums in tables.values():
        for memmap in {}, {"memmap": "0 1G ram"}:
            run = one_srat(*base, *entries, **memmap)
            assert run.status == 1 and len(run.warnings()) == 1 and "both have 0x100000000, where there is no RAM" in run.warnings()[0]
            assert run.nodes("nonvolatile_bytes", "hotplug_bytes") == sums
            assert run.nodes("cpus") == [(1,), (1,), (0,), (0,)][:len(sums)]
        refused = one_srat(*base, *entries, memmap="0 1G ram\n4G 5G ram")
        assert refused.status == 2 and "both have 0x100000000, ignored" in refused.warnings()[0]
    # RAM by the SRAT's own word is RAM as long as no map says otherwise.
    there = base + (mem(0, 768 * M, 256 * M), )
    assert one_srat(*there).status == one_srat(*there, memmap="0 1G ram").status == 2
    assert one_srat(*there, memmap="0 768M ram").status == 1


def test_qemus_dimmpxm():
    """The table of QEMU's own test `dimmpxm`: an NVDIMM of PXM 2 in the window, which is always the last node's."""
    table = srat(*(cpu(i, i) for i in range(4)), mem(0, 0, 640 * K), mem(0, M, 31 * M), *(mem(i, i * 32 * M, 32 * M) for i in (1, 2, 3)),
                   mem(2, 4 * G + 128 * M, 128 * M, ON | NV), mem(3, 4 * G, 4 * G - 128 * M, ON | HOT), revision=1)
    assert len(table) == 0x188
    run = Run(*make(srat=table, memmap="0 128M ram"))
    assert run.status == 1 and "PXM 2 and 3 both have 0x108000000, where there is no RAM" in run.warnings()[0]
    assert run.nodes("bytes", "nonvolatile_bytes", "cpus") == [(32 * M, 0, 1), (32 * M, 0, 1), (32 * M, 128 * M, 1), (32 * M, 0, 1)]
    # What people read has the same figures: PXM, RAM, hot-plug, non-volatile, CPUs of nodes 2 and 3.
    rows = [line.split() for line in run.text.splitlines()]
    assert ["2", "2", "32", "0", "128", "1"] in rows and ["3", "3", "32", "3840", "0", "1"] in rows, run.text


def test_a_node_whose_memory_is_not_in_the_map():
    run = one_srat(mem(0, 0, 4 * G), mem(1, 4 * G, 4 * G), mem(2, 8 * G, 4 * G, ON | HOT), memmap="0 4G ram")
    assert run.status == 1 and run.warnings() == ["ACPI: SRAT: 1 nodes have memory that is not in the memory map, as node 1"]


def test_hotplug_and_nvdimm():
    tables = dict(srat=srat(mem(0, 0, G), mem(1, 4 * G, 8 * G, ON | HOT), mem(1, 6 * G, G, ON | NV)))
    alone = Run(*make(**tables))
    assert alone.status == 0
    assert alone.nodes("bytes", "hotplug_bytes", "nonvolatile_bytes") == [(G, 0, 0), (G, 7 * G, G)]
    absent = Run(*make(**tables, memmap="0 1G ram"))
    assert absent.nodes("bytes", "hotplug_bytes", "nonvolatile_bytes") == [(G, 0, 0), (0, 7 * G, G)]
    present = Run(*make(**tables, memmap="0 1G ram\n4G 6G ram\n"))
    assert present.status == 0 and present.nodes("bytes", "hotplug_bytes") == [(G, 0), (2 * G, 5 * G)]
    used = Run(*make(**tables, memmap="0 1G ram\n6G 7G ram\n"))
    assert used.status == 1 and used.nodes("bytes") == [(G,), (G,)] and "non-volatile" in used.warnings()[0]


def test_uncovered_ram_is_on_one_node():
    run = one_srat(mem(5, M, G - M), mem(2, 4 * G, G), memmap="0 2G ram\n4G 6G ram\n")
    assert run.status == 1 and run.nodes("pxm", "bytes") == [(2, 2 * G), (5, 2 * G)]
    assert "2098176 KiB of RAM from 0x0 are in no range" in run.warnings()[0]


def test_memory_map_forms():
    listing = ("[    0.000000] Linux version 6.1, e820: [mem 0x0-0xfffffffff] usable is no line of the listing\n"
               "[    0.000000] BIOS-provided physical RAM map:\n"
               "[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\r\n"
               "[    0.000000] BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved\n"
               "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
               "[    0.000000] BIOS-e820: [mem 0x0000000080000000-0x00000000ffffffff] unusable\n"
               "[    0.000000] BIOS-e820: [gap 0x0000000100000000-0x00000001ffffffff]\n"
               "[    0.000000] BIOS-e820: [mem 0x0000000200000000-0x00000002ffffffff] persistent (type 7)\n")
    old = (" BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n BIOS-e820: 0000000000100000 - 0000000080000000 (usable)\n"
           " BIOS-e820: 00000000fec00000 - 00000000fed00000 (reserved)\n")
    new = "BIOS-e820: [mem 0x0-0x9fbff] 639 KB System RAM\nBIOS-e820: [mem 0x100000-0x7fffffff]  2 GB System RAM\n"
    plain = "# a comment\n\n0 0x9fc00 ram\n1M 1G usable # low\n1G 0x80000000 1\n0xf0000 1M reserved\n"
    for text in (listing, old, new, plain):
        run = one_srat(mem(0, 0, 8 * G), memmap=text)
        assert run.status == 0 and run.nodes("bytes") == [(0x9F000 + 2 * G - M,)], (text, run.text)
    hole = one_srat(mem(0, 0, 8 * G), memmap="1G 2G reserved\n0 4G ram\n")  # what is not RAM wins in any order
    assert hole.nodes("bytes") == [(3 * G,)]


def test_bad_memory_maps_are_refused():
    for text, why in (("0 1G\n", "line 1 "), ("0 1G ram\nx\n", "line 2 "), ("2G 1G ram", "line 1 "), ("0 1G reserved", "no RAM"),
                      ("0 0x20000000000000 ram", "52-bit"), ("BIOS-e820: [mem 0x0-0xffffffffffffffff] usable", "line 1 "),
                      ("BIOS-e820: [mem 0x0 0xfff] usable", "line 1 "), ("", "empty"), (b"0 1G ram\0", "no text"),
                      ("[    0.000000] Linux version 6.1\n", "line 1 is no memory map entry, and no line is one of Linux's or Xen's"),
                      ("".join(f"{2 * i}M {2 * i + 1}M ram\n" for i in range(5000)), "too many")):
        run = one_srat(mem(0, 0, G), memmap=text)
        assert run.status == 2 and why in run.errors and not run.text, (text[:40], run.errors)


# --- what others bring: tests/strangers -------------------------------------------------------------------
def dump_lines(raw, form):
    """Text of a table as acpidump, iasl -d, xxd and hexdump -C print it."""
    for at in range(0, len(raw), 16):
        row = raw[at:at + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        pairs = [f"{b:02x}" for b in row] + ["  "] * (16 - len(row))
        if form == "xxd":
            yield f"{at:08x}: " + " ".join(a + b for a, b in zip(pairs[::2], pairs[1::2])) + "  " + text
        elif form == "hexdump":
            yield f"{at:08x}  " + " ".join(pairs[:8]) + "  " + " ".join(pairs[8:]) + f"  |{text}|"
        elif form == "old":
            yield f"  {at:04x}: " + " ".join(pairs) + "  " + text
        elif form == "iasl":
            yield f"    {at:04X}: " + " ".join(pairs).upper() + "  // " + text
        else:
            yield f"    {at:04X}: " + " ".join(pairs).upper() + "  " + text
    if form == "hexdump":
        yield f"{len(raw):08x}"


def dump(form, *tables):
    text = ""
    for raw in tables:
        name = raw[:4].decode()
        text += {"xxd": "", "hexdump": "", "iasl": f"Raw Table Data: Length {len(raw)} (0x{len(raw):X})\n\n"}.get(
            form, f"{name} @ 0x{0xbf79e0c0:016x}\n") + "\n".join(dump_lines(raw, form)) + "\n\n"
    return text


FACP = table(b"FACP", 6, bytes(range(240)))  # printable bytes of all kinds in its characters
FACS = b"FACS" + struct.pack("<I", 64) + bytes(56)
RSDP = b"RSD PTR " + bytes([0]) + b"HOMEST" + bytes([2]) + struct.pack("<IIQB3x", 0, 36, 0, 0)
MANY = (RSDP, FACP, FACS, madt(300, 0), TWO_NODES, slit([(10, 21), (30, 10)]), table(b"SSDT", 2, b"\x10\x20" * 9))


def same_as_raw(*args):
    run = Run(*args)
    assert run.status == 0 and not run.warnings(), (args, run.text, run.errors)
    assert run.nodes("id", "pxm", "bytes", "cpus") == [(0, 0, 2 * G - M + 640 * K, 1), (1, 1, 2 * G, 1)]
    assert [int(d["value"]) for d in run.all("distance")] == [10, 21, 30, 10]
    assert [(c["apic_id"], c["uid"]) for c in run.all("cpu")] == [("300", "0"), ("0", "1")]


def test_several_tables_in_a_file():
    joined = b"".join(MANY)
    mail = "".join(f"> > {line}\r\n" for line in dump("new", *MANY).splitlines())
    one_blank = re.sub(r"(?<=[0-9A-F]{2})  (?=\S+$)", " ", dump("new", *MANY), flags=re.M)  # as mail clients fold them
    for content in (joined, mail, one_blank, *(dump(form, *MANY) for form in ("new", "old", "iasl", "xxd", "hexdump"))):
        path = file("tables", content)
        same_as_raw(path)
        same_as_raw("--srat", path, "--slit", path, "--madt", path)
    same_as_raw(file("a", TWO_NODES), file("b", dump("new", madt(300, 0))), "--slit", file("c", slit([(10, 21), (30, 10)])))


def test_a_directory_of_tables():
    place = TMP / "tables.d"
    (place / "dynamic").mkdir(parents=True)
    for name, content in (("APIC", madt(300, 0)), ("SRAT", TWO_NODES), ("SLIT", slit([(10, 21), (30, 10)])), ("FACP", FACP),
                          ("README", b"no table"), ("empty", b""), (".hidden", srat(mem(0, 0, G)))):
        (place / name).write_bytes(content)
    same_as_raw(place)
    same_as_raw(place, "--srat", place / "SRAT")  # the same one again
    (place / "SLIT2").write_bytes(slit([(10, 40), (40, 10)]))
    assert "this SLIT is not used" in Run(place).text and Run(place).all("distance")[1]["value"] == "21"
    (place / "SRAT1").write_bytes(TWO_NODES[:-1])  # a damaged one is the hypervisor's code's to judge
    assert Run(place).status == 1 and any("impossible length" in w for w in Run(place).warnings()), Run(place).text


def test_damaged_dumps_are_sentences():
    text = dump("new", *MANY).splitlines()
    at = next(i for i, line in enumerate(text) if line.startswith("SRAT"))
    for lines, why in ((text[:at + 2] + text[at + 3:], "has offset 0x20 after 0x10 bytes"),
                       (text[:at + 4], f"the table SRAT from line {at + 2} on has 48 bytes and should have {len(TWO_NODES)}"),
                       (dump("hexdump", TWO_NODES).splitlines()[:1] + ["*"], "hexdump needs -v"),
                       ([], "is empty"), (["    0010: 53 52 41 54"], "holds no ACPI table")):
        run = Run(file("damaged", "\n".join(lines)))
        assert run.status == 2 and why in run.errors and not run.text, (why, run.errors)
    for raw, why in ((b"".join(MANY)[:-1], "ends after the file"), (b"".join(MANY) + bytes(3), "is in no table"),
                     (TWO_NODES + RSDP[:20] + bytes([4]) + RSDP[21:], f"byte {len(TWO_NODES)} is in no table"), (bytes(100), "holds no ACPI table")):
        run = Run(file("damaged", raw))
        assert run.status == 2 and why in run.errors, (why, run.errors)


def test_memory_maps_of_strangers():
    """The first line of each file names its RAM: `right: N KiB`."""
    found = sorted((ROOT / "tests/strangers/memmaps").iterdir())
    assert len(found) >= 8
    for path in found:
        text = path.read_text()
        right = re.search(r"right: ([^:\n]*)", text)[1]
        for before in ("", "> ", "Nov 30 10:00:00 host kernel: "):
            run = one_srat(mem(0, 0, 64 * G), memmap="".join(before + line + "\r\n" for line in text.splitlines()))
            if "iomem" in path.name and before:  # where the line starts says what is inside of what
                continue
            if right.startswith("error "):
                assert run.status == 2 and right[6:] in run.errors, (path, run.errors)
            else:
                assert run.status == 0 and run.nodes("bytes") == [(int(right.split()[0]) * K,)], (path, before, run.text, run.errors)


def test_a_memory_map_of_sysfs():
    for i, (start, last, kind) in enumerate(((0, 0x9FBFF, "System RAM"), (0xF0000, 0xFFFFF, "Reserved"),
                                             (M, 2 * G - 1, "System RAM"), (2 * G, 3 * G - 1, "ACPI Tables"))):
        place = TMP / "memmap" / str(i)
        place.mkdir(parents=True)
        for name, value in (("start", hex(start)), ("end", hex(last)), ("type", kind)):
            (place / name).write_text(value + "\n")
    run = Run(*make(srat=srat(mem(0, 0, 8 * G))), "--memmap", TMP / "memmap")
    assert run.status == 0 and run.nodes("bytes") == [(0x9F000 + 2 * G - M,)]


def test_limits_are_sentences():
    run = one_srat(*(mem(i, i * G, G) for i in range(65)))
    assert run.status == 2 and "more than 64 proximity domains" in run.warnings()[0]
    assert one_srat(*(mem(i, i * G, G) for i in range(64))).status == 0
    many = srat(mem(0, 0, G), *(x2apic(0, i) for i in range(1030)))
    run = Run(*make(srat=many))
    assert run.status == 1 and run.nodes("cpus") == [(1024,)] and "6 CPUs more than the 1024" in run.warnings()[0]
    run = Run(*make(srat=srat(mem(0, 0, G), *(x2apic(0, i) for i in range(1024))), madt=madt(*range(1030))))
    assert run.status == 1 and run.nodes("cpus") == [(1024,)] and "MADT: 6 CPUs more" in run.warnings()[0]


def test_bad_tables_degrade():
    good = make(srat=TWO_NODES)
    for rows in ([(10, 21), (21, 11)], [(10, 9), (21, 10)], [(0, 0), (0, 0)]):
        run = Run(*good, *make(slit=slit(rows)))
        assert run.status == 1 and [int(d["value"]) for d in run.all("distance")] == [10, 20, 20, 10]
    short = Run(*good, *make(slit=slit([(10,)])))
    assert short.status == 1 and "do not cover 1 of 2" in short.warnings()[0]
    for option, raw in (("slit", slit([(10, 20), (20, 10)])), ("madt", madt(0)), ("hmat", hmat([(1, 2), (2, 1)])),
                        ("msct", table(b"MSCT", 1, struct.pack("<IIIQ", 56, 1, 0, 0)))):
        assert Run(*good, *make(**{option: raw})).status == 0
        run = Run(*good, *make(**{option: raw[:-1]}))
        assert run.status == 1 and "impossible length" in run.warnings()[0]
        run = Run(*good, *make(**{option: raw[:-1] + bytes([raw[-1] ^ 1])}))
        assert run.status == 1 and "wrong checksum" in run.warnings()[0] and len(run.nodes("id")) == 2
    assert Run(*make(srat=TWO_NODES[:-1])).status == 2
    assert Run(*make(srat=TWO_NODES[:-1] + b"\1")).status == 2


def test_hmat_orders_the_nodes():
    three = srat(*(mem(i, i * G, G) for i in range(3)), cpu(0, 0), cpu(1, 1), cpu(2, 2))
    run = Run(*make(srat=three, hmat=hmat([(1, 5, 3), (5, 1, 2), (1, 1, 9)])))
    assert run.status == 0 and [n["order"] for n in run.all("near")] == ["0,2,1", "1,2,0", "2,0,1"]


def test_shapes_that_others_stumbled_over():
    # Nodes whose memory alternates: Linux once refused it. RAM ends before the ranges do, and has a hole.
    run = one_srat(*(mem(i % 2, i * 2 * G, 2 * G) for i in range(4)), memmap="0 3G ram\n4G 7G ram")
    assert run.status == 0 and run.nodes("bytes") == [(4 * G,), (2 * G,)]
    # All memory on one socket, CPUs on both, and a SLIT for one (xen-api issue 6240).
    run = one_srat(mem(0, 0, 4 * G), *(cpu(i // 6, i) for i in range(12)), slit=slit([(10,)]))
    assert run.status == 1 and run.nodes("bytes", "cpus") == [(4 * G, 6), (0, 6)]
    # Sub-NUMA clusters on one-way links: asymmetric, and believed (gramine pull request 2122).
    rows = [(10, 15, 17, 21, 28, 26), (15, 10, 15, 23, 26, 23), (17, 15, 10, 26, 23, 21), (21, 28, 26, 10, 15, 17),
            (23, 26, 23, 15, 10, 15), (26, 23, 21, 17, 15, 10)]
    run = one_srat(*(mem(i, i * G, G) for i in range(6)), slit=slit(rows))
    orders = [n["order"] for n in run.all("near")]
    assert run.status == 0 and orders[0] == "0,1,2,3,5,4" and orders[3] == "3,4,5,0,2,1"


def test_two_srats():
    broken = bytearray(srat(mem(0, 0, G), struct.pack("<BB", 1, 0)))
    run = Run("--srat", file("bad", bytes(broken)), "--srat2", file("good", TWO_NODES))
    assert run.status == 1 and len(run.nodes("id")) == 2 and "number 2 is used" in run.warnings()[1]
    run = Run("--srat", file("good", TWO_NODES), "--srat2", file("bad", bytes(broken)))
    assert run.status == 1 and len(run.nodes("id")) == 2 and "number 1 is used" in run.warnings()[1]


def test_wrong_arguments_are_sentences():
    good = make(srat=TWO_NODES)
    for args, why in (((), "--srat: is required"), (("--srat", TMP / "none"), "No such file"), (("--srat", TMP), "directory"),
                      ((*good, "--slit", file("empty", b"")), "is empty"), ((*good, TMP / "more"), "No such file"),
                      ((*good, "--wrong"), "usage:"), (("--srat", file("huge", bytes(M + 1))), "too large"),
                      (sum((make(f"srat{i}", srat=srat(mem(0, 0, i * G))) for i in range(1, 6)), []), "one SRAT too many"),
                      (("--srat", file("text", "SRAT")), ""), ((file("text", "no table"),), "holds no ACPI table"),
                      ((file("slit", slit([(10,)])),), "has no SRAT"), ((TMP / "none",), "No such file"),
                      (("--slit", file("two", TWO_NODES + madt(0)), *good), "has no table SLIT"),
                      ((*good, "--memmap", file("data", b"0 1G ram\0")), "is no text")):
        run = Run(*args)
        assert run.status == 2 and why in run.errors and (not run.text) == bool(why), (args, run.errors)
    usage = Run("--help")
    assert usage.status == 0 and "--memmap" in usage.text


def test_lines_are_documented():
    text = (ROOT / "docs/hypervisor-guide/topology.md").read_text()
    rows = dict(re.findall(r"^\| `@(\w+)` \| (.*?) \|", text, re.M))
    device = struct.pack("<BBBBI16sII", 5, 32, 0, 1, 0, bytes(16), ON, 0)
    run = one_srat(cpu(0, 0), mem(0, 0, G), mem(0, G // 2, G), device, madt=madt(0), memmap="0 1G ram",
                   msct=table(b"MSCT", 1, struct.pack("<IIIQ", 56, 1, 0, 0)))
    assert {name for name, _ in run.lines} == set(rows)
    for name, keys in run.lines:
        assert list(keys) == re.findall(r"`(\w+)`", rows[name])[:len(keys)], name


def shared(pattern):
    found = sorted(SHARED.glob(pattern)) if SHARED.is_dir() else []
    if not found:
        raise Skip
    return found


def test_totals_of_real_machines():
    assert len(shared("*.expect.json")) >= 6
    for expect in shared("*.expect.json"):
        want = {int(p): t for p, t in json.loads(expect.read_text())["pxm"].items()}
        run = Run("--srat", expect.with_name(expect.name.replace(".expect.json", ".SRAT.dat")))
        got = {pxm: (size, hot, cpus) for pxm, size, hot, cpus in run.nodes("pxm", "bytes", "hotplug_bytes", "cpus")}
        assert set(got) == set(want), expect
        for pxm, found in got.items():
            assert found == (want[pxm]["mem"], want[pxm]["hot"], want[pxm]["cpus"]), expect
        # Ranges that overlap are counted once, with a warning.
        overlaps = any("overlap" in w for w in run.warnings())
        assert overlaps == ("overlap" in expect.name) and run.status == (1 if overlaps else 0), expect


def real(path, *more):
    """The tables of a machine, of which path is the SRAT."""
    for option, signature in (("--slit", "SLIT"), ("--madt", "APIC")):
        part = path.with_name(f"{path.name.split('.')[0]}.{signature}.dat")
        more += (option, part) if part.exists() else ()
    return Run("--srat", path, *more)


def test_every_real_table():
    for path in shared("*.dat"):
        sound = ".SRAT" in path.name and path.name != "Dell_Precision_T5810.SRAT1.dat"
        assert (Run("--srat", path).status != 2) == sound, path
        run = real(path)
        assert (run.status == 0) == (sound and "loongson" not in path.name), (path, run.warnings())


def test_real_machines():
    for path in shared("Supermicro_*.SRAT.dat") + shared("Dell_R820.SRAT.dat"):
        pxms, cpus, ranges, distances = {
            "Supermicro_H8QG6": (range(8), 8, 10, {(0, 1): 16, (0, 3): 22, (7, 4): 22}),
            "Supermicro_X10DAi": (range(2), 20, 3, {(1, 0): 21}),  # 5 entries, neighbours joined
            "Supermicro_X8DTT": (range(2), 8, 4, {}),
            "Dell_R820": (range(1, 5), 20, 4, {(0, 1): 20, (0, 2): 30}),  # no PXM 0, but the SLIT's rows start there
        }[path.name.split(".")[0]]
        run = real(path)
        found = {(int(d["from"]), int(d["to"])): int(d["value"]) for d in run.all("distance")}
        assert run.nodes("pxm", "cpus") == [(pxm, cpus) for pxm in pxms] and not run.warnings(), path
        assert len(run.all("range")) == ranges and found.items() >= distances.items(), (path, len(run.all("range")))


def test_real_oddities():
    def ranges(run):
        return [(int(r["base"], 0), int(r["end"], 0), int(r["hotplug"]), int(r["nonvolatile"])) for r in run.all("range")]

    broken, sound = shared("Dell_Precision_T5810.SRAT[12].dat")
    run = real(broken, "--srat2", sound)
    assert run.nodes("cpus") == [(4,)] and len(ranges(run)) == 2
    assert "broken entry at byte 4424" in run.warnings()[0] and "number 2 is used" in run.warnings()[1]
    window = ranges(real(SHARED / "qemu_hotplug_nvdimm.SRAT.dat"))
    assert [r[2:] for r in window[3:]] == [(1, 0), (0, 1), (1, 0)] and window[4][:2] == (0x110000000, 0x120000000)
    run = real(SHARED / "loongson_overlap_itself.SRAT.dat")
    assert "overlap from 0x80000000" in run.warnings()[0]
    assert len(ranges(run)) == 2 and ranges(run)[0] == (0, 0x170000000, 0, 0)


def main():
    failed = 0
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    for name, test in tests:
        print(f"[ RUN      ] {name}")
        try:
            test()
            print(f"[       OK ] {name}")
        except Skip:
            print(f"[  SKIPPED ] {name}")
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print(f"[  FAILED  ] {name}")
            failed += 1
    shutil.rmtree(TMP)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
