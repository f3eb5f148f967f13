"""What happened to a host is kept in bounded space, and what is kept is what was."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.timeline import MOST_NOTES, MOST_SAMPLES, Timeline
from manifests.fetch.work import HostState

BEGAN = 100.0
"""Monotonic seconds mean nothing by themselves."""


def state(in_flight: int, *, window: float = 4.0, waiting: int = 0) -> HostState:
    """Return a state of a host."""
    return HostState(window=window, in_flight=in_flight, parked=0, waiting=waiting)


def seen(*moments: tuple[float, int]) -> list[tuple[float, int]]:
    """Return what is kept of requests in flight at times."""
    timeline = Timeline(began=BEGAN)
    for at, in_flight in moments:
        timeline.see(state(in_flight), now=BEGAN + at)
    return [(each.at, each.in_flight) for each in timeline.samples]


@pytest.mark.parametrize(
    ("moments", "kept"),
    [
        ((), []),
        (((0, 1),), [(0, 1)]),
        (((0, 1), (5, 1), (9, 1)), [(0, 1)]),
        (((0, 1), (5, 2)), [(0, 1), (5, 2)]),
        (((0, 1), (0.1, 2), (0.2, 3)), [(0, 1), (0.2, 3)]),
        (((0, 1), (0.1, 2), (5, 3)), [(0, 1), (0.1, 2), (5, 3)]),
        (((0, 1), (0.1, 2), (0.2, 1), (5, 1)), [(0, 1), (0.2, 1)]),
    ],
    ids=["none", "one", "no news", "news", "flicker", "what held", "back again"],
)
def test_what_is_kept(
    moments: tuple[tuple[float, int], ...], kept: list[tuple[float, int]]
) -> None:
    """A change is kept unless it passed within half a second; the latest state always is."""
    assert seen(*moments) == kept


def test_parked_attempts_are_in_flight() -> None:
    """What is under way is counted, whether or not it counts against the window."""
    timeline = Timeline(began=0)
    overdue = HostState(window=2.25, in_flight=2, parked=3, waiting=7, rate=1.23456)
    timeline.see(overdue, now=1)
    (sample,) = timeline.samples
    assert sample.model_dump() == {
        "at": 1,
        "window": 2.2,
        "rate": 1.235,
        "in_flight": 5,
        "waiting": 7,
    }


@given(
    gaps=st.lists(st.floats(min_value=0, max_value=3), max_size=60),
    times=st.integers(min_value=1, max_value=60),
)
def test_it_is_bounded_and_in_order(gaps: list[float], times: int) -> None:
    """However long it goes on and however often it changes, times rise and the end is right."""
    timeline = Timeline(began=BEGAN)
    now = BEGAN
    for number, gap in enumerate(gaps * times):
        now += gap
        timeline.see(state(number % 7, waiting=number), now=now)
    samples = timeline.samples
    assert len(samples) <= MOST_SAMPLES + 1
    assert all(one.at <= other.at for one, other in pairwise(samples))
    assert [each.waiting for each in samples[-1:]] == [len(gaps) * times - 1][: len(samples)]


def test_a_long_run_is_thinned_out_evenly() -> None:
    """After hours the samples still reach from begin to end, none far from the next."""
    timeline = Timeline(began=BEGAN)
    for second in range(10_000):
        timeline.see(state(second % 5), now=BEGAN + second)
    samples = timeline.samples
    assert MOST_SAMPLES / 4 <= len(samples) <= MOST_SAMPLES
    assert (samples[0].at, samples[-1].at) == (0, 9999)
    gaps = [other.at - one.at for one, other in pairwise(samples)]
    assert max(gaps) <= 10 * 10_000 / len(samples) / 2


def test_notes_tell_how_it_began_and_how_it_ended() -> None:
    """Of too many notes those in the middle are left out; each is as it was given."""
    timeline = Timeline(began=BEGAN)
    for number in range(1000):
        timeline.note("hold", seconds=1.23456, why=f"{number}", now=BEGAN + number)
    notes = timeline.notes
    half = MOST_NOTES // 2
    assert [int(each.why) for each in notes] == [*range(half), *range(1000 - half, 1000)]
    assert (notes[3].at, notes[3].kind, notes[3].seconds) == (3, "hold", 1.235)


def test_a_pause_that_is_over_lasts_no_time() -> None:
    """No note claims to last less than nothing."""
    timeline = Timeline(began=BEGAN)
    timeline.note("closed", seconds=-1, why="it answers again", now=BEGAN)
    assert timeline.notes[0].seconds == 0
