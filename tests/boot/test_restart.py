"""What becomes of guests that end: on_poweroff, on_reboot, on_crash."""
import pytest

import harness
from checks import GoodRun

RUN = ["created", "started", "shutdown"]


class TestRestart(GoodRun):
    """One after the other, and all at once."""

    @pytest.fixture(scope="class", params=[1, 5])
    def run(self, request, tmp_path_factory):
        directory = harness.guest_dir("restart", tmp_path_factory.mktemp("restart"))
        c = harness.Console("--direct", "--guests", directory, "--dom0-args", "foreground=again",
                            "--cmdline", f"dom0_max_vcpus={request.param}", "--cpus", 4)
        for code in (b"1", b"3", b"0"):
            c.wait(rb"event=foreground domain=\d+ name=again[^>]*> ")
            c.child.send(b"shutdown " + code + b"\r")
        return c.end()

    def events(self, run, name):
        return [event for event, _ in run.events(name)]

    def test_a_loop_of_restarts_has_an_end(self, run):
        assert self.events(run, "loop") == 3 * (RUN + ["restart", "destroyed"]) + RUN + ["destroyed"]
        assert [code for event, code in run.events("loop") if event == "restart"] == [1, 2, 3]
        assert "loop      is not started again: it has ended 4 times in a row within 60 s of its start" in run.lines

    def test_a_guest_is_started_again_on_its_nodes(self, run):
        assert self.events(run, "again") == 2 * (RUN + ["restart", "destroyed"]) + RUN + ["destroyed"]
        domains = [f["domain"] for f in run.all("guest", name="again", event="created")]
        assert len(set(domains)) == 3
        places = [[(p["node"], p["pages"]) for p in run.all("populated", domain=d)] for d in domains]
        assert places[0] == places[1] == places[2] and len(places[0]) == 2

    def test_a_preserved_guest_keeps_its_memory(self, run):
        assert self.events(run, "kept") == RUN + ["preserved", "destroyed"]
        destroyed = run.one("guest", name="kept", event="destroyed")
        assert destroyed.line > max(f.line for f in run.all("guest", event="shutdown"))

    def test_the_expected_end_is_the_end(self, run):
        assert self.events(run, "once") == self.events(run, "off") == RUN + ["destroyed"]

    def test_words_that_do_something_else_are_noted(self, run):
        assert '3-again.cfg:7: on_crash: "coredump-restart" is done as "restart": there are no core dumps' in run.lines
