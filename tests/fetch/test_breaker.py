"""The breaker opens by the share of failures of several listings, probes, and knows death."""

from __future__ import annotations

import math

import pytest

from manifests.fetch.breaker import Breaker


def opened(*, at: float = 0.0) -> Breaker:
    """Return a breaker that five listings opened."""
    breaker = Breaker()
    for job in range(5):
        breaker.failed(job, is_probe=False, sent=at, now=at)
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "is_open"),
    [
        ("FFFFF", True),
        ("FFFF", False),
        ("GGGFFFFF", True),
        ("GGGGFFFFF", False),
        ("GGGGFFFFFF", True),
        ("GGGGGGFFFFFFFFF", True),
        ("FFFFF" + "G" * 16, True),
        ("FGGFGFGFGFGFGG", False),
    ],
)
def test_it_opens_by_share(outcomes: str, *, is_open: bool) -> None:
    """It opens once 60 % of the last 10 outcomes are failures, and at least 5."""
    breaker, was_open = Breaker(), False
    for job, outcome in enumerate(outcomes):
        if outcome == "F":
            breaker.failed(job, is_probe=False, sent=job, now=job)
        else:
            breaker.answered(job, sent=job)
        was_open = was_open or breaker.is_open
    assert was_open is is_open


def test_one_poisoned_listing_opens_nothing() -> None:
    """However often four listings fail, they are not the host."""
    breaker = Breaker()
    for number in range(100):
        breaker.failed(number % 4, is_probe=False, sent=number, now=number)
    assert breaker.state == "closed"
    assert breaker.opens_at() == -math.inf


def test_probes_go_out_one_by_one() -> None:
    """Single probes go out after 1, 2, 4, 5, 5 s; while one is under way nothing else starts."""
    breaker, now, waits, states = opened(), 0.0, [], []
    for _ in range(5):
        states.append(breaker.state)
        waits.append(breaker.opens_at() - now)
        now = breaker.opens_at()
        breaker.probing()
        states.append(breaker.state)
        assert breaker.opens_at() == math.inf
        breaker.failed(9, is_probe=True, sent=now, now=now)
    assert waits == [1, 2, 4, 5, 5]
    assert states == ["open", "half-open"] * 5


def test_good_answers_of_before_are_old_news() -> None:
    """What was sent before the failures says nothing for the host, however late it is answered."""
    breaker = Breaker()
    for job in range(5):
        breaker.failed(job, is_probe=False, sent=10 + job, now=20)
        breaker.answered(90 + job, sent=job)
    assert not breaker.is_open
    breaker.failed(5, is_probe=False, sent=15, now=20)
    assert breaker.is_open


@pytest.mark.parametrize("is_good", [True, False])
def test_any_answer_closes_it(*, is_good: bool) -> None:
    """A good answer closes it, and so does any other that shows the host alive."""
    breaker = opened()
    assert breaker.answered(1, sent=1) if is_good else breaker.refused()
    assert breaker.state == "closed"
    assert not breaker.refused()


def test_what_was_asked_for_before_does_not_close_it() -> None:
    """A good answer to a request from before it opened tells how the host was, not how it is."""
    breaker = opened(at=10)
    assert not breaker.answered(1, sent=9)
    assert breaker.is_open
    assert breaker.answered(1, sent=11)
    assert not breaker.is_open


def test_failures_of_before_do_not_count_twice() -> None:
    """While it is open only its probe's failure counts; closed again it starts from nothing."""
    breaker = opened()
    probe_at = breaker.probe_at
    for job in range(20):
        breaker.failed(job, is_probe=False, sent=0.5, now=0.5)
    assert breaker.probe_at == probe_at
    breaker.answered(1, sent=0)
    for job in range(4):
        breaker.failed(job, is_probe=False, sent=2, now=2)
    assert breaker.state == "closed"


def test_a_probe_taken_back_is_replaced_at_once() -> None:
    """When nobody waits for the probe's page any more, another may go."""
    breaker = opened()
    breaker.probing()
    breaker.probe_lost(now=1.5)
    assert breaker.opens_at() == 1.5


def test_it_dies_after_two_minutes() -> None:
    """Without one success in 120 s the host is dead; once a minute a probe may ask again."""
    breaker = opened(at=10)
    assert breaker.dies_at(now=10) == math.inf
    breaker.probing()
    breaker.failed(9, is_probe=True, sent=129, now=129)
    assert breaker.dies_at(now=129) == 130
    assert breaker.dies_at(now=breaker.probe_at) == math.inf
    breaker.probing()
    assert breaker.dies_at(now=131) == math.inf
    breaker.failed(9, is_probe=True, sent=135, now=135)
    assert breaker.dies_at(now=135) <= 135
    assert breaker.probe_at == 195


@pytest.mark.parametrize(
    ("now", "limit"),
    [(10.0, 120.0), (100.0, 30.0), (129.0, 5.0), (130.0, math.inf), (131.0, math.inf)],
)
def test_a_probe_does_not_outlast_the_patience(now: float, limit: float) -> None:
    """A probe may take what is left of the 120 s; afterwards as long as any other attempt."""
    assert opened(at=10).time_limit(now=now) == limit
    assert Breaker().time_limit(now=now) == math.inf


def test_the_clock_may_begin_anywhere() -> None:
    """Only what passed since the first failure counts: a host just found ill is no dead one."""
    breaker = opened(at=5000)
    assert breaker.opens_at() == 5001
    assert breaker.time_limit(now=5001) == 119


def test_a_success_resets_the_patience() -> None:
    """The 120 s begin with the first failure after the last success."""
    breaker = opened(at=10)
    breaker.answered(1, sent=0)
    for job in range(5):
        breaker.failed(job, is_probe=False, sent=100, now=100)
    breaker.failed(9, is_probe=True, sent=128, now=128)
    assert breaker.dies_at(now=128) == math.inf
