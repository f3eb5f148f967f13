"""Hold the one behaviour among the events: silence."""

from __future__ import annotations

from manifests.events import Noted, silent


def test_silence_takes_note_of_nothing() -> None:
    """A run that no one watches says nothing, and needs no condition for that."""
    watch = silent
    assert [watch(event) for event in [Noted(message="something")]] == [None]
