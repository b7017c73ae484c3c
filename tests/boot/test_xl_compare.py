"""What `make xl-test` (tests/linux-dom0/xl.py) makes of two transcripts, on texts: no hypervisor runs."""
import sys

import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "tests" / "linux-dom0"))
import xl  # noqa: E402

GOOD = '@xl_fact check=pause text="paused and unpaused"\r\n@xl check=pause result=ok secs=3\n@xl check=summary result=ok failed=0\n@verdict result=PASS\n'


def test_a_transcript():
    said = xl.parse(GOOD)
    assert said.results == {"pause": "ok", "summary": "ok"}
    assert said.facts == {"pause": ["paused and unpaused"]} and said.verdict == "PASS"


def test_what_a_guest_prints_is_no_result():
    assert not xl.parse("(d1) @xl check=pause result=ok secs=3\npause     @xl check=pause result=ok secs=3\n").results


def test_the_same_differs_in_nothing():
    assert xl.differences(xl.parse(GOOD), xl.parse(GOOD)) == []


@pytest.mark.parametrize("old, new, wanted", [
    ("result=ok secs", "result=failed secs", "pause: failed on Homestead, ok on Xen"),
    ("result=ok secs", "result=skipped secs", "pause: skipped on Homestead, ok on Xen"),
    ("paused and", "never", "pause: says other things"),
    ("@xl check=pause result=ok secs=3\n", "", "pause: None on Homestead, ok on Xen")])
def test_a_difference(old, new, wanted):
    assert xl.differences(xl.parse(GOOD.replace(old, new)), xl.parse(GOOD))[0] == wanted


def test_both_failing_is_a_failure():
    bad = xl.parse(GOOD.replace("result=ok secs", "result=failed secs"))
    assert xl.differences(bad, bad)


def test_a_reason(monkeypatch):
    monkeypatch.setattr(xl, "KNOWN", {"pause": "because"})
    assert xl.differences(xl.parse(GOOD.replace("paused and", "never")), xl.parse(GOOD)) == []
    assert xl.differences(xl.parse(GOOD), xl.parse(GOOD)) == ["pause: does not differ, so it needs no reason"]
