"""Alone, a process keeps to its part of what all had."""

from __future__ import annotations

import pytest

from manifests.fetch.signals import Quota
from manifests.fetch.solitude import Solitude

INF = float("inf")


@pytest.mark.parametrize(("alive", "places"), [(1, 8), (3, 2), (4, 2), (20, 1)])
def test_places_are_the_nth_part(alive: int, places: int) -> None:
    """Of the places in flight a process takes its part, one at least."""
    alone = Solitude(alive=alive, ceiling=8, rate=0)
    assert alone.opens_at(in_flight=places - 1) == -INF
    assert alone.opens_at(in_flight=places) == INF


def test_the_rate_is_the_nth_part() -> None:
    """Of ten starts a second each of five processes makes two, however late the first came."""
    alone = Solitude(alive=5, ceiling=50, rate=10)
    opened = []
    for now in (100.0, 100.0, 100.5, 107.0):
        alone.started(now=now)
        opened.append(alone.opens_at(in_flight=0))
    assert opened == [100.0, 100.5, 101.0, 107.0]


def test_what_others_may_have_in_flight_is_left_to_them() -> None:
    """Of a counted window nothing is spent that others may have spent unseen."""
    alone = Solitude(alive=4, ceiling=8, rate=0)
    alone.heard(Quota(remaining=9, reset=30), now=10)
    assert alone.opens_at(in_flight=0) == -INF
    alone.heard(Quota(remaining=8, reset=20), now=10)
    assert alone.opens_at(in_flight=0) == pytest.approx(30.1)
