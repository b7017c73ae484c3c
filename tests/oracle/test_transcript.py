"""The reader of transcripts, on made-up ones."""
import pytest

from transcript import parse

GOOD = """(XEN) Xen version 4.17
@node id=0 pxm=0
@case group=a call=domctl.max_mem case=good rc=0 max=0>5
@case group=a call=domctl.max_mem case=unknown_domain rc=-ESRCH
@group name=a cases=2
@case group=b call=hypercall case=nr_63 rc=-ENOSYS text="two words"
@group name=b cases=1
@verdict result=PASS
(XEN) Hardware Dom0 halted: halting machine
"""
FIRST = ("a", "domctl.max_mem", "good")


def faults(text):
    return [what for _, what in parse(text).faults]


def test_good():
    read = parse(GOOD.replace("\n", "\r\n").encode())
    assert read.faults == []
    assert read.cases == {FIRST: "rc=0 max=0>5", ("a", "domctl.max_mem", "unknown_domain"): "rc=-ESRCH",
                          ("b", "hypercall", "nr_63"): 'rc=-ENOSYS text="two words"'}
    assert read.groups == {"a": 2, "b": 1}


@pytest.mark.parametrize("message", ["(XEN) d1v0: something\n", "(d1) @case group=a call=x case=y rc=0\n",
                                     "d1: shut down, code 0 (power off)\n", "(XEN) one\n(XEN) two\n"])
@pytest.mark.parametrize("place", ["@case group=a", "@case", "rc=0 max", "cases=2", "@verdict"])
def test_messages_in_between_are_taken_out(message, place):
    torn = GOOD.replace(place, place[:3] + message + place[3:], 1)
    assert parse(torn) == parse(GOOD)


def test_message_at_the_start_and_end():
    assert parse("d1: shut down, code 0 (power off)\n" + GOOD + "(XEN) more") == parse(GOOD)


@pytest.mark.parametrize("line", [
    "@case group=a call=domctl.max_mem case=good", "@case group=a call=domctl.max_mem case=good rc=",
    "@case group=a call=domctl.max_mem case=good rc=EFAULT", "@case call=domctl.max_mem case=good group=a rc=0",
    "@case group=a call=domctl.max_mem case=good rc=0 max", "@case group=a call=domctl.max_mem case=good rc=0  max=1",
    "@case group=a call=domctl.max_mem case=good rc=0 ", "@case group=a call=domctl.max_mem case=Good rc=0",
    "@casegroup=a", "@case",
    '@case group=a call=domctl.max_mem case=good rc=0 text="open'])
def test_malformed_case(line):
    text = GOOD.replace("@case group=a call=domctl.max_mem case=good rc=0 max=0>5", line)
    assert f"malformed: {line}" in faults(text)
    assert "group a has 2 cases, but 1 lines" in faults(text)


@pytest.mark.parametrize("line", ["@group name=a", "@group name=a cases=two", "@group name=a cases=2 more=1", "@groupname=a"])
def test_malformed_group(line):
    assert f"malformed: {line}" in faults(GOOD.replace("@group name=a cases=2", line))


def test_lost_line():
    lines = GOOD.splitlines(True)
    for lost in (2, 3):
        assert faults("".join(lines[:lost] + lines[lost + 1:])) == ["group a has 2 cases, but 1 lines"]
    assert faults("".join(lines[:5] + lines[6:])) == ["group b has 1 cases, but 0 lines"]


def test_lost_line_end():
    """Two lines in one, and the start of a line lost: neither may pass for one line or none."""
    text = GOOD.replace("max=0>5\n", "max=0>5")
    assert any(what.startswith("a torn line: ") for what in faults(text))
    assert any(what.startswith("a torn line: ") for what in faults(GOOD.replace("@case group=b", "x@case group=b")))


def test_lost_group_line():
    assert "2 cases of a stand in group b" in faults(GOOD.replace("@group name=a cases=2\n", ""))
    assert faults(GOOD.replace("@group name=b cases=1\n", "")) == ["group b has no end"]


def test_group_twice():
    text = GOOD.replace("@group name=b cases=1", "@group name=b cases=1\n@group name=b cases=0")
    assert faults(text) == ["group b ends twice"]


def test_case_twice():
    twice = "@case group=a call=domctl.max_mem case=good rc=0 max=0>5\n"
    text = GOOD.replace(twice, twice * 2).replace("name=a cases=2", "name=a cases=3")
    assert faults(text) == ["twice: domctl.max_mem good"]
    assert parse(text).faults[0][0] == "a"
    assert parse(text.replace(">5\n@case group=a call=domctl.max_mem case=good rc=0", ">5\n@case group=a call=domctl.max_mem "
                                                                               "case=good rc=1")).cases[FIRST] == "rc=0 max=0>5"


def test_verdict():
    assert faults(GOOD.replace("@verdict result=PASS\n", "")) == ["there is no verdict"]
    assert faults(GOOD.replace("PASS", "FAIL")) == ["the verdict is FAIL"]
    assert faults(GOOD.replace("result=PASS", "result=PASS\n@verdict result=PASS"))
    assert "malformed: @verdict result=" in faults(GOOD.replace("PASS", ""))
    assert faults(GOOD + "@case group=b call=x case=y rc=0\n")[0].startswith("behind the verdict: ")


def test_nothing():
    assert faults("") == ["there is no case in it", "there is no verdict"]
    assert faults("@verdict result=PASS\n") == ["there is no case in it"]
