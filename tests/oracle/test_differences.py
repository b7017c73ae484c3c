"""The reader of the list of differences; and the list itself."""
import pytest

import differences
from differences import BadList, Row, parse

HEAD = "| group | call | case | Homestead | Xen 4.17 | reason |\n|---|---|---|---|---|---|\n"
REASON = "Xen gives it back later."
GOOD = f"| claim | claim_pages | `dying` | `rc=-EINVAL` | rc=0 out=5>0 | {REASON} |\n"


def bad(rows, text):
    with pytest.raises(BadList) as caught:
        parse(HEAD + rows)
    assert text in str(caught.value)


def test_rows():
    text = f"# Text\n\n| other | table |\n|---|---|\n| a | b |\n\n{HEAD}{GOOD}\nText\n\n{HEAD}" \
           f"| a | b | c* | `*` | rc=0* | a \\| b, so that c |\n"
    rows = parse(text)
    assert [(r.group, r.call, r.case, r.homestead, r.xen, r.reason) for r in rows] == [
        ("claim", "claim_pages", "dying", "rc=-EINVAL", "rc=0 out=5>0", REASON),
        ("a", "b", "c*", "*", "rc=0*", "a | b, so that c")]
    assert text.splitlines()[rows[0].line - 1] + "\n" == GOOD


def test_no_rows_is_a_list():
    assert parse(HEAD) == []


def test_no_table():
    with pytest.raises(BadList):
        parse("# Text\n" + GOOD)
    with pytest.raises(BadList):
        parse(HEAD.replace("reason", "why") + GOOD)


def test_bad_rows():
    bad("| claim | claim_pages | dying | rc=-EINVAL | rc=0 |\n", "6 columns")
    bad(GOOD.replace(REASON, ""), "none of them empty")
    bad(GOOD.replace(REASON, "because"), "the reason is missing")
    bad(GOOD.replace("`rc=-EINVAL`", "-EINVAL"), "does not start with rc=")
    bad(GOOD.replace("`rc=-EINVAL`", "rc=*0"), "does not start with rc=")
    bad(GOOD.replace("`rc=-EINVAL`", "rc=0 out=5>0"), "both sides are the same")
    bad(GOOD.replace("`dying`", "*ying"), "at the end of the case only")
    bad(GOOD.replace("claim_pages", "claim*"), "at the end of the case only")
    bad(GOOD + GOOD, "line 3 is about the same case")


def test_row():
    row = Row("g", "c", "dy*", "rc=0*", "*", REASON)
    assert row.names(("g", "c", "dying")) and row.names(("g", "c", "dy"))
    assert not row.names(("g", "c", "d")) and not row.names(("h", "c", "dying")) and not row.names(("g", "d", "dying"))
    assert row.explains("rc=0 a=1", "rc=5") and not row.explains("rc=1", "rc=5")
    assert not Row("g", "c", "dying", "rc=0", "rc=1", REASON).explains("rc=0 a=1", "rc=1")


def test_the_list():
    rows = differences.read()
    assert [row.group for row in rows] == sorted(row.group for row in rows), "sorted by group"


def test_the_vendors_list():
    """What issue 17 asks for: the same answers on both, but for three at most."""
    assert len(differences.read(differences.VENDORS)) <= 3
