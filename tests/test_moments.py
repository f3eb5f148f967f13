"""A moment in a file is one that every reader can take for the same, and reckon with."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from manifests.moments import moment


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "Invalid isoformat"),
        ("2026-08-20T12:00:00", "no zone"),
        ("0001-01-01T00:00:00+14:00", "no run was made"),
        ("9999-12-31T23:59:59-14:00", "no run was made"),
    ],
)
def test_what_is_no_moment_is_refused(text: str, words: str) -> None:
    """Without its zone a time means nothing, and at an end of the calendar it breaks readers."""
    with pytest.raises(ValueError, match=words):
        moment(text)


@pytest.mark.parametrize("text", ["0002-01-01T00:00:00+14:00", "9998-12-31T23:59:59-14:00"])
def test_a_moment_can_be_reckoned_with(text: str) -> None:
    """What is taken has a time in every zone, and one after the longest run."""
    when = datetime.fromisoformat(moment(text))
    assert (when.astimezone() + timedelta(days=300)).tzinfo is not None
