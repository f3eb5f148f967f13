"""A moment in a file is one that every reader can take for the same, and reckon with."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from manifests.countable import MOST_SECONDS
from manifests.moments import instant, moment
from manifests.settings import LONGEST


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "Invalid isoformat"),
        ("2026-08-20T12:00:00", "no zone"),
        ("0001-01-01T00:00:00+14:00", "no run was made"),
        ("9999-12-31T23:59:59-14:00", "no run was made"),
        ("0999-12-31T23:59:59+14:00", "no run was made"),
        ("9001-01-01T00:00:00-14:00", "no run was made"),
    ],
)
def test_what_is_no_moment_is_refused(text: str, words: str) -> None:
    """Without its zone a time means nothing, and at an end of the calendar it breaks readers."""
    with pytest.raises(ValueError, match=words):
        moment(text)


@pytest.mark.parametrize("text", ["1000-01-01T00:00:00+14:00", "9000-12-31T23:59:59-14:00"])
def test_a_moment_can_be_reckoned_with(text: str) -> None:
    """What is taken has a time in every zone, one after the longest run, and one long before."""
    when = datetime.fromisoformat(moment(text))
    assert instant(when) == when
    assert (when.astimezone() + timedelta(seconds=MOST_SECONDS)).tzinfo is not None
    assert (when.astimezone() - timedelta(seconds=LONGEST)).tzinfo is not None
