"""The window grows until the host queues, shrinks when it does, and never leaves its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.window import Window


def fed(window: Window, seconds: float, *, count: int, since: float = 0.0) -> float:
    """Let the window, in use, see so many answers in a row; return the time."""
    now = since
    for _ in range(count):
        now += seconds
        window.answered(seconds, sent=now - seconds, in_use=True, now=now)
    return now


@pytest.mark.parametrize(
    ("ceiling", "start", "size"),
    [(16, 4, 4), (3, 4, 3), (1, 4, 1), (16, 0.5, 2), (16, 40, 16)],
)
def test_it_starts_within_its_bounds(ceiling: int, start: float, size: float) -> None:
    """It starts as told, but at 2 at least, and never above its ceiling."""
    assert Window(ceiling=ceiling, start=start).size == size


def test_it_ramps_up_while_in_use() -> None:
    """Before the first cut each quick answer adds two, up to the ceiling."""
    window = Window(ceiling=15)
    fed(window, 0.5, count=3)
    assert window.size == 10
    fed(window, 0.5, count=30)
    assert window.size == 15


def test_only_quick_answers_let_it_grow() -> None:
    """An answer that took more than 1.4 times the usual may have queued: it adds nothing."""
    window = Window(ceiling=16)
    fed(window, 0.5, count=1)
    assert window.size == 6
    fed(window, 0.71, count=1, since=1)
    assert window.size == 6
    fed(window, 0.69, count=1, since=2)
    assert window.size == 8


def test_it_rests_while_not_in_use() -> None:
    """Answers to fewer requests than it allows say nothing about more."""
    window = Window(ceiling=16)
    for number in range(40):
        seconds = 0.5 if number < 20 else 5.0
        window.answered(seconds, sent=number, in_use=False, now=number + seconds)
    assert window.size == 4


def test_a_queue_cuts_it_once_a_round_trip() -> None:
    """Latency far above the usual cuts by 0.7; what was asked before that cut proves nothing."""
    window = Window(ceiling=16, start=16)
    now = fed(window, 0.5, count=40)
    for _ in range(40):
        window.answered(3.0, sent=now, in_use=True, now=now + 3.0)
    assert window.size == pytest.approx(16 * 0.7)
    window.answered(3.0, sent=now + 3.1, in_use=True, now=now + 6.1)
    assert window.size == pytest.approx(16 * 0.7**2)


def test_it_grows_slowly_after_a_cut() -> None:
    """After a cut by latency each answer adds 1/W only."""
    window = Window(ceiling=16, start=10)
    now = fed(window, 0.5, count=40)
    window.penalised(frozen_until=0, now=now)
    size = window.size
    fed(window, 0.5, count=1, since=now)
    assert window.size == pytest.approx(size + 1 / size)


def test_slower_answers_stop_growth() -> None:
    """Between 1.7 and 2.5 times the usual latency it neither grows nor shrinks."""
    window = Window(ceiling=16, start=16)
    now = fed(window, 0.5, count=40)
    window.penalised(frozen_until=0, now=now)
    now = fed(window, 1.0, count=30, since=now)
    assert window.size == 8
    fed(window, 0.5, count=1, since=now)
    assert window.size == 8


def test_failures_are_latencies_too() -> None:
    """A slow failure tells of a queue as a slow answer does; a quick one tells nothing."""
    window = Window(ceiling=16, start=8)
    window.failed(0.1)
    now = fed(window, 0.5, count=20)
    window.failed(0.1)
    assert window.round_trip == 0.5
    for _ in range(30):
        window.failed(10.0)
    window.answered(0.5, sent=now + 1, in_use=True, now=now + 1.5)
    assert window.round_trip == 10.0
    assert window.size < 16 * 0.75


def test_a_refusal_cuts_to_what_was_in_flight() -> None:
    """After a 429 the window is what was in flight, 2 at least, and creeps up from there."""
    window = Window(ceiling=16, start=16)
    window.refused(5, now=1)
    assert window.size == 5
    fed(window, 0.5, count=1, since=1)
    assert window.size == pytest.approx(5.05)
    window.refused(0, now=2)
    assert window.size == 2
    assert not window.can_shrink


def test_a_long_pause_halves_and_freezes() -> None:
    """After a long pause half the window is left, which doesn't grow before it is told to."""
    window = Window(ceiling=16, start=16)
    window.penalised(frozen_until=60, now=0)
    now = fed(window, 0.5, count=100)
    assert (now, window.size) == (50, 8)
    fed(window, 0.5, count=40, since=60)
    assert window.size > 8


def test_it_restarts_small_and_fast() -> None:
    """After an outage it is 4 again at most, and grows as at the start."""
    window = Window(ceiling=16, start=16)
    fed(window, 0.5, count=20)
    window.refused(12, now=20)
    window.failed(0.1)
    window.restart()
    assert window.size == 4
    fed(window, 0.5, count=1, since=20)
    assert window.size == 6


@pytest.mark.parametrize(("seconds", "round_trip", "size"), [(0.1, 0.5, 6.0), (10.0, 3.0, 2.0)])
def test_an_outage_is_no_queue(seconds: float, round_trip: float, size: float) -> None:
    """After a host failed at once its last, slow answers are forgotten; else growth is careful."""
    window = Window(ceiling=16, start=16)
    now = fed(window, 0.5, count=40)
    for _ in range(30):
        window.answered(3.0, sent=now - 3.0, in_use=False, now=now)
    window.failed(seconds)
    window.restart()
    fed(window, 0.5, count=1, since=now)
    assert window.round_trip == round_trip
    assert window.latency == pytest.approx(0.5, rel=0.1)
    assert window.size == size


@pytest.mark.parametrize(("usual", "base"), [(None, 2.0), (1.5, 2.0), (0.5, 0.85)])
def test_the_usual_latency_bounds_the_first_guess(usual: float | None, base: float) -> None:
    """Where answers take longer than they used to, the rest may be a queue that others make."""
    window = Window(ceiling=16, usual=usual)
    assert window.latency is None
    fed(window, 2.0, count=16)
    assert window.latency == pytest.approx(base)


@pytest.mark.parametrize("size", [1, 2, 3, 16])
def test_room_is_for_whole_requests(size: int) -> None:
    """There is room while fewer are in flight than whole ones fit."""
    window = Window(ceiling=size, start=size)
    assert window.has_room(size - 1)
    assert not window.has_room(size)


@given(
    st.integers(1, 32),
    st.lists(
        st.tuples(
            st.sampled_from(["answered", "failed", "refused", "restart", "penalised"]),
            st.floats(0, 100),
            st.booleans(),
        ),
        max_size=80,
    ),
)
def test_it_stays_within_its_bounds(ceiling: int, events: list[tuple[str, float, bool]]) -> None:
    """Whatever happens, it is the ceiling at most, and 2 at least where the ceiling is."""
    window, now = Window(ceiling=ceiling), 0.0
    for name, value, in_use in events:
        now += value
        if name == "answered":
            window.answered(value, sent=now - value, in_use=in_use, now=now)
        elif name == "failed":
            window.failed(value)
        elif name == "refused":
            window.refused(int(value), now=now)
        elif name == "restart":
            window.restart()
        else:
            window.penalised(frozen_until=now + value, now=now)
        assert min(2, ceiling) <= window.size <= ceiling
        assert window.round_trip >= 0
