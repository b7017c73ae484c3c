"""Guests, configurations and archives as others make them."""
import os
import re
import shutil
import subprocess

import pytest

import harness
from checks import AnyRun, GoodRun

STRANGERS = harness.ROOT / "tests" / "strangers"


class TestStrangerGuest(GoodRun):
    """Guests that use the first MiB as their own at once, and print through the console ring until it has been taken."""

    @pytest.fixture(scope="class", params=[1, 4])
    def run(self, request, boot_guests):
        return boot_guests("stranger", "--cpus", request.param, "--mem", "4G", "--cmdline", "idle-scrub=off")

    def said(self, run, name):
        prefix = f"(d{run.domain(name)}) stranger: "
        return [line[len(prefix):] for line in run.lines if line.startswith(prefix)]

    @pytest.mark.parametrize("name", ["plain", "big", "flood", "gone", "wild", "after", "ramdisk"])
    def test_it_powers_off(self, run, name):
        assert ("shutdown", 0) in run.events(name), run.tail()
        assert "the maps are the same, the ring is reserved, no store" in self.said(run, name)

    def test_the_start_info_is_behind_the_kernel(self, run):
        (where,) = [line for line in self.said(run, "plain") if line.startswith("start info at ")]
        address, words = int(where.split()[3].rstrip(","), 16), where.split("'", 1)[1][:-1]
        assert 0x100000 < address < 0x200000 and address % 4096 == 0
        assert words == "hello from libxc's layout"

    def test_a_ramdisk_is_the_module(self, run):
        data = (harness.GUESTS / "stranger/ramdisk.txt").read_bytes()
        sum31 = 0
        for byte in data:
            sum31 = (sum31 * 31 + byte) & 0xffffffff
        assert len(data) > 4096
        assert f"1 module, {len(data)} bytes at start info + 0x1000, sum {sum31:#x}" in self.said(run, "ramdisk")
        assert not [line for line in self.said(run, "plain") if "module" in line]

    def test_a_ramdisk_that_is_not_there(self, run):
        assert run.events("no-ramdisk") == [("failed", -2)]
        assert "no-ramdisk its ramdisk: the archive has no file 'nowhere.img'" in run.lines

    def test_a_ramdisk_that_does_not_fit(self, run):
        assert ("failed", -8) in run.events("large-ramdisk")
        assert [line for line in run.lines if line.startswith("large-ramdisk ") and "the ramdisk conformance.elf and the start info need more than " in line]

    def test_the_memory_map_has_tables_and_ring_below_1_mib(self, run):
        assert [line for line in self.said(run, "big") if line.startswith("map ")] == [
            "map 0 0xa0000 type 1", "map 0xe0000 0x10000 type 3", "map 0xf0000 0x10000 type 2",
            "map 0x100000 0xbff00000 type 1", "map 0x100000000 0x8000000 type 1"]

    def test_a_flood_comes_out_whole(self, run):
        flood = [line for line in self.said(run, "flood") if line.startswith("a line that nobody needs")]
        assert {line for line in flood} == {"a line that nobody needs, again and again, to fill the ring and the log"}
        assert len(flood) > 20 and self.said(run, "flood")[-1] == "it was taken"

    def test_a_ring_that_goes_costs_only_its_guest(self, run):
        assert self.said(run, "gone")[-1] == "the ring goes"

    def test_wrong_indices_lose_lines_only(self, run):
        assert self.said(run, "wild")[-1] == "in step again"
        assert f"dom0: domain {run.domain('wild')} has wrong indices in its console ring, output was skipped" in run.lines


HOST = r"\(\d+ on node 0, \d+ on node 1\)"
# guest: (a line that says what is wrong and what to do, how its verdict begins)
ERRORS = {
    "node9": (r"node 9: this host has nodes 0 to 1", r"FAIL: expected poweroff, got no guest: node 9: this host has nodes 0 to 1"),
    "node": (r"wants 1900 MiB on node 1, 10\d\d MiB are free and unclaimed there \((9\d\d|10\d\d) on node 0\); "
             r"(without nodes it fits|all nodes together have room for it \(nodes = \"all\"\)), or lower its memory to 10\d\d MiB",
             r"PASS: enomem, as expected"),
    "unclaimed": (r"wants 1100 MiB on node 1 and got 10\d\d of them, 0 MiB are free and unclaimed there \(\d+ on node 0\); "
                  r"(without nodes it fits|all nodes together .*), or lower its memory to 10\d\d MiB",
                  r"FAIL: expected poweroff, got enomem: wants 1100 MiB on node 1 and got "),
    "host": (rf"wants 3000 MiB, \d\d\d\d MiB are free and unclaimed on this host {HOST}; too much for this host: lower its memory "
             r"to \d\d\d\d MiB", r"PASS: enomem, as expected"),
    "huge": (rf"wants 16777216 MiB and \d+ MiB for its page tables, \d+ MiB are free and unclaimed on this host {HOST}; too much "
             r"for this host", r"PASS: enomem, as expected"),
    "two": (r"wants 10\d\d of its 2020 MiB on node 0, \d+ MiB are free and unclaimed there \(\d+ on node 1\); too much for this "
            r"host: lower its memory to \d+ MiB", r"PASS: enomem, as expected"),
    "early": (None, r"FAIL: expected poweroff, got suspend \(shutdown code 2\)"),
    "late": (None, r"FAIL: expected poweroff, got loop: still running after 1 s"),
    "pin": (r'cpus "17": no CPU is left, the host has CPUs 0 to 3 on nodes 0 to 1', r"FAIL: expected poweroff, got no guest: cpus "),
    "pin-node": (r'cpus "node:7": no CPU is left, the host has CPUs 0 to 3 on nodes 0 to 1', r"FAIL: expected poweroff, got no guest: cpus "),
    "extents": (r"claim_order and claim_flags need a claim by node, and no node has all of it in such extents; name nodes",
                r"PASS: enomem, as expected"),
    "tight": (r"the kernel test.elf needs more than [3-9] MiB of memory, the guest has 3 MiB",
              r"FAIL: expected poweroff, got badkernel: the kernel test.elf needs more than "),
}


class TestErrors(AnyRun):
    """Each failed build has a sentence with the cause, what there is, and what to do; and so has each failed verdict."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests(STRANGERS / "errors")

    @pytest.mark.parametrize("name", ERRORS)
    def test_the_sentence(self, run, name):
        said = [re.sub(r"^\S+ +", "", line) for line in run.lines if line.startswith(f"{name} ")]
        cause, verdict = ERRORS[name]
        assert cause is None or sum(1 for line in said if re.fullmatch(cause, line)) == 1, said
        assert re.match(verdict, said[-1]), said

    def test_nothing_leaks(self, run):
        assert all((fact["pages"], fact["claims"]) == (0, 0) for fact in run.all("leak")), run.tail()
        assert run.one("verdict")["result"] == "FAIL"


class TestKeys(GoodRun):
    """Keys of configurations: claim_order and claim_flags, vnuma, numbers in quotes."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests(STRANGERS / "keys")

    def claims(self, run, name):
        return [(fact["node"], fact["pages"], fact["result"]) for fact in run.all("claim") if fact["name"] == name]

    @pytest.mark.parametrize("name, claims", [("order", [("1", 64 * 256, 0)]), ("two", [("0", 30 * 256, 0), ("1", 32 * 256, 0)]),
                                              ("placed", [("1", 32 * 256, 0)])])
    def test_whole_extents_are_claimed(self, run, name, claims):
        assert [(str(node), pages, result) for node, pages, result in self.claims(run, name)] == claims
        assert ("shutdown", 0) in run.events(name)

    def test_memory_is_where_it_was_claimed(self, run):
        """Claimed are whole extents, of which the last may not be needed in full."""
        for name in ("order", "two", "placed"):
            populated = {fact["node"]: fact["pages"] for fact in run.all("populated", domain=run.domain(name))}
            claimed = {node: pages for node, pages, _ in self.claims(run, name)}
            assert populated.keys() == claimed.keys()
            assert all(0 <= claimed[node] - populated[node] < 512 for node in claimed), name

    def test_extents_that_are_not_there(self, run):
        assert [fact[1:] for fact in self.claims(run, "large")] == [(2 << 18, -12)]
        assert [line for line in run.lines if re.match(r"large +wants 2 whole extents of 1 GiB on node 1, [01] are free there", line)]

    def test_no_node_has_room(self, run):
        assert run.events("nowhere")[1:] == [("failed", -12), ("destroyed", 0)] and not self.claims(run, "nowhere")

    def test_vnuma_places_memory(self, run):
        populated = {fact["node"]: fact["pages"] for fact in run.all("populated", domain=run.domain("vnuma"))}
        assert populated == {0: 48 * 256, 1: 16 * 256}, populated
        assert [line for line in run.lines if line.startswith("7-vnuma.cfg:6: a distance of 10 from node 0 to 2: Linux ignores")]

    def test_vnuma_is_what_the_guest_is_told(self, run):
        vnodes = [[fact[key] for key in ("vnode", "node", "pages", "vcpus", "distances")]
                  for fact in run.all("vnuma", domain=run.domain("vnuma"))]
        assert vnodes == [[0, 1, 2048, 0, "10,20,10"], [1, 0, 12288, 1, "20,10,20"], [2, 1, 2048, 2, "10,20,10"]]

    def test_vnuma_places_vcpus(self, run):
        vcpus = run.all("vcpu", domain=run.domain("vnuma"))
        assert [fact["node"] for fact in sorted(vcpus, key=lambda fact: fact["id"])] == [1, 0, 1], vcpus

    def test_vnuma_on_a_node_that_is_not_there(self, run):
        assert run.events("vnuma-node") == [("skipped", -2)]

    def test_numbers_in_quotes(self, run):
        assert [fact["pages"] for fact in run.all("populated", domain=run.domain("quoted"))] == [64 * 256]
        assert run.all("populated", domain=run.domain("quoted"))[0]["node"] == 1
        assert {(fact["cpu"], fact["node"]) for fact in run.all("vcpu", domain=run.domain("quoted"))} == {(2, 1)}
        assert "9-quoted.cfg:7: unknown key 'maxcpus' ignored: did you mean maxvcpus?" in run.lines

    def test_they_need_claims_by_node(self, run):
        assert '6-host.cfg:5: claim_mode: claim_order and claim_flags need "node"' in run.lines


class TestRefusedBesideOthers(GoodRun):
    """More builders than their node has memory for: each refusal says so, and whose claims there are."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = tmp_path_factory.mktemp("refused")
        shutil.copy(harness.BUILT / "test.elf", directory / "test.elf")
        for i in range(6):
            (directory / f"{i}.cfg").write_text(
                f'name = "c{i}"\nkernel = "test.elf"\nmemory = 100\nnodes = [1]\nextra = "mode=loop"\ntimeout = 2\nexpect = "loop"\n')
        return harness.boot("--direct", "--guests", directory, "--mem", "512M", "--cmdline", "dom0_max_vcpus=6")

    def test_each_refusal_has_a_sentence(self, run):
        refused = [fact["name"] for fact in run.all("guest", event="failed")]
        said = [line for line in run.lines if re.fullmatch(
            r"c\d +wants 100 MiB on node 1, \d+ MiB are free (there, of which \d+ MiB are claimed by d\d+( and d\d+|, d\d+)*"
            r"|and unclaimed there) \(\d+ (free and unclaimed )?on node 0\); .*", line)]
        assert len(refused) >= 4 and sorted(line.split()[0] for line in said) == sorted(refused), said

    def test_they_are_built_when_the_others_have_ended(self, run):
        assert all(run.all("guest", name=f"c{i}", event="timeout") for i in range(6))

    def test_memory_is_where_it_was_claimed(self, run):
        """Refused guests have two domains: those that ran."""
        ran = {fact["domain"] for fact in run.all("guest", event="started")}
        populated = [p for p in run.all("populated") if p["domain"]]
        assert {p["domain"] for p in populated} == ran and len(ran) == 6
        assert {(p["node"], p["pages"]) for p in populated} == {(1, 100 * 256)}

    def test_started_guests_were_created_and_ended(self, run):
        for name in run.names():
            assert [e for e, _ in run.events(name)][-4:] == ["created", "started", "timeout", "destroyed"]


def archive_config(name, kernel, end="poweroff"):
    return f'name = "{name}"\nkernel = "{kernel}"\nmemory = 16\nextra = "mode=shutdown"\nexpect = "{end}"\n'


def linked_files(directory):
    """A directory with the links that people have in theirs."""
    shutil.copy(harness.BUILT / "test.elf", directory / "a.elf")
    os.link(directory / "a.elf", directory / "b.elf")
    (directory / "c.elf").symlink_to("a.elf")
    (directory / "sub").mkdir()
    (directory / "sub" / "up.elf").symlink_to("../b.elf")
    (directory / "boot").symlink_to("sub")
    for name, kernel in {"hard-a": "a.elf", "hard-b": "b.elf", "soft": "c.elf", "dot": "./b.elf", "path": "/sub/up.elf",
                         "linked": "boot/../boot/up.elf"}.items():
        (directory / f"{name}.cfg").write_text(archive_config(name, kernel))
    (directory / "sub" / "deep.cfg").write_text(archive_config("deep", "a.elf"))
    return directory


LINKED = {"hard-a", "hard-b", "soft", "dot", "path", "linked", "deep"}


class Links(GoodRun):
    names = LINKED

    def test_every_guest_has_its_kernel(self, run):
        assert set(run.names()) == self.names
        assert all(("shutdown", 0) in run.events(name) for name in self.names)


class TestLinksInADirectory(Links):
    """--guests DIR keeps links, and packs what is behind those that lead out of the directory, or by an absolute path."""

    names = LINKED | {"more"}

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = linked_files(tmp_path_factory.mktemp("links"))
        outside = tmp_path_factory.mktemp("outside")
        (directory / "b.elf").unlink()
        (directory / "b.elf").symlink_to(directory / "c.elf")
        (directory / "a.elf").rename(outside / "kernel")
        (directory / "a.elf").symlink_to(os.path.relpath(outside / "kernel", directory))
        (directory / "more").symlink_to(outside)
        (directory / "parent").symlink_to("..")
        (directory / "more.cfg").write_text(archive_config("more", "more/kernel"))
        (directory / ".#lock").symlink_to("nobody@nowhere:1")
        return harness.boot("--direct", "--guests", directory)


class TestLinksInAnArchive(Links):
    """An archive as cpio makes it of the same directory: hard links without data, symbolic links, names with ./"""

    @pytest.fixture(scope="class", params=["sorted", "reversed"])
    def run(self, request, tmp_path_factory):
        directory = linked_files(tmp_path_factory.mktemp("links"))
        names = subprocess.run(["find", ".", "-mindepth", "1"], cwd=directory, stdout=subprocess.PIPE, check=True).stdout
        names = sorted(names.splitlines(), reverse=request.param == "reversed")
        archive = tmp_path_factory.mktemp("archive") / "guests.cpio"
        with archive.open("wb") as out:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=directory, input=b"\n".join(names), stdout=out, check=True)
        return harness.boot("--direct", "--guests", archive)


class TestBadLinks(GoodRun):
    """Links that lead nowhere are named, and what is no kernel is not called one that is not ELF."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = tmp_path_factory.mktemp("bad")
        (directory / "gone.elf").symlink_to("../build/vmlinux")
        (directory / "round.elf").symlink_to("round.elf")
        (directory / "images").mkdir()
        for name, kernel in {"gone": "gone.elf", "round": "round.elf", "folder": "./images", "none": "none.elf"}.items():
            (directory / f"{name}.cfg").write_text(archive_config(name, kernel, "badkernel"))
        archive = tmp_path_factory.mktemp("archive") / "guests.cpio"
        with archive.open("wb") as out:
            names = b"\n".join(os.fsencode(path.name) for path in directory.iterdir())
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=directory, input=names, stdout=out, check=True)
        return harness.boot("--direct", "--guests", archive)

    @pytest.mark.parametrize("name,sentence", [
        ("gone", "'gone.elf' is a symbolic link to '../build/vmlinux', which the archive does not have"),
        ("round", "the symbolic link 'round.elf' leads back to itself, or is too long"),
        ("folder", "'images' is a directory"),
        ("none", "the archive has no file 'none.elf'"),
    ])
    def test_the_sentence(self, run, name, sentence):
        assert f"{name:9} its kernel: {sentence}" in run.lines, run.tail()
