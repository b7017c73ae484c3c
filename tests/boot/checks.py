"""Checks that every successful run must pass. A test class inherits them and defines a fixture `run`."""
import dataclasses
import re
from typing import Callable, List

import pytest

import acpi_model
import harness

DOCUMENTED = {
    name: re.findall(r"`(\w+)`", keys)
    for name, keys in re.findall(r"^\| `@(\w+)` \|((?: `\w+`)+) \|", (harness.ROOT / "docs" / "hypervisor-guide" / "output.md").read_text(), re.M)
}
PAGES_PER_MIB = 256
ENOENT = -2


class AnyRun:
    """Any run, passed or not: the output follows docs/hypervisor-guide/output.md."""

    def test_every_fact_is_well_formed(self, run):
        assert not run.malformed, run.tail()

    def test_every_fact_is_documented(self, run):
        for fact in run.facts:
            assert fact.name in DOCUMENTED, fact
            # Keys in the document's order; `@selftest ... result=SKIP` leaves some out.
            order = [k for k in DOCUMENTED[fact.name] if k in fact]
            assert order == list(fact), f"{fact}, documented are {DOCUMENTED[fact.name]}"


class GoodRun(AnyRun):
    """A run that passed."""

    degraded = ""  # the words of @verdict; a class of parameters overrides the fixture instead

    @pytest.fixture
    def reasons(self):
        return self.degraded

    def test_passes(self, run):
        run.expect_status(harness.PASS)

    def test_last_line_says_so(self, run, reasons):
        assert run.last_line() == f"{run.program}: PASS" + (f", degraded: {reasons}" if reasons else "")

    def test_one_verdict(self, run, reasons):
        verdict = run.one("verdict")
        assert verdict["result"] == "PASS" and verdict.get("degraded", "") == reasons

    def test_the_books_balance(self, run):
        """RAM of the firmware's map is free, Homestead's, the modules' or reserved. A lost MiB is in no sum."""
        memory = run.one("memory")
        assert memory["firmware"] == sum(memory[k] for k in ("free", "homestead", "modules", "reserved")), memory
        assert memory["pages"] == memory["firmware"] - memory["reserved"]
        memmap, cpus = run.one("memmap"), run.one("cpus")["online"]
        assert memory["reserved"] - memmap["left_out"] in range(acpi_model.LOW_PAGES + 1)
        assert memory["homestead"] <= memmap["table"] + 24 * cpus + 1024, (memory, memmap)
        assert f"Loader's memory {memory['modules'] * 4} KiB given back" in run.lines

    def test_no_panic(self, run):
        assert not run.all("panic"), run.tail()

    def test_domain_0_powers_off(self, run):
        assert run.one("end")["how"] == "poweroff"

    def test_boot_is_timed(self, run):
        boot = run.one("boot")
        assert boot["ticks"] == boot["tsc_ready"] - boot["tsc_entry"] > 0
        assert boot["tsc_khz"] > 0

    def test_nothing_leaks(self, run):
        leaks = run.all("leak")
        assert leaks and all(f["pages"] == 0 and f["claims"] == 0 for f in leaks), leaks
        run.one("leak", name="total")

    def test_every_guest_has_an_end(self, run):
        for name in run.names():
            events = [e for e, _ in run.events(name)]
            assert events[-1] in ("destroyed", "failed", "skipped"), (name, events)
            if "created" in events:
                assert events[-1] == "destroyed", (name, events)
                assert run.all("leak", name=name), name

    def test_started_guests_were_created_and_ended(self, run):
        for name in run.names():
            events = [e for e, _ in run.events(name)]
            if "started" in events:
                assert events[:2] == ["created", "started"] and events[2] in ("shutdown", "timeout", "killed"), (name, events)

    def test_destroying_works(self, run):
        assert all(f["code"] == 0 for f in run.all("guest", event="destroyed"))

    def test_memory_is_where_it_was_claimed(self, run):
        """Each node with a granted claim has exactly its pages; other nodes have none."""
        for started in run.all("guest", event="started"):
            name, domain = started["name"], started["domain"]
            claims = [c for c in run.all("claim", domain=domain, name=name) if c["node"] != "host"]
            if claims:
                populated = {p["node"]: p["pages"] for p in run.all("populated", domain=domain)}
                assert populated == {c["node"]: c["pages"] for c in claims}, name
                assert all(c["result"] == 0 for c in claims), name


def check_nodes(run, sizes_mib, cpus):
    """The nodes are those of the machine: ids, sizes within 16 MiB (holes, firmware, the hypervisor), CPUs."""
    nodes = run.all("node")
    assert [n["id"] for n in nodes] == list(range(len(sizes_mib)))
    assert [n["pxm"] for n in nodes] == list(range(len(sizes_mib)))
    for node, size in zip(nodes, sizes_mib):
        assert (size - 16) * PAGES_PER_MIB <= node["pages"] <= size * PAGES_PER_MIB, node
        assert 0 < node["free"] <= node["pages"], node
    assert [n["cpus"] for n in nodes] == cpus


class MainJob(GoodRun):
    """A machine of two nodes of 512 MiB with half of the CPUs each, and a guest of harness.guests_on() on each node. With a fixture `cpus`."""

    mib = 32  # of each guest

    def test_nodes(self, run, cpus):
        check_nodes(run, [512, 512], [cpus - cpus // 2, cpus // 2])

    def test_all_cpus_are_online(self, run, cpus):
        assert run.one("cpus") == {"found": cpus, "online": cpus}

    @pytest.mark.parametrize("node", [0, 1])
    def test_the_guest_of_a_node(self, run, node):
        name = f"on{node}"
        assert run.events(name) == [("created", 0), ("started", 0), ("shutdown", 0), ("destroyed", 0)]
        assert [claim["node"] for claim in run.all("claim", name=name, result=0)] == [node]
        assert f"(d{run.domain(name)}) memory test: {self.mib} MiB ok" in run.lines


@dataclasses.dataclass
class Shape:
    """One machine to boot, and what Homestead must report of it."""

    options: List[str]
    mem_mib: int
    machine: acpi_model.Machine
    distance: Callable = lambda a, b: 10 if a == b else 20
    warnings: List[str] = dataclasses.field(default_factory=list)  # regular expressions; each must occur, no others may
    guest_mib: int = 16
    degraded: str = ""  # of @verdict

    def pages(self):
        """Pages of each node, with the mean of what the firmware may reserve."""
        return acpi_model.pages_of_nodes(self.machine, self.mem_mib, 32)

    def guest_nodes(self):
        """Nodes for guests: the first, a middle and the last one with memory, and one without."""
        full = [n for n, pages in enumerate(self.pages()) if pages * 2 >= self.guest_mib * 3 * PAGES_PER_MIB]
        none = [n for n, pages in enumerate(self.pages()) if pages == 0]
        return sorted({full[0], full[len(full) // 2], full[-1]}), none[:1]

    def guests(self, directory):
        full, none = self.guest_nodes()
        return harness.guests_on(directory, full, none, self.guest_mib)


def each_shape(shapes):
    """Makes a test class of a dictionary of shapes by name."""
    return pytest.mark.parametrize("shape", shapes.values(), ids=list(shapes), scope="class")


class ShapeRun(GoodRun):
    """Checks for every machine. The test class has a fixture `shape`."""

    boot_by = ("--direct",)

    @pytest.fixture(scope="class")
    def run(self, shape, tmp_path_factory):
        return harness.boot(*self.boot_by, "--guests", shape.guests(tmp_path_factory.mktemp("shape")), *shape.options)

    @pytest.fixture
    def reasons(self, shape):
        return shape.degraded

    def test_the_nodes_are_the_machines(self, run, shape):
        assert [n["id"] for n in run.all("node")] == list(range(len(shape.machine.pxm)))
        assert [n["pxm"] for n in run.all("node")] == shape.machine.pxm

    def test_the_frame_table_is_where_it_belongs(self, run, shape):
        """4.5 bytes for each page of RAM, a page for each GiB, and less than two pages of each of its three arrays for each
        end of a range on a node."""
        memmap = run.one("memmap")
        pieces = memmap["ranges"] + len(shape.machine.pxm) + 2
        assert memmap["left_out"] == 0
        assert memmap["far"] == 0
        assert 0 <= memmap["table"] - memmap["pages"] * 9 // 8192 <= memmap["pages"] // 2**18 + 2 * 2 * 3 * pieces
        assert memmap["pages"] == run.one("memory")["pages"]

    def test_every_page_of_ram_is_on_its_node(self, run, shape):
        """All but the first MiB and what the firmware reserves, exactly."""
        given = shape.mem_mib * PAGES_PER_MIB
        firmware = given - acpi_model.LOW_PAGES - run.one("memory")["pages"]
        assert firmware in acpi_model.FIRMWARE_PAGES
        assert [n["pages"] for n in run.all("node")] == acpi_model.pages_of_nodes(shape.machine, shape.mem_mib, firmware)

    def test_the_nodes_add_up(self, run):
        for key in ("pages", "free"):
            assert sum(n[key] for n in run.all("node")) == run.one("memory")[key]

    def test_what_homestead_takes_of_a_node_is_little(self, run, shape):
        """The frame table's part for a node (9 pages in 8,192) is on that node; the rest is less than 24 MiB."""
        for node in run.all("node"):
            taken = node["pages"] - node["free"]
            assert node["pages"] // 1000 <= taken <= node["pages"] // 910 + 24 * PAGES_PER_MIB, node

    def test_the_cpus_are_on_their_nodes(self, run, shape):
        want = [0] * len(shape.machine.pxm)
        for node in shape.machine.cpus.values():
            want[node] += 1
        assert [n["cpus"] for n in run.all("node")] == want

    def test_every_cpu_has_its_line(self, run, shape):
        cpus = run.all("cpu")
        assert [c["id"] for c in cpus] == list(range(len(cpus)))
        assert {c["apic_id"]: c["node"] for c in cpus} == shape.machine.cpus
        assert all(c["state"] == "online" for c in cpus), cpus

    def test_distances(self, run, shape):
        every = range(len(shape.machine.pxm))
        found = {(d["from"], d["to"]): d["value"] for d in run.all("distance")}
        assert found == {(a, b): shape.distance(a, b) for a in every for b in every}
        assert len(run.all("distance")) == len(found)

    def test_warnings_are_the_expected_ones(self, run, shape):
        found = [line for line in run.lines if line.startswith("warning: ")]
        for wanted in shape.warnings:
            assert any(re.search(wanted, line) for line in found), (wanted, found)
        assert [line for line in found if not any(re.search(w, line) for w in shape.warnings)] == []

    def test_guests_run_on_the_nodes_chosen(self, run, shape):
        full, _ = shape.guest_nodes()
        for node in full:
            name = f"on{node}"
            assert run.events(name) == [("created", 0), ("started", 0), ("shutdown", 0), ("destroyed", 0)]
            claim = run.one("claim", name=name)
            assert (claim["node"], claim["result"]) == (node, 0) and claim["pages"] > 0
            assert run.one("populated", domain=run.domain(name)) == {
                "domain": run.domain(name), "node": node, "pages": claim["pages"]}

    def test_there_is_no_guest_on_a_node_without_memory(self, run, shape):
        _, none = shape.guest_nodes()
        for node in none:
            assert run.events(f"on{node}") == [("skipped", ENOENT)]
