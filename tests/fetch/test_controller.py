"""The controller keeps the books: each page ends once, and each attempt is spoken of once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.fetch.simulation.desk import Desk
from tests.fetch.simulation.upstreams import GOOD, SILENT_REFUSAL, UNAVAILABLE, failure, refusal

from manifests.errors import ErrorCode
from manifests.fetch.controller import SOON
from manifests.fetch.patience import FEWEST, MOST
from manifests.fetch.rescue import PARKED
from manifests.fetch.signals import Quota, Signal
from manifests.fetch.window import FLOOR, RAMP, START
from manifests.fetch.work import LearnedPace

if TYPE_CHECKING:
    from manifests.fetch.work import Start

NOT_FOUND = Signal(code=ErrorCode.NOT_FOUND, cause="HTTP 404", status=404)
CHALLENGE = Signal(code=ErrorCode.CHALLENGE, cause="a challenge", status=403, stops_host=True)
MALFORMED = Signal(code=ErrorCode.MALFORMED_RESPONSE, cause="HTML", status=200, may_retry=True)


def test_it_starts_what_fits() -> None:
    """As many pages start as the window has room for, and the rest wait for an event."""
    desk = Desk()
    desk.want_many(6)
    assert len(desk.decide()) == 4
    assert desk.decide() == []
    state = desk.controller.snapshot(now=0)
    assert (state.in_flight, state.waiting, state.breaker) == (4, 2, "closed")


def test_nothing_to_do_wakes_nobody() -> None:
    """Without work and without attempts only an event can change anything."""
    desk = Desk()
    assert desk.controller.wake_at(now=5) == math.inf
    desk.want()
    assert desk.controller.wake_at(now=5) == pytest.approx(5, abs=1e-5)


def test_a_good_answer_ends_a_page() -> None:
    """A good answer is accepted; the page isn't asked for again, nor the attempt heard again."""
    desk = Desk()
    work = desk.want()
    (start,) = desk.decide()
    assert start.work is work
    assert desk.end(start, after=0.5).accepted
    assert not desk.controller.ended(start.attempt, GOOD, now=1).accepted
    assert desk.wait(200) == []


@pytest.mark.parametrize("signal", [UNAVAILABLE, MALFORMED])
def test_a_failure_is_tried_again_later(signal: Signal) -> None:
    """A failed page goes back to the work, and its slot is free meanwhile."""
    desk = Desk()
    work = desk.want()
    (start,) = desk.decide()
    verdict = desk.end(start, signal)
    assert not verdict.accepted
    assert 0 < verdict.wait <= 1
    assert desk.controller.snapshot(now=0).in_flight == 0
    assert [again.work for again in desk.wait(1)] == [work]


@pytest.mark.parametrize(("seconds", "is_next"), [(0.1, True), (5.0, False)])
def test_a_slow_failure_waits_behind_the_rest(seconds: float, *, is_next: bool) -> None:
    """A page that failed at once has its turn again; one whose failure took long comes last."""
    desk = Desk(cap=1)
    desk.read(64)
    unlucky = desk.want()
    (start,) = desk.decide()
    desk.end(start, UNAVAILABLE, after=seconds)
    desk.want()
    (start,) = desk.decide()
    desk.want()
    desk.end(start, after=1.5)
    (start,) = desk.decide()
    assert (start.work is unlucky) is is_next


def test_tries_end() -> None:
    """A page that fails again and again is given up with what it met last."""
    desk = Desk()
    work = desk.want()
    desk.decide()
    tries = 0
    while desk.under_way:
        desk.end(next(iter(desk.under_way.values())), UNAVAILABLE)
        tries += 1
        desk.wait(10)
    assert 4 <= tries <= 8
    assert [(end.work, end.signal, end.reason) for end in desk.given_up] == [
        (work, UNAVAILABLE, "retries")
    ]


def test_a_permanent_failure_ends_a_page_only() -> None:
    """What a later try would meet again is given up at once, and costs the host nothing."""
    desk = Desk()
    works = desk.want_many(40)
    for _ in works:
        desk.decide()
        desk.end(next(iter(desk.under_way.values())), NOT_FOUND, after=0.1)
    assert {end.reason for end in desk.given_up} == {"permanent"}
    assert len(desk.given_up) == len(works)
    state = desk.controller.snapshot(now=desk.now)
    assert (state.window, state.rate, state.breaker) == (4, None, "closed")


@pytest.mark.parametrize(
    ("signal", "under_way"),
    [
        (CHALLENGE, 3),
        (refusal(pause=3600), 3),
        (failure(503, pause=3600), 3),
        (replace(GOOD, pause=3600, quota=Quota(remaining=0, reset=3600)), 3),
    ],
)
def test_a_host_is_stopped_once_for_all(signal: Signal, under_way: int) -> None:
    """What stops a host gives up all that waits and comes; what is under way may still answer."""
    desk = Desk()
    desk.want_many(10)
    first, *others = desk.decide()
    desk.end(first, signal)
    desk.decide()
    desk.want()
    desk.decide()
    assert {end.reason for end in desk.given_up} == {"stopped"}
    assert len(desk.under_way) == under_way
    assert desk.end(others[0]).accepted
    desk.end(others[1], UNAVAILABLE)
    assert desk.wait(20) == []
    lost = 9 if signal.is_good else 10
    assert len(desk.given_up) == lost - 1


def test_a_used_up_quota_is_said() -> None:
    """A quota that comes back in an hour ends the run of the host, with the reason."""
    desk = Desk()
    desk.want_many(2)
    first, _ = desk.decide()
    desk.want()
    desk.end(first, replace(GOOD, pause=3600, quota=Quota(remaining=0, reset=3600)))
    desk.decide()
    assert desk.given_up[0].signal.code is ErrorCode.RATE_LIMIT
    assert "3600 s" in desk.given_up[0].signal.cause


def test_an_announced_hold_is_kept() -> None:
    """Nothing starts while the host asked to be left alone, whatever it said with."""
    for signal in (refusal(pause=7), failure(503, pause=7)):
        desk = Desk()
        desk.want_many(8)
        first, *others = desk.decide()
        desk.end(first, signal)
        for start in others:
            desk.end(start)
        held = desk.controller.snapshot(now=desk.now).held_until
        assert held is not None
        assert 7 <= held <= 7.7
        assert desk.wait(6.9) == []
        assert desk.wait(1.0) != []


def test_a_used_up_window_is_waited_for() -> None:
    """A 429 with nothing left waits for the reset, and neither slows nor shrinks anything."""
    desk = Desk()
    desk.want_many(4)
    for start in desk.decide():
        desk.end(start, refusal(pause=60, quota=Quota(remaining=0, reset=60)))
    assert desk.wait(59) == []
    assert desk.wait(4) != []
    state = desk.controller.snapshot(now=desk.now)
    assert (state.window, state.rate, state.quota_remaining) == (4, None, 1)


def test_silent_refusals_slow_the_host() -> None:
    """Four listings that meet a 429 hold the host; its pages are asked for again, none is lost."""
    desk = Desk()
    desk.read(4)
    desk.want_many(30)
    desk.decide()
    for start in [*desk.under_way.values()]:
        desk.end(start, SILENT_REFUSAL, after=0.1)
    state = desk.controller.snapshot(now=desk.now)
    assert state.held_until is not None
    assert state.rate is not None
    assert desk.decide() == []
    while len(desk.given_up) == 0 and desk.controller.snapshot(now=desk.now).waiting:
        desk.wait(0.5)
        for start in [*desk.under_way.values()]:
            desk.end(start)
    assert desk.given_up == []


def refuse(desk: Desk, count: int) -> None:
    """Let the attempts that started last be refused, as many."""
    for attempt in sorted(desk.under_way)[-count:]:
        desk.end(desk.under_way[attempt], SILENT_REFUSAL, after=0.01)


def crowd(desk: Desk) -> list[Start]:
    """Let the window be used up; return what is under way, the oldest first."""
    desk.want_many(30)
    desk.wait(1)
    return [desk.under_way[attempt] for attempt in sorted(desk.under_way)]


def test_a_host_that_bears_five_is_asked_five_at_once() -> None:
    """Where all are refused that come on top of five, the window is cut to five, and no rate."""
    desk = Desk(learned=LearnedPace(window=18))
    desk.read(4)
    assert len(crowd(desk)) == 9
    refuse(desk, len(desk.under_way) - 5)
    state = desk.controller.snapshot(now=desk.now)
    assert (state.in_flight, int(state.window), state.rate) == (5, 5, None)


def test_refusals_that_are_no_matter_of_how_many_slow_the_host() -> None:
    """Where some are refused with no more under way than others were let in with, R is cut."""
    desk = Desk()
    desk.read(4)
    for start in crowd(desk):
        desk.end(start, after=0.01)
    crowd(desk)
    size = desk.controller.snapshot(now=desk.now).window
    refuse(desk, 4)
    state = desk.controller.snapshot(now=desk.now)
    assert state.rate is not None
    assert state.window == size


def test_a_host_that_only_refuses_is_given_up() -> None:
    """After two minutes of nothing but 429s all is given up, at the cost of few requests."""
    desk = Desk()
    desk.want_many(100)
    desk.decide()
    requests = 0
    while not desk.given_up and desk.now < 300:
        for start in [*desk.under_way.values()]:
            desk.end(start, SILENT_REFUSAL)
            requests += 1
        desk.wait(0.5)
    assert 115 <= desk.now <= 135
    assert requests <= 60
    assert {end.reason for end in desk.given_up} == {"circuit"}


def test_a_dead_host_is_given_up_and_asked_again_later() -> None:
    """After 120 s all is given up; new work is refused at once, but once a minute one may ask."""
    desk = Desk()
    desk.want_many(50)
    desk.decide()
    while desk.controller.snapshot(now=desk.now).waiting or desk.under_way:
        for start in [*desk.under_way.values()]:
            desk.end(start, UNAVAILABLE, after=0.1)
        desk.wait(0.5)
    assert desk.now <= 126
    assert {end.reason for end in desk.given_up} == {"circuit"}
    desk.given_up.clear()
    desk.want()
    assert desk.decide() == []
    assert len(desk.given_up) == 1
    desk.now += 60
    desk.want()
    (probe,) = desk.decide()
    assert desk.end(probe).accepted
    desk.want_many(2)
    assert len(desk.decide()) == 2


def test_a_dead_host_was_never_heard() -> None:
    """A page that never met anything is given up with the state of the host as its reason."""
    desk = Desk()
    desk.want_many(5)
    desk.decide()
    for start in [*desk.under_way.values()]:
        desk.end(start, UNAVAILABLE)
    untried = desk.want()
    while not desk.given_up:
        for start in [*desk.under_way.values()]:
            desk.end(start, UNAVAILABLE)
        desk.wait(1)
    signals = {end.work: end.signal.code for end in desk.given_up}
    assert signals[untried] in {ErrorCode.API_ERROR, ErrorCode.CIRCUIT_OPEN}


def test_the_first_good_answer_wins() -> None:
    """An overdue attempt is parked and copied; when one answers, the other is abandoned."""
    desk = Desk()
    desk.read(12)
    desk.want()
    (original,) = desk.decide()
    desk.read(1, seconds=1)
    (copy,) = desk.wait(1.5)
    state = desk.controller.snapshot(now=desk.now)
    assert (state.in_flight, state.parked) == (1, 1)
    verdict = desk.end(copy)
    assert verdict.accepted
    assert [abandon.attempt for abandon in verdict.abandon] == [original.attempt]
    assert desk.under_way == {}
    assert desk.controller.snapshot(now=desk.now).parked == 0


def test_parks_are_few() -> None:
    """At most eight attempts are listened to beside the window, and three are of one page."""
    desk = Desk()
    desk.read(64)
    works = desk.want_many(30)
    for _ in range(100):
        desk.wait(0.3)
        answered = [start for start in desk.under_way.values() if start.work.key > 90]
        for start in answered:
            desk.end(start)
        state = desk.controller.snapshot(now=desk.now)
        assert state.parked <= 8
        assert state.in_flight <= 16
        for work in works:
            assert sum(start.work is work for start in desk.under_way.values()) <= 3


def test_where_copies_win_the_youngest_is_replaced() -> None:
    """Of three late attempts of a page the youngest makes room; the first would answer first."""
    desk = Desk()
    desk.read(64)
    for _ in range(4):
        desk.want()
        desk.decide()
        desk.read(1, seconds=1)
        (copy,) = desk.wait(1.5)
        desk.end(copy)
    stuck = desk.want()
    (first,) = desk.decide()
    desk.wait(8)
    attempts = [start.attempt for start in desk.under_way.values() if start.work is stuck]
    assert first.attempt in attempts
    assert len(attempts) == 3


def test_a_slow_page_keeps_its_first_attempt() -> None:
    """When parks are full, copies that are late too make room, not any page's oldest attempt."""
    desk = Desk(learned=LearnedPace(window=32))
    desk.read(64)
    for _ in range(8):
        desk.want()
        desk.decide()
        desk.read(1, seconds=1)
        (copy,) = desk.wait(1.5)
        desk.end(copy)
    firsts: set[int] = set()
    for count in (4, 1):
        desk.want_many(count)
        firsts |= {start.attempt for start in desk.decide()}
        for _ in range(9):
            quick = desk.want()
            desk.wait(1)
            for start in [*desk.under_way.values()]:
                if start.work is quick:
                    desk.end(start)
        assert firsts <= set(desk.under_way)
        assert desk.controller.snapshot(now=desk.now).parked == PARKED


def test_what_was_parked_in_an_outage_is_copied_after_it() -> None:
    """While the breaker is open nothing is copied; when it closes, what hangs is."""
    desk = Desk()
    desk.read(64)
    desk.want_many(60)
    desk.decide()
    while desk.controller.snapshot(now=desk.now).breaker == "closed":
        desk.wait(0.1)
    (probe,) = desk.wait(1)
    hanging = {start.work for start in desk.under_way.values()}
    desk.end(probe)
    assert {start.work for start in desk.wait(1)} & hanging


def test_a_host_that_hangs_does_not_hold_everything() -> None:
    """When all parks hang with their host, the oldest make room, and no page is lost by that."""
    desk = Desk(cap=4)
    desk.read(64)
    desk.want_many(20)
    assert len(desk.wait(60)) > 12
    assert len(desk.under_way) <= 12
    accepted = 0
    for _ in range(60):
        for start in [*desk.under_way.values()]:
            if start.attempt in desk.under_way:
                accepted += desk.end(start).accepted
        desk.wait(1)
    assert desk.given_up == []
    assert desk.controller.snapshot(now=desk.now).waiting == 0
    assert accepted == 20


def test_a_withdrawn_page_is_forgotten() -> None:
    """Whoever waited is gone: attempts are abandoned, and the page doesn't come back."""
    desk = Desk()
    flying, waiting = desk.want(), desk.want()
    (start, _) = desk.decide()
    abandoned = desk.controller.withdraw(flying, now=1)
    assert [abandon.attempt for abandon in abandoned] == [start.attempt]
    assert len(desk.controller.withdraw(waiting, now=1)) == 1
    assert desk.controller.withdraw(waiting, now=1) == ()
    assert desk.controller.wake_at(now=1) == math.inf


def test_a_withdrawn_probe_lets_another_go() -> None:
    """A host isn't shut for ever because nobody waits for its probe any more."""
    desk = Desk()
    desk.want_many(20)
    while desk.controller.snapshot(now=desk.now).breaker == "closed":
        desk.decide()
        desk.end(next(iter(desk.under_way.values())), UNAVAILABLE, after=0.1)
    for start in [*desk.under_way.values()]:
        desk.end(start, UNAVAILABLE)
    (probe,) = desk.wait(1.5)
    desk.controller.withdraw(probe.work, now=desk.now)
    (other,) = desk.decide()
    assert other.work is not probe.work


def test_what_was_learned_is_used_cautiously() -> None:
    """A run starts with half the window of the last, or 4, within its own ceiling."""
    desk = Desk()
    desk.read(12)
    desk.want_many(200)
    while desk.controller.snapshot(now=desk.now).waiting:
        desk.decide()
        desk.end(next(iter(desk.under_way.values())), after=0.05)
    learned = desk.controller.learned()
    assert learned.window > 8
    assert learned.latency is not None
    again = Desk(learned=learned)
    assert again.controller.snapshot(now=0).window == learned.window / 2
    for window, start in ((6, 4), (3, 3), (16, 8)):
        slow = Desk(learned=LearnedPace(window=window))
        assert slow.controller.snapshot(now=0).window == start
    small = Desk(cap=3, learned=LearnedPace(window=16, rate=5))
    assert small.controller.snapshot(now=0).window == 3
    assert small.controller.snapshot(now=0).rate == 5


def test_the_quota_is_told() -> None:
    """Progress learns what is left and until when, as soon as the host says so."""
    desk = Desk()
    desk.want()
    (start,) = desk.decide()
    desk.end(start, replace(GOOD, quota=Quota(remaining=7, reset=30)), after=1)
    state = desk.controller.snapshot(now=1)
    assert (state.quota_remaining, state.quota_reset) == (7, 31)


def test_pages_that_only_come_late_come_at_last() -> None:
    """Where only slow pages are left, they make room for each other a few times, not for ever."""
    desk = Desk(cap=8)
    desk.read(60)
    desk.want_many(9)
    desk.decide()
    settled, before = 0, len(desk.sent)
    while settled < 9:
        assert desk.now < 600, "it never ends"
        desk.wait(1.0)
        for start in [*desk.under_way.values()]:
            if start.attempt in desk.under_way and desk.now - desk.sent[start.attempt] >= 30:
                settled += desk.end(start).accepted
    assert len(desk.sent) - before <= 9 * 8


def test_many_pages_get_more_tries() -> None:
    """Where a fifth of all fails, one page of hundreds is tried more often than the fewest."""
    desk = Desk()
    stuck = desk.want()
    desk.want_many(300)
    answers = tries = 0
    while not desk.given_up:
        desk.wait(1)
        for start in [*desk.under_way.values()]:
            answers += 1
            tries += start.work is stuck
            is_bad = start.work is stuck or answers % 5 == 0
            desk.end(start, UNAVAILABLE if is_bad else GOOD, after=0.01)
    assert desk.given_up[0].work is stuck
    assert tries == MOST


@pytest.mark.parametrize(("pages", "appetite"), [(0, 0), (1, 1), (3, 3), (9, 4)])
def test_what_could_start_now_is_asked_for(pages: int, appetite: int) -> None:
    """As many as wait, and as fit into the window beside those under way."""
    desk = Desk()
    desk.want_many(pages)
    assert desk.controller.appetite(now=0) == appetite
    starts = desk.decide()
    assert desk.controller.appetite(now=0) == 0
    if pages > 4:
        desk.end(starts[0], NOT_FOUND)
        assert desk.controller.appetite(now=desk.now) == 1


def test_what_may_not_start_soon_is_not_asked_for() -> None:
    """Neither for a page that waits for its next try, nor while the host is to be left alone."""
    desk = Desk()
    desk.want()
    (start,) = desk.decide()
    wait = desk.end(start, UNAVAILABLE).wait
    assert wait > SOON
    assert desk.controller.appetite(now=wait - SOON - 0.01) == 0
    assert desk.controller.appetite(now=wait - SOON + 0.01) == 1

    held = Desk()
    held.want_many(2)
    first, _ = held.decide()
    held.end(first, refusal(pause=7))
    until = held.controller.snapshot(now=held.now).held_until
    assert until is not None
    assert held.controller.appetite(now=until - SOON - 0.01) == 0
    assert held.controller.appetite(now=until) == 1


def test_the_rate_of_all_is_gone_by() -> None:
    """A controller takes over the rate of a shared budget, and keeps its own where none is told."""
    desk = Desk()
    desk.controller.go_by(2.0)
    assert desk.controller.snapshot(now=desk.now).rate == 2.0
    desk.controller.go_by(None)
    assert desk.controller.snapshot(now=desk.now).rate == 2.0


def test_attempts_under_way_count_as_tries() -> None:
    """A page whose copies fail one after the other has no more attempts than any other page."""
    desk = Desk()
    desk.read(400, seconds=0.05)
    stuck = desk.want()
    (original,) = desk.decide()
    attempts = 1
    for _ in range(200):
        for start in [*desk.under_way.values()]:
            if start is not original:
                attempts += 1
                desk.end(start, UNAVAILABLE)
        desk.read(1, seconds=0.05)
        desk.wait(0.5)
    assert attempts == FEWEST
    assert desk.given_up == []
    desk.end(original, UNAVAILABLE)
    assert [end.work for end in desk.given_up] == [stuck]


def ill(desk: Desk, *, seconds: float) -> Start:
    """Let five listings fail after so long each; return the first probe."""
    desk.want_many(60)
    while desk.controller.snapshot(now=desk.now).breaker == "closed":
        desk.decide()
        desk.end(next(iter(desk.under_way.values())), UNAVAILABLE, after=seconds)
    for start in [*desk.under_way.values()]:
        desk.end(start, UNAVAILABLE)
    (probe,) = desk.wait(1.5)
    return probe


@pytest.mark.parametrize(("seconds", "window"), [(0.01, START), (5.0, FLOOR)])
@pytest.mark.parametrize("signal", [GOOD, SILENT_REFUSAL])
def test_a_host_that_is_well_again_is_asked_with_care(
    signal: Signal, seconds: float, window: float
) -> None:
    """The window begins small: the smallest where it failed slowly, as it may have been us."""
    desk = Desk(learned=LearnedPace(window=32))
    desk.read(16, seconds=0.5)
    probe = ill(desk, seconds=seconds)
    assert desk.controller.snapshot(now=desk.now).window > START
    desk.end(probe, signal, after=0.1)
    state = desk.controller.snapshot(now=desk.now)
    assert state.breaker == "closed"
    assert window <= state.window <= window + RAMP


def test_after_a_long_pause_the_window_keeps_its_size() -> None:
    """It is halved, and grows again only when twice the pause has passed."""
    desk = Desk(learned=LearnedPace(window=16))
    desk.read(32, seconds=0.5)
    desk.want_many(4000)
    desk.decide()
    before = desk.controller.snapshot(now=desk.now).window
    began = desk.now
    desk.end(next(iter(desk.under_way.values())), refusal(pause=20))
    sizes: dict[bool, set[float]] = {True: set(), False: set()}
    while desk.controller.snapshot(now=desk.now).waiting:
        desk.wait(0.3)
        for start in [*desk.under_way.values()]:
            desk.end(start, after=0.05)
        state = desk.controller.snapshot(now=desk.now)
        sizes[desk.now < began + 40].add(state.window)
    assert sizes[True] == {before / 2}
    assert max(sizes[False]) > before / 2
