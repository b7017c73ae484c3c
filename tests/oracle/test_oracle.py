"""Homestead and Xen 4.17, judged by the same domain 0. One boot of each for all tests; a test a group."""
import pytest

import oracle


def nothing(lines):
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.parametrize("group", oracle.main_groups())
def test_group(judgement, group):
    """Each case is the same on both, or listed."""
    assert group in judgement.groups, "the group did not run"
    nothing(judgement.wrong_in(group))


def test_whole_run(judgement):
    """Enough cases, all groups, complete transcripts."""
    nothing(judgement.wrong_in(None))


def test_no_other_group(judgement):
    """A row of the list belongs to a group that exists."""
    others = ({row.group for row, _ in judgement.unused} | {key[0] for key, *_ in judgement.unlisted}
              | {group for group, _ in judgement.problems if group}) - set(oracle.main_groups())
    nothing([line for group in sorted(others) for line in judgement.wrong_in(group)])
