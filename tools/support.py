#!/usr/bin/env python3
"""The generated tables of SUPPORT.md: the hypercalls that the dispatch tables have, and the machine shapes of the boot tests.

--write writes them into the page, between `<!-- generated: NAME -->` and `<!-- end -->`; else compares. Exit status 1 if
the page is not up to date.
"""
import importlib
import pathlib
import re
import sys
import unittest.mock

sys.dont_write_bytecode = True
PAGE = pathlib.Path("SUPPORT.md")
# How the constants of a hypercall's commands begin; and those that are not commands but parts of one.
PREFIXES = {"platform_op": "XENPF_", "memory_op": "XENMEM_", "xen_version": "XENVER_", "console_io": "CONSOLEIO_",
            "grant_table_op": "GNTTABOP_", "vm_assist": "VMASST_CMD_", "vcpu_op": "VCPUOP_", "sched_op": "SCHEDOP_",
            "event_channel_op": "EVTCHNOP_", "hvm_op": "HVMOP_", "sysctl": "XEN_SYSCTL_", "domctl": "XEN_DOMCTL_"}
PARTS = re.compile("SENDTRIGGER_|SCHEDOP_|SHADOW_OP_|CPUPOOL_OP_|cpu_policy_|cpu_featureset_")
# What boots them, how, and with what command.
SHAPES = [("test_shapes", "SHAPES", "Multiboot", "`make test`"), ("test_shapes", "UEFI_SHAPES", "UEFI", "`make test`"),
          ("big_shapes", "SHAPES", "Multiboot", "`make boot-big`")]
GIB = 1024


def numbers():
    """{name: number} of every constant of the ABI's headers that is a plain number."""
    text = "".join(path.read_text() for path in sorted(pathlib.Path("include/xen").rglob("*.h")))
    return {name: int(value, 0) for name, value in re.findall(r"^#define (\w+) +\(?(0x[0-9a-fA-F]+|\d+)[uUlL]*\)?(?:\s|$)", text, re.M)}


def hypercalls():
    number = numbers()
    sources = "".join(path.read_text() for path in sorted(pathlib.Path("hypercall").glob("*.c")))
    used = set(re.findall(r"(?:\[|case |== )(\w+)(?:\] =|:|\))", sources))
    calls = re.findall(r"\[__HYPERVISOR_(\w+)\] = \{\w+, (\w+)\}", pathlib.Path("hypercall/dispatch.c").read_text())
    lines = ["| hypercall | callers | commands |", "|---|---|---|"]
    for call, callers in calls:
        prefix = PREFIXES.get(call)
        commands = sorted((number[name], name[len(prefix):]) for name in used
                          if prefix and name.startswith(prefix) and name in number and not PARTS.match(name[len(prefix):]))
        names = ", ".join(name for _, name in commands)
        lines.append(f"| {number['__HYPERVISOR_' + call]} {call} | {'control domain' if callers == 'CONTROL' else 'any'} | "
                     f"{f'{len(commands)}: {names}' if names else ''} |")
    return lines


def size(mib):
    return f"{mib // GIB} GiB" if mib >= 4 * GIB and mib % GIB == 0 else f"{mib} MiB"


def sizes(shape):
    """The nodes' sizes as given to QEMU, equal ones together."""
    words = shape.options
    given = words[words.index("--node-mem") + 1].split(",") if "--node-mem" in words else [f"{shape.mem_mib}M"]
    if len(set(given)) > 3:
        return f"{len(given)} of {len(set(given))} sizes"
    found = []
    for mem in dict.fromkeys(given):
        count = f"{given.count(mem)} " if len(given) > 1 else ""
        found.append(f"{count}without" if mem == "0" else f"{count and count + 'of '}{size(int(mem.rstrip('M')))}")
    return ", ".join(found)


def shapes():
    sys.path.insert(0, "tests/boot")
    sys.modules["pytest"] = unittest.mock.MagicMock()  # only its decorators are needed
    lines = ["| shape | nodes | CPUs | memory of nodes | boots by | in |", "|---|---|---|---|---|---|"]
    for module, table, how, command in SHAPES:
        for name, shape in getattr(importlib.import_module(module), table).items():
            machine = shape.machine
            lines.append(f"| {name} | {len(machine.pxm)} | {len(machine.cpus)} | {sizes(shape)} | {how} | {command} |")
    return lines


def main():
    text = PAGE.read_text()
    for name, make in (("hypercalls", hypercalls), ("shapes", shapes)):
        table = "\n".join(make())
        text, count = re.subn(rf"(<!-- generated: {name} -->\n\n).*?(\n\n<!-- end -->)", lambda match: match.group(1) + table + match.group(2),
                              text, flags=re.S)
        if count != 1:
            sys.exit(f"{PAGE}: there is no place for the table {name}")
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        print(f"{PAGE} is not up to date: tools/support.py --write")
        return 1
    print(f"support: {text.count(chr(10) + '|')} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
