"""A 429 is the host's or the page's; the host's hold it back, and slow it down."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.throttle import Throttle, lengthened


def new_throttle(*, rate: float | None = None) -> Throttle:
    """Return a throttle that has seen nothing."""
    return Throttle(random=random.Random(1), rate=rate)


@given(st.floats(0, 10_000), st.integers(0))
def test_a_pause_is_never_shortened(seconds: float, seed: int) -> None:
    """An announced pause is kept, and lengthened by a tenth or 2 s at most."""
    longer = lengthened(seconds, random.Random(seed))
    assert seconds <= longer <= seconds + min(2, 0.1 * seconds) + 1e-9


def test_four_listings_bear_witness() -> None:
    """Three listings may be refused for their own sake; the fourth shows that it is the host."""
    throttle = new_throttle()
    verdicts = [throttle.is_hosts(job, is_witness=True, active=50) for job in (1, 1, 2, 3, 4, 1)]
    assert verdicts == [False, False, False, False, True, True]


def test_witnesses_are_forgotten() -> None:
    """Refusals with 16 other answers between them are no witnesses for each other."""
    throttle = new_throttle()
    for job in range(20):
        assert not throttle.is_hosts(job, is_witness=True, active=50)
        for _ in range(8):
            throttle.accepted(now=job)
            throttle.failed()


def test_a_host_that_refused_is_known() -> None:
    """Once it is known that the host refuses, a single witness will do for the rest of the run."""
    throttle = new_throttle()
    for job in range(4):
        throttle.is_hosts(job, is_witness=True, active=50)
    for _ in range(300):
        throttle.accepted(now=1)
    assert throttle.is_hosts(7, is_witness=True, active=50)
    assert not throttle.is_hosts(7, is_witness=False, active=50)


@pytest.mark.parametrize(("active", "is_hosts"), [(0, True), (1, True), (2, False)])
def test_few_pages_need_few_witnesses(active: int, *, is_hosts: bool) -> None:
    """Where fewer than four pages are wanted, all of them are enough."""
    assert new_throttle().is_hosts(1, is_witness=True, active=active) is is_hosts


def test_unannounced_holds_double() -> None:
    """Holds last 0.25 s, then twice as long each time up to 10 s, until an answer is good."""
    throttle, now, holds = new_throttle(), 0.0, []
    for _ in range(8):
        assert throttle.hold(None, sent=now, now=now + 0.1)
        now += 0.1
        holds.append(throttle.held_until - now)
        now = throttle.held_until
    assert holds == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 10, 10])
    throttle.accepted(now=now)
    throttle.hold(None, sent=now, now=now)
    assert throttle.held_until - now == pytest.approx(0.25)


def test_refusals_of_one_round_trip_count_once() -> None:
    """What was sent before the hold began can't have known of it."""
    throttle = new_throttle()
    assert throttle.hold(None, sent=0, now=1)
    assert not throttle.hold(None, sent=0.9, now=1.1)
    assert not throttle.hold(None, sent=1, now=1.1)
    assert throttle.held_until == 1.25


def test_announced_holds_are_kept_and_never_shortened() -> None:
    """The host is left alone for what it announced; a later, shorter word doesn't open it."""
    throttle = new_throttle()
    throttle.hold(30, sent=0, now=1)
    until = throttle.held_until
    assert 31 <= until <= 33
    throttle.hold(2, sent=0.5, now=2)
    assert throttle.opens_at() == until
    throttle.hold(40, sent=0.5, now=3)
    assert throttle.opens_at() >= 43


def test_the_rate_is_that_of_what_was_accepted() -> None:
    """R becomes nine tenths of the good answers a second of the last 3 s, if there are any."""
    throttle = new_throttle()
    throttle.started(now=0)
    for number in range(100):
        throttle.accepted(now=number / 10)
    assert throttle.slow_down(now=9.9)
    assert throttle.rate == pytest.approx(0.9 * 10, rel=0.05)
    rate = throttle.rate
    assert not throttle.slow_down(now=60)
    assert throttle.rate == rate


def test_a_lull_is_no_limit() -> None:
    """A refusal after a time in which little was asked cuts R by three tenths, not to nothing."""
    throttle = new_throttle(rate=10)
    throttle.started(now=0)
    throttle.accepted(now=9)
    before = throttle.rate or 0
    assert throttle.slow_down(now=10)
    assert throttle.rate == pytest.approx(0.7 * before)


def test_a_young_run_is_measured_by_its_age() -> None:
    """In the first 3 s the rate is that of the time that has passed."""
    throttle = new_throttle()
    throttle.started(now=5)
    for _ in range(8):
        throttle.accepted(now=6)
    throttle.slow_down(now=7)
    assert throttle.rate == 0.9 * 4


def test_the_rate_spaces_the_starts() -> None:
    """With R starts come 1/R apart; time that was not used saves up for one start only."""
    throttle = new_throttle(rate=4)
    opens = []
    for _ in range(4):
        throttle.started(now=10)
        opens.append(throttle.opens_at())
    assert opens == [10, 10.25, 10.5, 10.75]


def test_the_rate_recovers() -> None:
    """R grows by 1 % a second of good answers, however many there are in it."""
    throttle = new_throttle(rate=10)
    for number in range(200):
        throttle.accepted(now=number / 10)
    assert throttle.rate == pytest.approx(10 * 1.01 * math.exp(0.01 * 19.9), rel=0.01)


def test_a_long_pause_slows_for_long() -> None:
    """After a long pause R is nine tenths of the last 10 s, and rests for the pause again."""
    throttle = new_throttle()
    for number in range(50):
        throttle.accepted(now=95 + number / 10)
    throttle.slow_down_for_long(now=100, pause=30)
    assert throttle.rate == 4.5
    throttle.accepted(now=159)
    assert throttle.rate == 4.5
    throttle.accepted(now=161)
    assert throttle.rate > 4.5


def test_a_long_pause_at_once_teaches_no_rate() -> None:
    """A host that was shut from the start hasn't said how fast it may be asked."""
    throttle = new_throttle()
    throttle.slow_down_for_long(now=1, pause=300)
    assert throttle.rate is None


@pytest.mark.parametrize(("learned", "rate"), [(None, None), (7.0, 7.0), (0.2, 1.0)])
def test_a_learned_rate_is_a_start(learned: float | None, rate: float | None) -> None:
    """What was learned in the last run is where this one starts, but not at a crawl."""
    assert new_throttle(rate=learned).rate == rate


def test_two_minutes_of_refusals_are_enough() -> None:
    """A host that refuses everything for 120 s isn't waited for, as long as it is held."""
    throttle, now = new_throttle(), 0.0
    while now < 115:
        throttle.hold(None, sent=now, now=now)
        assert throttle.hopeless_at(now=now) == math.inf or now > 110
        now = throttle.held_until
    throttle.hold(None, sent=now, now=now)
    assert throttle.hopeless_at(now=now) == 120
    assert throttle.hopeless_at(now=throttle.held_until) == math.inf
    throttle.accepted(now=now)
    assert throttle.hopeless_at(now=now) == math.inf


def test_an_announced_pause_is_waited_for() -> None:
    """Patience begins at the end of what was announced, however long that is."""
    throttle = new_throttle()
    throttle.hold(500, sent=0, now=1)
    assert throttle.hopeless_at(now=400) == math.inf
