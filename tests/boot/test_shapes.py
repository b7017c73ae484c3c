"""Machine shapes made by QEMU's -numa: many nodes, unequal nodes, unequal CPUs. Each boots once, directly, with small guests."""
import acpi_model
from checks import PAGES_PER_MIB, Shape, ShapeRun, each_shape


def pairs(given):
    """--dist options, and the distances as a function: symmetric unless both directions are given."""
    options = [word for (a, b), value in given.items() for word in ("--dist", f"{a},{b},{value}")]
    both = {(b, a): value for (a, b), value in given.items()}
    both.update(given)
    return options, lambda a, b: 10 if a == b else both.get((a, b), 20)


def shape(node_mem, node_cpus, *more, dist=None, interleave=False, topology=None, **rest):
    """MiB of each node, and CPUs of each node."""
    options = ["--node-mem", ",".join(f"{m}M" if m else "0" for m in node_mem), "--node-cpus", ",".join(map(str, node_cpus))]
    ids = acpi_model.apic_ids(*topology) if topology else list(range(sum(node_cpus)))
    if topology:
        options += ["--topology", ",".join(map(str, topology))]
    if interleave:
        options.append("--interleave")
        rounds = sorted((turn, node) for node, count in enumerate(node_cpus) for turn in range(count))
        owners = [node for _, node in rounds]
    else:
        owners = [node for node, count in enumerate(node_cpus) for _ in range(count)]
    at, ranges = 0, []
    for node, mib in enumerate(node_mem):
        for base, end in between(sum(node_mem), at, at + mib):
            ranges.append((base, end, node))
        at += mib
    given, distance = pairs(dist or {})
    machine = acpi_model.Machine(list(range(len(node_mem))), sorted(ranges), dict(zip(ids, owners)))
    return Shape(options + given + list(more), sum(node_mem), machine, distance, **rest)


def between(mem_mib, from_mib, to_mib):
    """The addresses of the RAM from MiB from_mib to to_mib, as one or two ranges."""
    skipped = 0
    for base, end in acpi_model.qemu_ram(mem_mib):
        low = max(base, base + (from_mib << 20) - skipped)
        high = min(end, base + (to_mib << 20) - skipped)
        if low < high:
            yield low, high
        skipped += end - base


def no_numa(mem_mib, cpus, *more):
    return Shape(["--nodes", 0, "--cpus", cpus, "--mem", f"{mem_mib}M", *more], mem_mib, acpi_model.flat(range(cpus)))


RING = {(a, b): 11 + 10 * min((a - b) % 8, (b - a) % 8) for a in range(8) for b in range(a)}
SHAPES = {
    "1-node": shape([256], [1]),
    "2-nodes": shape([256, 256], [2, 2]),
    "4-nodes": shape([128] * 4, [1] * 4),
    "8-nodes-in-a-ring": shape([128] * 8, [1] * 8, dist=RING),
    "16-nodes-64-cpus": shape([512] * 16, [4] * 16),
    "64-nodes": shape([160] + [32] * 63, [1] * 2 + [0] * 62),
    "memory-only-node": shape([256, 256, 128], [1, 1, 0], dist={(0, 2): 17, (1, 2): 28}),
    "cpu-only-node": shape([256, 0, 256], [1, 2, 1]),
    "boot-cpu-without-memory": shape([0, 256, 256], [2, 1, 1], dist={(0, 1): 40, (0, 2): 12}),
    "no-cpu-at-address-0": shape([256, 256], [0, 3]),
    "unequal-asymmetric": shape([1024, 160, 512, 33], [1, 3, 0, 2], dist={(0, 1): 12, (1, 0): 21, (1, 2): 30, (2, 1): 31, (0, 3): 254}),
    "unreachable": shape([256, 256], [1, 1], dist={(0, 1): 255}),
    "hmat": shape([256, 256, 128], [1, 1, 0], "--hmat", dist={(0, 2): 17, (2, 0): 19}),
    "nvdimm-in-a-window": shape([256, 256], [1, 1], "--hotplug", "2G", "--nvdimm", "256M"),
    "window-behind-4g": shape([2048, 2048], [1, 1], "--hotplug", "512G"),
    "node-across-the-hole": shape([1024, 3072, 1024], [1, 1, 1]),
    "no-numa": no_numa(256, 4),
    "no-numa-small": no_numa(128, 1),
    "no-numa-window": no_numa(3072, 2, "--hotplug", "1G"),
    "interleaved-cpus": shape([128] * 4, [3, 1, 2, 2], interleave=True),
    "gaps-by-cores": shape([256, 256], [6, 6], topology=(4, 3, 1)),
    "gaps-by-threads": shape([256, 256], [6, 6], topology=(2, 2, 3)),
    "gaps-everywhere": shape([256] * 3, [15, 15, 15], topology=(3, 5, 3)),
    "16-gib": shape([4096] * 4, [1] * 4),
    # Memory that nobody touches costs QEMU nothing.
    "64-gib": shape([512, 65024], [1, 1], "--cmdline", "idle-scrub=off"),
    "255-cpus": shape([256] * 5, [51] * 5),
}


UEFI_SHAPES = {
    "8-nodes-unequal": shape([512, 128, 0, 256, 160, 128, 256, 128], [2, 1, 1, 0, 2, 1, 1, 1], dist=RING),
    "nvdimm-and-hmat": shape([512, 256, 256], [1, 1, 0], "--hmat", "--nvdimm", "128M", "--hotplug", "1G"),
    "cpus-with-gaps-no-numa": Shape(["--nodes", 0, "--cpus", 6, "--mem", "512M", "--topology", "2,3,1"], 512,
                                    acpi_model.flat(acpi_model.apic_ids(2, 3))),
}


@each_shape(SHAPES)
class TestShapes(ShapeRun):
    """Each machine shape, booted directly."""


@each_shape(UEFI_SHAPES)
class TestUefiShapes(ShapeRun):
    """OVMF's memory map has more holes: node sizes are right within a few MiB."""

    boot_by = ()

    def test_every_page_of_ram_is_on_its_node(self, run, shape):
        for node, most in zip(run.all("node"), shape.pages()):
            assert max(0, most - 24 * PAGES_PER_MIB) <= node["pages"] <= most, node
