"""Misbehaving guests and wrong configurations."""
import pytest

import harness
from checks import AnyRun, GoodRun

ENOMEM, EINVAL, ENOEXEC, ENOENT = -12, -22, -8, -2


class TestTooBig(GoodRun):
    """A guest larger than its node: ENOMEM, no leak, and the next guest is built."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("too_big", "--mem", "512M")

    def test_the_claim_is_refused(self, run):
        assert run.one("claim", name="claimed")["result"] == ENOMEM
        assert run.events("claimed") == [("created", 0), ("failed", ENOMEM), ("destroyed", 0)]

    def test_a_refused_claim_populates_nothing(self, run):
        assert not run.all("populated", domain=run.domain("claimed"))

    def test_without_a_claim_populating_fails(self, run):
        assert run.events("unclaimed") == [("created", 0), ("failed", ENOMEM), ("destroyed", 0)]

    def test_the_next_guest_fits(self, run):
        assert ("shutdown", 0) in run.events("next")
        assert run.one("populated", domain=run.domain("next")) == {
            "domain": run.domain("next"), "node": 1, "pages": run.one("claim", name="next")["pages"]}


class TestModes(GoodRun):
    """Guests that crash, hang or abuse hypercalls do not affect others."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("modes")

    @pytest.mark.parametrize("name,end", [
        ("crash", ("shutdown", 1)), ("loop", ("timeout", -11)), ("loop-on", ("timeout", -11)), ("abuse", ("shutdown", 0)), ("code", ("shutdown", 3)),
        ("halt", ("shutdown", 0)), ("pae", ("shutdown", 0)), ("tasks", ("shutdown", 3)), ("after", ("shutdown", 0)),
    ])
    def test_how_it_ends(self, run, name, end):
        assert run.events(name) == [("created", 0), ("started", 0), end, ("destroyed", 0)]

    @pytest.mark.parametrize("name", ["loop", "loop-on"])
    def test_what_loops_runs_all_the_time(self, run, name):
        assert run.one("vcpu", domain=run.domain(name))["ms"] > 100

    def test_a_triple_fault_is_shown(self, run):
        assert any("triple fault" in line and line.startswith("d1") for line in run.lines), run.text

    @pytest.mark.parametrize("how", ["from the start", "from 32-bit paging"])
    def test_the_entries_of_pae_paging(self, run, how):
        said = [line for line in run.lines if f") pae: {how}: entries 11111111, 22222222, " in line]
        assert len(said) == 1 and said[0].endswith(": ok"), run.tail()

    def test_a_task_switch_is_made_or_named(self, run):
        made = [line for line in run.lines if line.endswith(") tasks: TR 20, then 18: ok")]
        named = [line for line in run.lines if "v1: a hardware task switch by a far CALL to selector 0x20 is not emulated on Intel" in line]
        assert len(made) + len(named) == 1, run.tail()

    def test_no_hypercall_was_abused(self, run):
        assert any(line.startswith("(d") and " 0 not refused" in line for line in run.lines), run.text


class TestBroken(GoodRun):
    """Wrong configurations are refused; the other guests are built."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("broken")

    @pytest.mark.parametrize("name", ["1-syntax.cfg", "2-incomplete.cfg"])
    def test_configurations_that_cannot_be_read(self, run, name):
        assert run.events(name) == [("failed", EINVAL)]

    def test_the_line_is_named(self, run):
        assert "1-syntax.cfg:6:" in run.text or "1-syntax.cfg:7:" in run.text

    def test_an_image_that_is_not_elf(self, run):
        assert run.events("not-elf") == [("failed", ENOEXEC)]
        assert "not-elf.txt" in run.text

    def test_an_image_that_is_not_there(self, run):
        assert run.events("no-kernel") == [("failed", ENOENT)]
        assert "nowhere.elf" in run.text

    def test_an_image_that_does_not_fit(self, run):
        assert run.events("too-small") == [("failed", ENOEXEC)]

    def test_an_unknown_key_is_named_and_ignored(self, run):
        assert "frobnicate" in run.text
        assert ("shutdown", 0) in run.events("unknown-key")


class TestUnexpected(AnyRun):
    """A guest that does not end as its configuration expects: the run fails, with the reason."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("unexpected")

    def test_verdict(self, run):
        run.expect_status(harness.FAIL)
        assert run.one("verdict")["result"] == "FAIL" and run.last_line().startswith("run-qemu: FAIL: ")


class TestNoGuests(AnyRun):
    """The module is not an archive: the verdict is FAIL."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        return harness.boot("--direct", "--guests", tmp_path_factory.mktemp("empty"))

    def test_it_says_why(self, run):
        run.expect_status(harness.FAIL)
        assert "no .cfg file" in run.text
