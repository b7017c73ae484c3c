"""The comparison, on made-up transcripts and lists: each of its rules."""
import dataclasses

import pytest

from compare import Group, compare, same_twice
from differences import Row
from transcript import parse

REASON = "Xen gives it back later."
SAME = {("a", "call", "one"): "rc=0", ("a", "call", "two"): "rc=-EINVAL", ("b", "call", "one"): "rc=1 out=5>0"}
OTHER = {**SAME, ("a", "call", "two"): "rc=0 out=1>0"}
ROW = Row("a", "call", "two", "rc=-EINVAL", "rc=0 out=1>0", REASON, 9)


def run(cases):
    """A transcript with these cases."""
    lines, names = [], list(dict.fromkeys(key[0] for key in cases))
    for name in names:
        mine = {key: rest for key, rest in cases.items() if key[0] == name}
        lines += [f"@case group={key[0]} call={key[1]} case={key[2]} {rest}" for key, rest in mine.items()]
        lines.append(f"@group name={name} cases={len(mine)}")
    return parse("\n".join(lines + ["@verdict result=PASS", ""]))


def judge(homestead, xen, *rows, only=None, minimum=1):
    return compare(run(homestead), run(xen), list(rows), only, minimum)


def test_all_the_same():
    result = judge(SAME, SAME)
    assert not result.failed()
    assert result.groups == {"a": Group(2, 2, 0, 0), "b": Group(1, 1, 0, 0)} and result.total() == Group(3, 3, 0, 0)
    assert result.wrong_in("a") == result.wrong_in(None) == []


def test_unlisted():
    result = judge(SAME, OTHER)
    assert result.failed() and result.groups["a"] == Group(2, 1, 0, 1)
    assert result.unlisted == [(("a", "call", "two"), "rc=-EINVAL", "rc=0 out=1>0", "")]
    assert result.wrong_in("a") == ["a call two", "    Homestead  rc=-EINVAL", "    Xen        rc=0 out=1>0"]
    assert not result.wrong_in("b")


@pytest.mark.parametrize("change", [{}, {"case": "tw*"}, {"case": "*"}, {"homestead": "*"}, {"xen": "*"}, {"xen": "rc=0*"}])
def test_listed(change):
    result = judge(SAME, OTHER, dataclasses.replace(ROW, **change))
    assert not result.failed() and result.groups["a"] == Group(2, 1, 1, 0)


@pytest.mark.parametrize("change", [{"group": "b"}, {"call": "cal"}, {"case": "twos"}, {"case": "twos*"}])
def test_listed_for_another_case(change):
    result = judge(SAME, OTHER, dataclasses.replace(ROW, **change))
    assert len(result.unlisted) == 1 and [why for _, why in result.unused] == ["never occurs"]


@pytest.mark.parametrize("change", [{"homestead": "rc=-EPERM"}, {"xen": "rc=0"}, {"xen": "rc=0 out=1>00"}, {"xen": "rc=1*"}])
def test_listed_with_other_figures(change):
    result = judge(SAME, OTHER, dataclasses.replace(ROW, **change))
    assert [why for *_, why in result.unlisted] == ["the list has other figures"]
    assert [why for _, why in result.unused] == ["explains no difference"]
    assert result.failed() and result.groups["a"].unlisted == 1


@pytest.mark.parametrize("case", ["two", "tw*"])
def test_listed_and_no_longer_different(case):
    result = judge(SAME, SAME, dataclasses.replace(ROW, case=case))
    assert result.failed() and [why for _, why in result.unused] == ["no longer differs"] and not result.unlisted
    assert result.wrong_in("a") == [f"xen-differences.md:9: a call {case}: no longer differs"]


def test_listed_and_never_there():
    cases = {key: rest for key, rest in SAME.items() if key[2] != "two"}
    assert [why for _, why in judge(cases, cases, ROW).unused] == ["never occurs"]


def test_pattern_may_name_cases_that_agree():
    assert not judge(SAME, OTHER, dataclasses.replace(ROW, case="*")).failed()


def test_case_before_pattern():
    """The row that names the case itself explains it; the pattern, which has nothing else to explain, is of no use."""
    result = judge(SAME, OTHER, dataclasses.replace(ROW, case="t*", homestead="*"), ROW)
    assert [(row.case, why) for row, why in result.unused] == [("t*", "explains no difference")] and not result.unlisted


@pytest.mark.parametrize("rows", [[], [ROW], [dataclasses.replace(ROW, homestead="*", xen="*")]])
def test_missing_on_one_side(rows):
    """No row of the list excuses that."""
    fewer = {key: rest for key, rest in SAME.items() if key[2] != "two"}
    for homestead, xen, absent in ((SAME, fewer, 2), (fewer, SAME, 1)):
        result = judge(homestead, xen, *rows)
        assert result.failed() and result.groups["a"] == Group(2, 1, 0, 1)
        assert result.unlisted[0][absent] == "no such case"
        assert any("on Homestead" in text for group, text in result.problems if group == "a")


def test_group_missing_on_one_side():
    result = judge(SAME, {key: rest for key, rest in SAME.items() if key[0] == "a"})
    assert result.groups["b"].unlisted == 1 and ("b", "group b has 1 cases on Homestead, no on Xen") in result.problems


def test_group_without_cases():
    both = parse("@case group=a call=c case=d rc=0\n@group name=a cases=1\n@group name=b cases=0\n@verdict result=PASS\n")
    assert compare(both, both, [], None, 1).problems == [("b", "group b has no cases")]


def test_faults_of_either_transcript_fail():
    good, bad = run(SAME), run(SAME)
    bad.faults.append(("a", "torn"))
    bad.faults.append((None, "there is no verdict"))
    assert compare(bad, good, [], None, 1).problems == [("a", "Homestead: torn"), (None, "Homestead: there is no verdict")]
    result = compare(good, bad, [], None, 1)
    assert result.failed() and result.wrong_in(None) == ["Xen: there is no verdict"] and result.wrong_in("a") == ["Xen: torn"]


def test_too_few_cases():
    assert judge(SAME, SAME, minimum=4).problems == [(None, "3 cases on both, at least 4 are wanted")]
    assert not judge(SAME, SAME, minimum=3).failed()
    assert judge({}, {}).failed()


def test_only():
    one = {key: rest for key, rest in SAME.items() if key[0] == "b"}
    assert not judge(one, one, ROW, only="b", minimum=400).failed()
    assert judge(SAME, SAME, only="b").problems == [(None, "only b was asked for, but a ran as well")]
    assert judge({}, {}, only="b").failed()


def test_same_twice():
    assert same_twice("Xen", run(SAME), run(SAME)) == []
    assert same_twice("Xen", run(SAME), run(OTHER)) == [
        ("a", "a call two is not the same twice on Xen: 'rc=-EINVAL', then 'rc=0 out=1>0'")]
    fewer = {key: rest for key, rest in SAME.items() if key[0] == "a"}
    for first, second in ((SAME, fewer), (fewer, SAME)):
        assert [group for group, _ in same_twice("Xen", run(first), run(second))] == ["b"]
    second = run(SAME)
    second.faults.append((None, "there is no verdict"))
    assert same_twice("Xen", run(SAME), second) == [(None, "Xen, second run: there is no verdict")]
