"""Whether and when a page is tried again follows from its signal, its count and chance alone."""

from __future__ import annotations

import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ErrorCode
from manifests.fetch.retry import RetryPolicy
from manifests.fetch.signals import Signal

ILL = Signal(code=ErrorCode.API_ERROR, cause="HTTP 502", status=502, may_retry=True)
REFUSED = Signal(code=ErrorCode.NOT_FOUND, cause="HTTP 404", status=404)

signals = st.builds(
    Signal,
    code=st.sampled_from(ErrorCode),
    may_retry=st.booleans(),
    pause=st.none() | st.floats(0, 1e9),
)
policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 20),
    base=st.floats(0, 60),
    cap=st.floats(0, 60),
    longest_pause=st.floats(0, 3600),
)
chances = st.integers().map(random.Random)


def throttled(pause: float) -> Signal:
    """Return a 429 that announces a pause."""
    return Signal(code=ErrorCode.RATE_LIMIT, cause="HTTP 429", may_retry=True, pause=pause)


@pytest.mark.parametrize(
    ("signal", "attempt", "expected"),
    [
        (REFUSED, 1, False),
        (ILL, 1, True),
        (ILL, 7, True),
        (ILL, 8, False),
        (ILL, 9, False),
        (throttled(0), 1, True),
        (throttled(600), 1, True),
        (throttled(600.5), 1, False),
        (throttled(99999), 1, False),
    ],
)
def test_what_is_tried_again(signal: Signal, attempt: int, *, expected: bool) -> None:
    """A passing failure is tried again until the tries or anyone's patience are used up."""
    assert RetryPolicy().may_retry(signal, attempt=attempt) is expected


@pytest.mark.parametrize(("pause", "expected"), [(None, False), (600, False), (601, True)])
def test_asking_too_much(pause: float | None, *, expected: bool) -> None:
    """Only a pause that was announced can be too long."""
    assert RetryPolicy().asks_too_much(Signal(pause=pause)) is expected


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (20, 10.0)]
)
def test_the_ceiling_doubles_up_to_the_cap(attempt: int, ceiling: float) -> None:
    """Waits spread over the whole range below a ceiling that doubles: full jitter."""
    chance = random.Random(1)
    waits = [RetryPolicy().wait(ILL, attempt=attempt, random=chance) for _ in range(500)]
    assert max(waits) <= ceiling
    assert max(waits) > 0.95 * ceiling
    assert min(waits) < 0.05 * ceiling


def test_a_pause_of_nothing_is_no_order_to_hurry() -> None:
    """`Retry-After: 0` does not make all tries one burst: the usual wait applies."""
    one, other = random.Random(1), random.Random(1)
    policy = RetryPolicy()
    expected = policy.wait(ILL, attempt=3, random=other)
    assert expected > 0
    assert policy.wait(throttled(0), attempt=3, random=one) == expected


@given(policy=policies, signal=signals, attempt=st.integers(1, 30), chance=chances)
def test_every_wait_is_in_its_bounds(
    policy: RetryPolicy, signal: Signal, attempt: int, chance: random.Random
) -> None:
    """An announced pause is kept and at most a tenth longer; any other wait is below the cap."""
    wait = policy.wait(signal, attempt=attempt, random=chance)
    if signal.pause:
        assert signal.pause <= wait <= signal.pause * 1.1 * (1 + 1e-12)
    else:
        assert 0 <= wait <= min(policy.cap, policy.base * 2 ** (attempt - 1))


@given(policy=policies, signal=signals)
def test_tries_are_counted(policy: RetryPolicy, signal: Signal) -> None:
    """A passing failure gets all its tries and no more; a permanent one gets a single try."""
    tries = next(n for n in count(1) if not policy.may_retry(signal, attempt=n))
    is_passing = signal.may_retry and (signal.pause or 0) <= policy.longest_pause
    assert tries == (policy.attempts if is_passing else 1)
