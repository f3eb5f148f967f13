"""A page is tried as often as chance demands, and waits longer each time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.patience import Patience


@pytest.mark.parametrize(
    ("pages", "ended", "failed", "tries"),
    [
        (0, 0, 0, 4),
        (1, 0, 0, 4),
        (300, 0, 0, 6),
        (300, 1000, 0, 4),
        (300, 1000, 50, 5),
        (300, 1000, 200, 8),
        (300, 1000, 900, 8),
        (10_000, 1000, 10, 4),
    ],
)
def test_tries_follow_the_failures_seen(pages: int, ended: int, failed: int, tries: int) -> None:
    """The more pages there are and the more attempts fail, the more tries, from 4 to 8."""
    patience = Patience(random=random.Random(1))
    for _ in range(pages):
        patience.page_came()
    for number in range(ended):
        patience.attempt_ended(failed=number < failed)
    assert patience.tries == tries


def test_a_person_may_allow_fewer() -> None:
    """The limit that a person sets wins over all others."""
    patience = Patience(random=random.Random(1), most=2)
    assert (patience.tries, patience.tries_refused) == (2, 2)


@given(st.integers(0, 40), st.integers(0))
def test_waits_have_full_jitter(failures: int, seed: int) -> None:
    """The wait is anything from nothing to 1, 2, 4 … and never more than 10 s."""
    wait = Patience(random=random.Random(seed)).wait(failures)
    assert 0 <= wait <= min(10, 2 ** max(0, failures - 1))
