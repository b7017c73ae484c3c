"""The harness itself, on transcripts: no emulator."""
import re

import pytest

import harness
from checks import DOCUMENTED
from harness import Run, parse_fact

DOCUMENT = (harness.ROOT / "docs" / "hypervisor-guide" / "output.md").read_text()

TRANSCRIPT = (
    b"\x1b[2J\x1b[01;01HBdsDxe: starting Boot0001\r\n"
    b"homestead: starting homestead.elf of section [homestead] at 0x7e000000.\r\n"
    b"Node 0  pxm 0  1024 MiB\r\n"
    b"@node id=0 pxm=0 pages=262000 free=260000 cpus=2\r\n"
    b"@node id=1 pxm=1 pages=262144 free=262144 cpus=2\r\n"
    b"@claim domain=1 node=1 pages=16384 result=0\n"
    b"@claim domain=2 node=host pages=99999999 result=-12\n"
    b"@guest domain=1 event=created code=0 name=one\n"
    b"(d1) @verdict result=FAIL\r\n"
    b"@guest domain=1 event=destroyed code=0 name=one\n"
    b"@guest domain=none event=failed code=-22 name=two.cfg\n"
    b'@panic cpu=0 reason="no domain 0: not an ELF file"\r\n'
    b"@verdict result=PASS\r\n"
    b"run-qemu: PASS\r\n"
)


def test_facts_are_read_and_numbers_are_numbers():
    run = Run(TRANSCRIPT, 0)
    assert [n["pages"] for n in run.all("node")] == [262000, 262144]
    assert run.one("claim", domain=2)["result"] == -12
    assert run.one("claim", domain=2)["node"] == "host"


def test_escapes_do_not_hide_the_first_line():
    assert Run(b"\x1b[2J\x1b[01;01H@leak pages=0 claims=0\r\n", 0).one("leak") == {"pages": 0, "claims": 0}


def test_a_quoted_value_keeps_its_spaces():
    assert Run(TRANSCRIPT, 0).one("panic")["reason"] == "no domain 0: not an ELF file"


def test_a_guest_cannot_forge_a_fact():
    assert Run(TRANSCRIPT, 0).one("verdict")["result"] == "PASS"


def test_a_guest_is_found_by_its_name():
    run = Run(TRANSCRIPT, 0)
    assert run.names() == ["one", "two.cfg"]
    assert run.events("one") == [("created", 0), ("destroyed", 0)]
    assert run.events("two.cfg") == [("failed", -22)]
    assert run.domain("one") == 1


def test_malformed_lines_are_kept_for_the_test_that_looks():
    run = Run(b"@node id=0\n@oops =\n", 0)
    assert run.malformed == ["@oops ="] and len(run.facts) == 1


def test_last_line_skips_empty_ones():
    assert Run(TRANSCRIPT + b"\r\n\n", 0).last_line() == "run-qemu: PASS"


def test_one_is_exact():
    with pytest.raises(AssertionError):
        Run(TRANSCRIPT, 0).one("node")
    with pytest.raises(AssertionError):
        Run(TRANSCRIPT, 0).one("bench")


@pytest.mark.parametrize("line", [
    "@", "@Node id=0", "@node  id=0", "@node id", "@node id=", "@node id=0 ", "@node id=0 id=1", '@panic reason="a',
    "@node id=0, pxm=0", "@node id=0,,1", "@node id=,0", "@ node id=0",
])
def test_malformed_facts_are_refused(line):
    with pytest.raises(harness.BadFact):
        parse_fact(line)


def test_words_that_look_like_numbers_stay_words():
    assert parse_fact("@x a=007 b=0x1f c=-3 d=1.5 e=host") == {"a": "007", "b": 31, "c": -3, "d": "1.5", "e": "host"}


def test_every_line_named_in_the_document_has_its_keys_explained():
    assert len(DOCUMENTED) >= 11
    for name, keys in DOCUMENTED.items():
        section = re.search(rf"^### @{name}\n(.*?)(?=^##|\Z)", DOCUMENT, re.M | re.S)
        assert section, f"@{name} has no section of its own"
        for key in keys:
            assert f"`{key}`" in section.group(1), f"@{name}: {key} is not explained"


def test_guest_directories_are_complete():
    names = [p.name for p in harness.GUESTS.iterdir() if p.is_dir()]
    assert names
    for name in names:
        assert list((harness.GUESTS / name).glob("*.cfg")), name
