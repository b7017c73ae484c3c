#!/usr/bin/env python3
"""Numbers in the documents against include/xen/: hypercalls, their commands, constants, sizes and offsets of structures; and
every command that Homestead has is in the guest guide. Prints what cmocka would print (tools/run-unit.py).

The forms that are read: `hypercall 12 (memory_op), command 24`, or `command 24 claim_pages`; `domctl 91`; rows of abi.md,
`| 12 memory_op | 6 populate_physmap |`; a constant beside its value, as in "0xffffffff (`NAME`)"; a row `| 16 | `FLAG` |`
below `| bit |`; and tables `| offset | size | field |` below a line "**struct NAME** (include/xen/FILE.h), N bytes".
"""
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools"), str(HERE.parent / "include")]
import abi_compare  # noqa: E402
import cmocka  # noqa: E402
import documents  # noqa: E402

# The names of hypercalls, and how their commands' constants begin.
FAMILIES = {
    "platform_op": "XENPF_", "memory_op": "XENMEM_", "xen_version": "XENVER_", "console_io": "CONSOLEIO_", "domctl": "XEN_DOMCTL_",
    "grant_table_op": "GNTTABOP_", "vcpu_op": "VCPUOP_", "sched_op": "SCHEDOP_", "event_channel_op": "EVTCHNOP_",
    "hvm_op": "HVMOP_", "sysctl": "XEN_SYSCTL_", "vm_assist": "VMASST_CMD_",
}
CONSTANT = (r"\b(?:XEN_DOMCTL|XEN_SYSCTL|XENMEM|XENMEMF|XENPF|XENVER|XENFEAT|EVTCHNOP|GNTTABOP|GNTMAP|VCPUOP|SCHEDOP|HVMOP|HVM_PARAM|"
            r"VIRQ|DOMID|PG_OFFLINE|PG_ONLINE|XEN_HOMESTEAD|VCPU_SSHOTTMR|__HYPERVISOR)_\w+\b")
# Constants of Xen's that Homestead does not have, and where documents name them for that reason.
FOREIGN = {
    "XEN_DOMCTL_getpageframeinfo3": "xl save needs it",
    "XEN_SYSCTL_numa_meminfo": "its numainfo, by the name of a later version",
    "XEN_DOMCTL_NUMA_OP_GET_NODE_PAGES": "XenServer's",
}
# Of a command, not one itself.
SUB_COMMAND = r"SENDTRIGGER_|SHADOW_OP_|CPUPOOL_OP_|cpu_policy_|cpu_featureset_"
NUMBER = r"(?:0x[0-9a-fA-F]+|\d+)"
OURS = abi_compare.ours_of(documents.ROOT, "-D_Static_assert(...)=")


def known():
    return set(OURS.macros) | OURS.types.enumerators


def values(names):
    """{name: value} of those that are numbers."""
    names = sorted(set(names) & known())
    return {name: value for name, value in OURS.values(names).items() if isinstance(value, int)}


def number(text):
    return int(text, 16 if text.startswith("0x") else 10)


def of_family(prefix):
    return values(name for name in known() if name.startswith(prefix))


class Document(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.wrong, self.checked = [], 0

    def check(self, good, path, text, offset, what):
        self.checked += 1
        if not good:
            self.wrong.append(f"{path}:{documents.line_of(text, offset)}: {what}")

    def done(self, least):
        self.assertFalse(self.wrong, "\n".join(self.wrong))
        self.assertGreaterEqual(self.checked, least, "suspiciously few")


class Numbers(Document):
    def test_hypercalls(self):
        calls = {name[len("__HYPERVISOR_"):]: value for name, value in of_family("__HYPERVISOR_").items()}
        for path, text in documents.pages():
            for match in re.finditer(rf"\bhypercall ({NUMBER}) \((\w+)\)", text):
                self.check(calls.get(match.group(2)) == number(match.group(1)), path, text, match.start(), match.group(0))
            for offset, cells in documents.rows(text) if path.name == "abi.md" else ():
                match = re.match(r"(\d+) (\w+)$", cells[0])
                if match:
                    self.check(calls.get(match.group(2), number(match.group(1))) == number(match.group(1)), path, text, offset,
                               match.group(0))
        self.done(5)

    def test_commands(self):
        numbers = {family: set(of_family(prefix).values()) for family, prefix in FAMILIES.items()}
        families = "|".join(FAMILIES)
        for path, text in documents.pages():
            for match in re.finditer(rf"\bhypercall {NUMBER} \((\w+)\), commands? ((?:{NUMBER}(?:, | and | to )?)+)", text):
                for command in re.findall(NUMBER, match.group(2)):
                    self.check(number(command) in numbers.get(match.group(1), ()), path, text, match.start(), match.group(0))
            for match in re.finditer(rf"\b({families}) ({NUMBER})(?: and ({NUMBER}))?(?![\w.]|-bit)(?:[^\w`]{{1,3}}`({CONSTANT})`)?", text):
                family, constant = match.group(1), match.group(4)
                for command in filter(None, (match.group(2), match.group(3))):
                    self.check(number(command) in numbers[family], path, text, match.start(), match.group(0))
                if constant and constant.startswith(FAMILIES[family]):
                    self.check(values([constant]).get(constant) == number(match.group(2)), path, text, match.start(), match.group(0))
        self.done(10)

    def test_commands_by_name(self):
        """hypercall 36 (domctl), command 91 claim_memory."""
        for path, text in documents.pages():
            for match in re.finditer(rf"\bhypercall {NUMBER} \((\w+)\), command ({NUMBER}) ([a-z]\w*)(?=\s*(?:[|,.;:)`]|$))", text, re.M):
                name = FAMILIES.get(match.group(1), "") + match.group(3)
                self.check(values([name]).get(name) == number(match.group(2)), path, text, match.start(), match.group(0))
        self.done(60)

    def test_commands_of_rows(self):
        """`XEN_DOMCTL_claim_memory` in the first cell, hypercall 36 (domctl), command 91 in another."""
        for path, text in documents.pages():
            for offset, cells in documents.rows(text):
                name = re.match(rf"`({CONSTANT})`$", cells[0])
                command = re.search(rf"\bcommand ({NUMBER})", " ".join(cells[1:]))
                if name and command:
                    self.check(values([name.group(1)]).get(name.group(1)) == number(command.group(1)), path, text, offset, " ".join(cells[:2]))
        self.done(2)

    def test_names_of_commands(self):
        """abi.md's table: 12 memory_op, then 6 populate_physmap."""
        text, path = documents.page("docs/guest-guide/abi.md"), "docs/guest-guide/abi.md"
        call = None
        for offset, cells in documents.rows(text):
            first = re.match(r"\d+ (\w+)$", cells[0])
            call = first.group(1) if first else call
            if call not in FAMILIES or len(cells) < 3:
                continue
            for command, name in re.findall(rf"(?<![-\w])({NUMBER}) ([a-z]\w+)", re.sub(r"\([^)]*\)", "", cells[1])):
                name = FAMILIES[call] + name
                value = values([name]).get(name)
                self.check(value == number(command), path, text, offset, f"{command} {name} is {value}")
        self.done(30)

    def test_constants_exist(self):
        names = known()
        used = set()
        for path, text in documents.pages():
            for match in re.finditer(CONSTANT, text):
                used.add(match.group(0))
                family = match.group(0).endswith("_")  # XEN_DOMCTL_CLAIM_: all that begin so
                self.check(match.group(0) in names or match.group(0) in FOREIGN or family, path, text, match.start(),
                           match.group(0) + " is not in include/xen/")
        self.assertEqual(set(FOREIGN) - used | set(FOREIGN) & names, set(), "not needed in FOREIGN")
        self.done(60)

    def test_values_beside_constants(self):
        """0xffffffff (`NAME`), `NAME` (0xffffffff), 0x48530001 `NAME`; 16 and a flag in a table of bits."""
        forms = (rf"\b(0x[0-9a-fA-F]+) \(?`({CONSTANT})`", rf"`({CONSTANT})` \((0x[0-9a-fA-F]+)\)")
        for path, text in documents.pages():
            for form in forms:
                for match in re.finditer(form, text):
                    name, value = sorted(match.groups(), key=lambda word: word.startswith("0x"))
                    self.check(values([name]).get(name) == int(value, 16), path, text, match.start(), match.group(0))
            bits = False
            for offset, cells in documents.rows(text):
                bits = cells[0] == "bit" or bits and bool(re.fullmatch(r"-+|\d+", cells[0]))
                name = re.match(rf"`({CONSTANT})`$", cells[1]) if bits and len(cells) > 1 else None
                if name and cells[0].isdigit():
                    self.check(values([name.group(1)]).get(name.group(1)) == 1 << int(cells[0]), path, text, offset, " ".join(cells[:2]))
        self.done(6)

    def test_every_command_is_documented(self):
        """By its name, or in a row of abi.md such as `| 32 event_channel_op | 0, 1, 3-10 |`."""
        words = set(re.findall(r"\w+", "\n".join(text for path, text in documents.pages() if path.parts[0] == "docs")))
        by_number, call = {}, None
        for _, cells in documents.rows(documents.page("docs/guest-guide/abi.md")):
            first = re.match(r"\d+ (\w+)$", cells[0])
            call = first.group(1) if first else call
            if call in FAMILIES and len(cells) > 2:
                for low, high in re.findall(r"(?<![\w-])(\d+)(?:-(\d+))?", re.sub(r"\([^)]*\)", "", cells[1])):
                    by_number.setdefault(FAMILIES[call], set()).update(range(int(low), int(high or low) + 1))
        for path in documents.tracked("hypercall/*.c"):
            text = documents.page(path)
            for match in re.finditer(rf"(?:\[|case )({CONSTANT})(?:\] =|:)", text):
                name = match.group(1)
                prefix = next((prefix for prefix in [*FAMILIES.values(), "__HYPERVISOR_"] if name.startswith(prefix)), None)
                if prefix and not re.match(SUB_COMMAND, name[len(prefix):]):
                    known_by = name in words or name[len(prefix):] in words or values([name]).get(name) in by_number.get(prefix, ())
                    self.check(known_by, path, text, match.start(), f"{name} is in no document")
        self.done(80)


STRUCT = re.compile(r"^\*\*((?:struct|union) \w+)\*\* \((include/xen/[\w./-]+)\), (\d+) bytes", re.M)


class Structures(Document):
    def test_layouts(self):
        for path, text in documents.pages():
            for match in STRUCT.finditer(text):
                name, header, size = match.group(1), match.group(2), int(match.group(3))
                there = name in OURS.types.named
                self.check(there, path, text, match.start(), f"there is no {name}")
                if not there:
                    continue
                self.check(re.search(rf"\b{name} {{", documents.page(header)) is not None, path, text, match.start(), f"{name} is not in {header}")
                whole = OURS.types.whole(name).size // 8
                self.check(whole == size, path, text, match.start(), f"{name} has {whole} bytes, not {size}")
                self.check_fields(path, text, match, name, whole)
        self.done(500)

    def check_fields(self, path, text, match, name, whole):
        places, end, nr = OURS.types.places(name), 0, 0
        for offset, cells in documents.rows(text[match.end():]):
            if not re.fullmatch(r"\d+|offset|-+", cells[0]):
                break  # another table
            if not cells[0].isdigit():
                if cells[0] == "offset" and nr:
                    break
                continue
            nr += 1
            at, size, field = int(cells[0]), int(cells[1]), re.match(r"`([\w.\[\]]+)`", cells[2])
            place = places.get(re.sub(r"\[\d*\]$", "", field.group(1))) if field else None
            where = match.end() + offset
            if not place:
                self.check(False, path, text, where, f"{name} has no {cells[2]}")
                continue
            self.check((place.offset, place.size) == (at * 8, size * 8), path, text, where,
                       f"{name}.{field.group(1)} is at {place.offset // 8}, {place.size // 8} bytes")
            # A hole of eight bytes is a field that was left out; a smaller one may be padding.
            self.check(at - end < 8, path, text, where, f"{name}: {end} to {at} is not described")
            end = max(end, at + size)
        self.check(nr > 0 and whole - end < 8, path, text, match.start(), f"{name}: {end} to {whole} is not described")


if __name__ == "__main__":
    cmocka.main()
