"""The generated tables of SUPPORT.md, for tools/pages.py: the hypercalls that the dispatch tables have, and the machine shapes
of the boot tests."""
import importlib
import pathlib
import re
import sys
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[1]
# How the constants of a hypercall's commands begin; and those that are not commands but parts of one.
PREFIXES = {"platform_op": "XENPF_", "memory_op": "XENMEM_", "xen_version": "XENVER_", "console_io": "CONSOLEIO_",
            "grant_table_op": "GNTTABOP_", "vm_assist": "VMASST_CMD_", "vcpu_op": "VCPUOP_", "sched_op": "SCHEDOP_",
            "event_channel_op": "EVTCHNOP_", "hvm_op": "HVMOP_", "sysctl": "XEN_SYSCTL_", "domctl": "XEN_DOMCTL_"}
NOT_COMMANDS = re.compile("SENDTRIGGER_|SCHEDOP_|resource_|SHADOW_OP_|CPUPOOL_OP_|cpu_policy_|cpu_featureset_")
# What boots them, how, and with what command.
SHAPES = [("test_shapes", "SHAPES", "Multiboot", "`make test`"), ("test_shapes", "UEFI_SHAPES", "UEFI", "`make test`"),
          ("big_shapes", "SHAPES", "Multiboot", "`make boot-big`")]
GIB = 1024


def numbers():
    """{name: number} of every constant of the ABI's headers that is a plain number."""
    text = "".join(path.read_text() for path in sorted((ROOT / "include/xen").rglob("*.h")))
    return {name: int(value, 0) for name, value in re.findall(r"^#define (\w+) +\(?(0x[0-9a-fA-F]+|\d+)[uUlL]*\)?(?:\s|$)", text, re.M)}


def hypercalls():
    number = numbers()
    sources = "".join(path.read_text() for path in sorted((ROOT / "hypercall").glob("*.c")))
    used = set(re.findall(r"(?:\[|case |== )(\w+)(?:\] =|:|\))", sources))
    table = (ROOT / "hypercall/dispatch.c").read_text()
    calls = re.findall(r"\[__HYPERVISOR_(\w+)\] = \{\w+, ([\w |]+)\}", table)
    if len(calls) != table.count("[__HYPERVISOR_"):
        sys.exit("support_parts.py: hypercall/dispatch.c has a row that it cannot read")
    lines = ["| hypercall | callers | commands |", "|---|---|---|"]
    for call, needs in calls:
        prefix = PREFIXES.get(call)
        commands = sorted((number[name], name[len(prefix):]) for name in used
                          if prefix and name.startswith(prefix) and name in number and not NOT_COMMANDS.match(name[len(prefix):]))
        names = ", ".join(name for _, name in commands)
        lines.append(f"| {number['__HYPERVISOR_' + call]} {call} | {'control domain' if 'CONTROL' in needs.split(' | ') else 'any'} | "
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
    lines = ["| shape | nodes | CPUs | memory of nodes | boots by | in |", "|---|---|---|---|---|---|"]
    # Of pytest only the decorators are needed, so that it need not be there; what is imported with that is forgotten.
    stand_in = unittest.mock.MagicMock()
    path = [str(ROOT / "tests/boot"), *sys.path]
    with unittest.mock.patch.dict(sys.modules, {"pytest": stand_in}), unittest.mock.patch.object(sys, "path", path):
        for module, table, how, command in SHAPES:
            for name, shape in getattr(importlib.import_module(module), table).items():
                machine = shape.machine
                lines.append(f"| {name} | {len(machine.pxm)} | {len(machine.cpus)} | {sizes(shape)} | {how} | {command} |")
    return lines


PARTS = {"support-hypercalls": lambda: "\n".join(hypercalls()), "support-shapes": lambda: "\n".join(shapes())}
