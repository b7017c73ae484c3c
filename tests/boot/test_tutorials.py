"""What docs/tutorials show, as it is shown there (tests/documented.py)."""
import re
import shutil
import socket

import pytest

import documented
import harness
from checks import AnyRun, PAGES_PER_MIB

TWO_GUESTS = "docs/tutorials/two-guests-two-nodes.md"


def needs_hsctl():
    if not (harness.ROOT / "build" / "toolstack" / "hsctl").exists():
        pytest.skip("no build/toolstack/hsctl, which needs Debian's libxen-dev")


def recorded(log):
    """The lines of a log of tools/claim-timeline, without their times."""
    return [line.split(" ", 1)[-1] for line in log.read_text().split("\n")]


class TwoGuests(AnyRun):
    """A subclass has `name`, of the directory of guests, and `shown()`, which runs the page's commands."""

    @pytest.fixture(scope="class")
    def run(self):
        return harness.Run("\n".join(self.shown()), harness.PASS, self.name)

    @pytest.fixture(scope="class")
    def built(self, run):
        """{domain: pages that it has got during its build}"""
        last = {(fact["domain"], fact["node"]): fact["pages"] for fact in run.all("progress")}
        return {fact["domain"]: sum(pages for (domain, _), pages in last.items() if domain == fact["domain"])
                for fact in run.all("guest", event="created")}

    def test_the_page_shows_the_recorded_run(self):
        (command,) = [c for c in documented.commands(harness.ROOT / TWO_GUESTS) if f"/{self.name} " in c]
        documented.compare(TWO_GUESTS, command, recorded(harness.ROOT / f"tests/data/timeline/{self.name}.log"),
                           exact=True)

    def test_the_picture_is_of_the_recorded_run(self, tmp_path):
        needs_hsctl()
        (command,) = [c for c in documented.commands(harness.ROOT / TWO_GUESTS) if f"build/{self.name}.svg" in c]
        for word, real in ((f"build/{self.name}.svg", tmp_path / "svg"), ("build/", "tests/data/timeline/")):
            command = command.replace(word, str(real))
        documented.run(command)
        assert (tmp_path / "svg").read_text() == (harness.ROOT / f"docs/images/two-guests-{self.name}.svg").read_text()

    def test_both_run_in_the_end(self, run):
        assert run.one("verdict")["result"] == "PASS" and run.last_line() == "run-qemu: PASS"
        assert {fact["name"] for fact in run.all("guest", event="shutdown", code=0)} == {"web", "db"}

    def test_steps_are_64_mib_at_most(self, run):
        before = {}
        for fact in run.all("progress"):
            place = fact["domain"], fact["node"]
            assert 0 <= fact["pages"] - before.get(place, 0) <= 64 * PAGES_PER_MIB
            before[place] = fact["pages"]

    def test_steps_end_with_what_is_populated(self, run, built):
        for domain in {fact["domain"] for fact in run.all("guest", event="started")}:
            assert built[domain] == sum(fact["pages"] for fact in run.all("populated", domain=domain)) == 1200 * PAGES_PER_MIB

    def test_domain_0s_memory_is_reported(self, run):
        assert 64 * PAGES_PER_MIB <= sum(fact["pages"] for fact in run.all("populated", domain=0)) <= 65 * PAGES_PER_MIB


class TestWithoutClaims(TwoGuests):
    name = "without-claims"

    def shown(self):
        return documented.documented(
            "./run-qemu.sh --direct --guests docs/samples/two-guests/without-claims --cmdline dom0_max_vcpus=2 --dom0-args progress=64 "
            "| tools/claim-timeline --record build/without-claims.log")

    def test_a_build_fails_in_the_middle_of_its_work(self, run, built):
        """The less the later it began: all that the other one has left on the first node, 400 MiB, if that was built before."""
        failed = run.all("guest", event="failed", code=-12)
        assert failed and not run.all("claim")
        assert all(built[fact["domain"]] > 300 * PAGES_PER_MIB for fact in failed)

    def test_it_is_drawn(self, run):
        needs_hsctl()
        documented.documented("make toolstack")
        documented.documented("tools/claim-timeline build/without-claims.svg --from build/without-claims.log "
                              '--title "Two guests on two nodes, without claims"')
        assert "refused" in (harness.ROOT / "build/without-claims.svg").read_text()


class TestWithClaims(TwoGuests):
    name = "with-claims"

    def shown(self):
        return documented.documented(
            "./run-qemu.sh --direct --guests docs/samples/two-guests/with-claims --cmdline dom0_max_vcpus=2 --dom0-args progress=64 "
            "| tools/claim-timeline --record build/with-claims.log")

    def test_one_claim_is_refused_and_nothing_was_built_for_it(self, run, built):
        (failed,) = run.all("guest", event="failed")
        assert {fact["result"] for fact in run.all("claim", domain=failed["domain"])} == {-12}
        assert built[failed["domain"]] == 0

    def test_it_is_drawn(self, run):
        needs_hsctl()
        documented.documented("tools/claim-timeline build/with-claims.svg --from build/with-claims.log "
                              '--title "Two guests on two nodes, with claims"')
        assert "claim refused" in (harness.ROOT / "build/with-claims.svg").read_text()


OWN_DOM0 = "docs/tutorials/own-domain0.md"


class TestOwnDomain0(AnyRun):
    """The tutorial's domain 0, of a hundred lines."""

    command = "./run-qemu.sh --direct --dom0 build/guest/own-dom0.elf"

    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot(*harness.documented("./run-qemu.sh --direct --dom0 build/guest/own-dom0.elf"))

    def test_it_passes(self, run):
        run.expect_status(harness.PASS)

    def test_the_page_shows_it(self, run):
        documented.compare(OWN_DOM0, self.command, run.lines)

    def test_the_guest_ran_in_what_was_claimed(self, run):
        assert run.one("claim") == {"domain": 1, "node": 1, "pages": 64 * PAGES_PER_MIB, "result": 0, "name": "own"}
        assert "(d1) memory test: 64 MiB ok" in run.lines

    def test_it_is_small(self):
        source = (harness.ROOT / "tests/guests/own-dom0/main.c").read_text().split("\n")
        assert len(source) <= 100

    def test_a_failure_is_as_the_page_says(self):
        run = harness.boot(*harness.documented("./run-qemu.sh --direct --nodes 1 --dom0 build/guest/own-dom0.elf"))
        run.expect_status(harness.FAIL)
        documented.compare(OWN_DOM0, "./run-qemu.sh --direct --nodes 1 --dom0 build/guest/own-dom0.elf", run.lines)


CI_JOB = "docs/tutorials/ci-job.md"


class TestCiJob(AnyRun):
    """The machines of docs/samples/ci."""

    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot(*harness.documented("./run-qemu.sh --direct --guests docs/samples/ci/guests --guest-logs build/logs"))

    @pytest.fixture(scope="class")
    def odd(self):
        return harness.boot(*harness.documented("./run-qemu.sh --direct --node-mem 1G,512M,0 --node-cpus 2,0,2"))

    def test_the_page_shows_it(self, run, odd):
        first, second = documented.commands(harness.ROOT / CI_JOB)
        documented.compare(CI_JOB, first, run.lines)
        documented.compare(CI_JOB, second, odd.lines)

    def test_the_guests_have_logs(self, run):
        run.expect_status(harness.PASS)
        assert "memory test: 64 MiB ok" in (harness.ROOT / "build/logs/web.log").read_text()

    def test_the_odd_machine_passes(self, odd):
        odd.expect_status(harness.PASS)
        assert [node["cpus"] for node in odd.all("node")] == [2, 0, 2] and odd.all("node")[2]["pages"] == 0

    @pytest.mark.parametrize("file", ["github.yml", "gitlab.yml"])
    def test_the_job_has_commands_of_the_page_only(self, file):
        text = (harness.ROOT / "docs/samples/ci" / file).read_text()
        commands = re.findall(r"^ +- (?:run: )?((?:\./|tools/|make).*)$", text, re.M)
        assert commands == ["tools/setup.sh build boot", "make", *documented.commands(harness.ROOT / CI_JOB)]


class TestGdb:
    """The session of docs/tutorials/gdb.md."""

    page = "docs/tutorials/gdb.md"

    @pytest.fixture(scope="class")
    def session(self):
        """What gdb has printed, and the run that it has ended."""
        if not shutil.which("gdb"):
            pytest.skip("no gdb")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 1234)) == 0:
                pytest.skip("port 1234 is in use")
        machine = harness.Console(*harness.documented("./run-qemu.sh --direct --gdb"))
        machine.wait(rb"waiting for: gdb")
        printed = documented.documented("gdb -batch -x docs/samples/gdb/claim.gdb -ex kill build/homestead.elf")
        return printed, machine.end()

    def test_the_page_shows_it(self, session):
        documented.compare(self.page, "gdb -batch -x docs/samples/gdb/claim.gdb -ex kill build/homestead.elf", session[0])

    def test_gdb_ended_the_run(self, session):
        session[1].expect_status(harness.NO_VERDICT)
