"""Checks that every successful run must pass. A test class inherits them and has a fixture `run`."""
import re

import harness

DOCUMENTED = {
    name: re.findall(r"`(\w+)`", keys)
    for name, keys in re.findall(r"^\| `@(\w+)` \|((?: `\w+`)+) \|", (harness.ROOT / "docs" / "output.md").read_text(), re.M)
}
PAGES_PER_MIB = 256


class AnyRun:
    """Whatever happened: the output keeps its contract."""

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

    def test_passes(self, run):
        run.expect_status(harness.PASS)

    def test_last_line_says_so(self, run):
        assert run.last_line() == "run-qemu: PASS"

    def test_one_verdict(self, run):
        assert run.one("verdict")["result"] == "PASS"

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
                assert events[:2] == ["created", "started"] and events[2] in ("shutdown", "timeout"), (name, events)

    def test_destroying_works(self, run):
        assert all(f["code"] == 0 for f in run.all("guest", event="destroyed"))

    def test_memory_is_where_it_was_claimed(self, run):
        """Every node with a claim that was granted got its pages, exactly, and no other node did."""
        for name in run.names():
            if ("started", 0) not in run.events(name):
                continue
            claims = [c for c in run.all("claim", domain=run.domain(name), name=name) if c["node"] != "host"]
            if claims:
                populated = {p["node"]: p["pages"] for p in run.all("populated", domain=run.domain(name))}
                assert populated == {c["node"]: c["pages"] for c in claims}, name
                assert all(c["result"] == 0 for c in claims), name


def check_nodes(run, sizes_mib, cpus, distance=lambda a, b: 10 if a == b else 20):
    """The nodes are the machine's: ids, sizes within 16 MiB (holes, firmware, the hypervisor itself), CPUs, distances."""
    nodes = run.all("node")
    assert [n["id"] for n in nodes] == list(range(len(sizes_mib)))
    assert [n["pxm"] for n in nodes] == list(range(len(sizes_mib)))
    for node, size in zip(nodes, sizes_mib):
        assert (size - 16) * PAGES_PER_MIB <= node["pages"] <= size * PAGES_PER_MIB, node
        assert 0 < node["free"] <= node["pages"], node
    assert [n["cpus"] for n in nodes] == cpus
    found = [(d["from"], d["to"], d["value"]) for d in run.all("distance")]
    every = range(len(sizes_mib))
    assert sorted(found) == [(a, b, distance(a, b)) for a in every for b in every]
