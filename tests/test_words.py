"""Counts, durations and sizes read well, at the edges of their units too."""

from __future__ import annotations

import pytest

from manifests.words import counted, duration, size


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "model", "0 models"),
        (1, "model", "1 model"),
        (2, "model", "2 models"),
        (1, "query", "1 query"),
        (3, "query", "3 queries"),
        (1234567, "request", "1,234,567 requests"),
    ],
)
def test_counted(count: int, noun: str, words: str) -> None:
    """One is singular, all else plural, and thousands are set apart."""
    assert counted(count, noun) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    """A time has a tenth below ten seconds, and never sixty of a smaller unit."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (45_400, "45 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_240_000, "1.2 MB"),
    ],
)
def test_size(count: int, words: str) -> None:
    """A size has the largest unit of which there is one, also after rounding."""
    assert size(count) == words
