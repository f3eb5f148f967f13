"""A counted quota is spent to the last request, and never overdrawn."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.quota import QuotaGate
from manifests.fetch.signals import Quota


def new_gate(*seen: tuple[float, int, float]) -> QuotaGate:
    """Return a gate that read so much as left, at such a time, until such a reset."""
    gate = QuotaGate(random=random.Random(1))
    for now, remaining, reset in seen:
        gate.started(now=now)
        gate.observe(Quota(remaining=remaining, reset=reset), sent=now, now=now)
    return gate


def test_a_host_that_counts_nothing_holds_nothing() -> None:
    """Without a RateLimit header there is no quota to keep."""
    gate = new_gate()
    gate.lost()
    assert gate.remaining is None
    assert gate.opens_at(in_flight=100, waiting=1000, now=5) == -math.inf
    assert gate.spares(in_flight=100, waiting=1000)


@pytest.mark.parametrize(
    ("in_flight", "waiting", "opens"), [(0, 1, True), (9, 1, True), (10, 1, False), (10, 0, False)]
)
def test_what_is_in_flight_is_spent(in_flight: int, waiting: int, *, opens: bool) -> None:
    """Starts allowed are what is left less what is in flight; then the reset is waited for."""
    gate = new_gate((0, 10, 100))
    at = gate.opens_at(in_flight=in_flight, waiting=waiting, now=1)
    assert (at <= 1) is opens
    assert opens or 100 <= at <= 102


def test_the_lowest_count_holds() -> None:
    """Answers may overtake each other: an older, higher count doesn't raise what is left."""
    assert new_gate((0, 10, 100), (1, 7, 99), (2, 9, 98)).remaining == 7


def test_what_ends_without_a_word_is_spent() -> None:
    """An attempt that was abandoned or broke off may have been counted."""
    gate = new_gate((0, 2, 100))
    for _ in range(3):
        gate.lost()
    assert gate.remaining == 0


def test_a_new_window_is_believed_to_be_as_large() -> None:
    """After the reset as much is allowed as was ever seen, until an answer tells."""
    gate = new_gate((0, 300, 20), (10, 0, 10))
    assert gate.opens_at(in_flight=0, waiting=5, now=19) >= 20
    assert gate.opens_at(in_flight=0, waiting=5, now=23) == -math.inf
    assert gate.remaining == 301
    gate.observe(Quota(remaining=499, reset=300), sent=23, now=24)
    assert (gate.remaining, gate.reset_at) == (499, 324)


@pytest.mark.parametrize(("reset", "most"), [(1.0, 0.1), (10.0, 1.0), (20.0, 2.0), (300.0, 2.0)])
def test_a_fleet_returns_spread_over_a_moment(reset: float, most: float) -> None:
    """Each waits a little longer than the reset: up to a tenth of the wait, and 2 s at most."""
    waits = []
    for seed in range(50):
        gate = QuotaGate(random=random.Random(seed))
        gate.started(now=0)
        gate.observe(Quota(remaining=0, reset=reset), sent=0, now=0)
        waits.append(gate.opens_at(in_flight=0, waiting=1, now=0.5) - reset)
    assert 0 <= min(waits) < most / 4
    assert most * 3 / 4 < max(waits) <= most


def test_a_new_window_is_believed_to_be_as_long() -> None:
    """After the reset the next one is as far away as the first was, until an answer tells."""
    gate = new_gate((0, 0, 60))
    assert gate.opens_at(in_flight=0, waiting=1, now=63) == -math.inf
    gate.lost()
    assert 123 <= gate.opens_at(in_flight=0, waiting=1, now=64) <= 125


def test_an_answer_may_prove_that_a_new_window_began() -> None:
    """What is counted before the known reset, which is rounded up, is spent of the new window."""
    gate = new_gate((5.9, 30, 1), (6.2, 3, 2))
    assert (gate.remaining, gate.reset_at) == (3, 8.2)
    gate.observe(Quota(remaining=29, reset=1), sent=5.95, now=6.3)
    assert gate.remaining == 2, "it may have been counted in the new one"
    assert gate.opens_at(in_flight=2, waiting=5, now=7.5) >= 8.2


def test_a_window_that_began_empty_lets_one_ask() -> None:
    """Where nothing was ever seen left, a single request asks after the reset."""
    gate = new_gate((0, 0, 10))
    assert gate.opens_at(in_flight=0, waiting=5, now=12) <= 12
    assert gate.opens_at(in_flight=1, waiting=4, now=12) > 12


def test_too_small_a_rest_is_spent_evenly() -> None:
    """When more pages wait than requests are left, the starts are spread over the time."""
    gate = new_gate((0, 100, 110))
    starts, now = 0, 0.0
    for left in range(99, -1, -1):
        now = max(now, gate.opens_at(in_flight=0, waiting=1000, now=now))
        gate.started(now=now)
        gate.observe(Quota(remaining=left, reset=110 - now), sent=now, now=now)
        starts += now < 50
    assert 40 <= starts <= 60
    assert 90 <= now <= 110


def test_enough_is_not_spread() -> None:
    """When the pages that wait need no more than is left, nothing waits."""
    gate = new_gate((0, 100, 110))
    assert gate.opens_at(in_flight=0, waiting=100, now=1) == -math.inf


@pytest.mark.parametrize(
    ("in_flight", "waiting", "spares"), [(0, 9, True), (0, 10, False), (5, 4, True), (5, 5, False)]
)
def test_a_copy_must_cost_no_page(in_flight: int, waiting: int, *, spares: bool) -> None:
    """A request beside those needed is spared only where one is left over."""
    assert new_gate((0, 10, 100)).spares(in_flight=in_flight, waiting=waiting) is spares


def test_a_reserve_is_kept_where_others_share() -> None:
    """When more is gone than we sent, a twentieth of the quota is left to the others."""
    alone = new_gate(*((now, 499 - now, 300 - now) for now in range(100)))
    assert alone.left(in_flight=0) == 400
    shared = new_gate(*((now, 499 - 2 * now, 300 - now) for now in range(100)))
    assert shared.left(in_flight=0) == 499 - 198 - 25


@pytest.mark.parametrize(("remaining", "left"), [(18, 18), (17, 17), (16, 15)])
def test_who_shares_is_told_by_more_than_a_twentieth(remaining: int, left: int) -> None:
    """Our own start counts, and one request of twenty may be anything: the second is another's."""
    assert new_gate((0, 19, 100), (1, remaining, 99)).left(in_flight=0) == left


@given(
    st.integers(1, 40),
    st.floats(1, 300),
    st.integers(0),
    st.lists(st.tuples(st.floats(0, 0.3) | st.floats(0, 20), st.booleans()), max_size=150),
)
def test_a_quota_is_never_overdrawn(
    size: int, first_reset: float, seed: int, steps: list[tuple[float, bool]]
) -> None:
    """However requests and answers mix, no window is asked for more than it has, once known."""
    gate, rng = QuotaGate(random=random.Random(seed)), random.Random(seed)
    now, reset, used, known = 0.0, first_reset, 0, False
    flying: list[tuple[float, Quota]] = []
    for passed, starts in steps:
        now += passed
        if now >= reset:
            reset += 300 * (1 + (now - reset) // 300)
            used, known = 0, known and gate.remaining is not None
        if starts and (known or not flying):
            if gate.opens_at(in_flight=len(flying), waiting=5, now=now) <= now:
                gate.started(now=now)
                used += 1
                assert used <= size
                left = Quota(remaining=size - used, reset=float(math.ceil(reset - now)))
                flying.append((now, left))
        elif flying:
            sent, left = flying.pop(rng.randrange(len(flying)))
            gate.observe(left, sent=sent, now=now)
            known = True
