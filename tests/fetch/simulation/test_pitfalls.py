"""Eleven mistakes that the study met on its way are not made here."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from tests.fetch.simulation.desk import Desk
from tests.fetch.simulation.measure import judge, new_controller, play
from tests.fetch.simulation.simulator import Host, run
from tests.fetch.simulation.upstreams import (
    GATEWAY_TIMEOUT,
    SILENT_REFUSAL,
    UNAVAILABLE,
    Counted,
    Healthy,
)
from tests.fetch.simulation.worlds import Chance, build, latencies, singles

from manifests.fetch.patience import REFUSED
from manifests.fetch.quota import QuotaGate
from manifests.fetch.signals import Quota
from manifests.fetch.window import Window

if TYPE_CHECKING:
    from manifests.fetch.work import Start


def ill_host() -> tuple[Desk, Start]:
    """Return a host that was well, then failed five listings, and the first probe of it."""
    desk = Desk()
    desk.read(12)
    desk.want_many(20)
    while desk.controller.snapshot(now=desk.now).breaker == "closed":
        desk.decide()
        desk.end(next(iter(desk.under_way.values())), UNAVAILABLE, after=0.1)
    for start in [*desk.under_way.values()]:
        desk.end(start, UNAVAILABLE)
    (probe,) = desk.wait(1.5)
    return desk, probe


def test_any_answer_ends_a_probe() -> None:
    """1. A probe that meets a 429 closes the breaker: a host that refuses is alive."""
    desk, probe = ill_host()
    assert desk.controller.snapshot(now=desk.now).breaker == "half-open"
    desk.end(probe, SILENT_REFUSAL)
    assert desk.controller.snapshot(now=desk.now).breaker == "closed"
    assert len(desk.wait(1)) > 1


def test_a_probe_is_a_page_that_never_failed() -> None:
    """2. No probe repeats a page that failed, so that a poisoned one can't keep a host shut."""
    desk, probe = ill_host()
    probed = [probe.work]
    for _ in range(5):
        desk.end(probe, UNAVAILABLE, after=0.1)
        (probe,) = desk.wait(6)[:1]
        probed.append(probe.work)
    assert len(set(probed)) == 6


def test_a_probe_has_a_deadline() -> None:
    """3. A probe that hangs is followed by another, long before a proxy gives it up."""
    desk, probe = ill_host()
    others = desk.wait(20)
    assert len(others) >= 2
    assert probe.attempt in desk.under_way
    desk.end(probe)
    assert desk.controller.snapshot(now=desk.now).breaker == "closed"


def test_a_lucky_start_does_not_sink_the_window() -> None:
    """4. After sixteen quick answers the usual ones look like a queue; the window learns better."""
    window, now = Window(ceiling=16), 0.0
    for seconds in [0.1] * 16 + [0.6] * 150:
        now += seconds
        window.answered(seconds, sent=now - seconds, in_use=True, now=now)
        assert window.size >= 2
    assert window.size > 8


def test_long_listings_do_not_all_go_first() -> None:
    """5. The longest goes first only where it would end last; else whoever came first does."""
    desk = Desk(cap=1)
    for number in range(60):
        desk.want(expected=3 if number % 6 == 5 else 1)
    order = []
    for _ in range(12):
        (start,) = desk.decide()
        order.append(start.work.expected)
        desk.end(start, after=0.1)
    assert order == [1, 1, 1, 1, 1, 3] * 2


def lose_a_copy(desk: Desk) -> None:
    """Let a page be late, its copy fail, and the page be answered after all."""
    desk.want()
    (original,) = desk.decide()
    desk.read(1, seconds=1)
    (copy,) = desk.wait(1.5)
    desk.end(copy, UNAVAILABLE)
    desk.end(original)


@pytest.mark.parametrize(("losses", "is_first"), [(0, True), (3, False)])
def test_the_record_decides_where_a_copy_stands(losses: int, *, is_first: bool) -> None:
    """6. A copy behind a thousand others is no rescue; in front, one that never wins is a waste."""
    desk = Desk()
    desk.read(64)
    for _ in range(losses):
        lose_a_copy(desk)
    late = desk.want()
    desk.decide()
    desk.read(1, seconds=1)
    desk.want_many(1000)
    desk.decide()
    (first, *_) = desk.wait(1.5)
    assert (first.work is late) is is_first


@pytest.mark.parametrize(("losses", "alive"), [(0, 3), (1, 2)])
def test_the_record_decides_about_a_second_copy(losses: int, alive: int) -> None:
    """6. A page whose copy is late too is slow itself, where copies don't win: no second one."""
    desk = Desk()
    desk.read(64)
    for _ in range(losses):
        lose_a_copy(desk)
    late = desk.want()
    for _ in range(4):
        desk.wait(2)
        desk.read(1, seconds=0.2)
    assert sum(start.work is late for start in desk.under_way.values()) == alive


def test_a_page_never_waits_for_parked_attempts_alone() -> None:
    """7. When the copy fails and only the parked attempt is left, another one is sent."""
    desk = Desk()
    desk.read(12)
    late = desk.want()
    (original,) = desk.decide()
    desk.read(1, seconds=1)
    (copy,) = desk.wait(1.5)
    assert copy.work is late
    desk.end(copy, UNAVAILABLE)
    (third,) = desk.wait(1.1)
    assert third.work is late
    assert original.attempt in desk.under_way


@pytest.mark.no_cover
def test_a_counted_quota_buys_no_copies() -> None:
    """8. 1,500 pages and three windows of 500: a copy would cost a fourth window."""
    assert {play("U2h", seed).requests for seed in (1, 3, 4, 5)} == {1500}


def test_a_late_answer_opens_no_window() -> None:
    """9. An answer to a request from before the reset, with its old count, tells nothing."""
    gate = QuotaGate(random=random.Random(1))
    gate.started(now=0)
    gate.observe(Quota(remaining=5, reset=10), sent=0, now=1)
    gate.started(now=14)
    gate.observe(Quota(remaining=400, reset=290), sent=14, now=15)
    gate.observe(Quota(remaining=4, reset=1), sent=9, now=16)
    assert gate.remaining == 399, "it may have been counted in this one"
    assert gate.reset_at == 305


def test_the_earliest_reset_counts_and_flights_are_spent() -> None:
    """9. `t` is rounded up and read late, so the least estimate holds; what flies is spent."""
    gate = QuotaGate(random=random.Random(1))
    for now, reset in ((1.0, 10), (1.9, 9), (2.1, 9)):
        gate.observe(Quota(remaining=3, reset=reset), sent=0, now=now)
    assert gate.reset_at == pytest.approx(10.9)
    assert gate.opens_at(in_flight=2, waiting=1, now=2.1) == -math.inf
    assert gate.opens_at(in_flight=3, waiting=1, now=2.1) >= 10.9


@pytest.mark.no_cover
def test_a_long_counted_run_meets_no_refusal() -> None:
    """9. Ten thousand requests in twenty windows provoke not a single 429."""
    rng = Chance(9)
    upstream = Counted(Healthy(latencies(rng, [1] * 10_000)), first_reset=100)
    host = Host(new_controller(9), upstream, singles(10_000))
    run(host)
    assert len(host.tally.done) == 10_000
    assert host.tally.codes[429] == 0


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_private_429_leaves_the_host_alone(seed: int) -> None:
    """10. Listings that are always refused neither slow the host nor are tried without end."""
    world = build("U11", seed)
    host = Host(new_controller(seed), world.upstream, world.chains)
    run(host)
    state = host.controller.snapshot(now=host.tally.settled_at)
    assert judge(world, host).success == 1
    assert (state.rate, state.held_until) == (None, None)
    assert host.tally.codes[429] == len(world.poisoned) * REFUSED


def test_a_page_that_was_answered_is_not_asked_for_again() -> None:
    """11. The parked attempt answers while the page waits for its next try: it is done."""
    desk = Desk()
    desk.read(12)
    late = desk.want()
    (original,) = desk.decide()
    desk.read(1, seconds=1)
    (copy,) = desk.wait(1.5)
    desk.end(copy, GATEWAY_TIMEOUT)
    assert desk.controller.snapshot(now=desk.now).waiting == 1
    assert desk.end(original).accepted
    assert desk.wait(60) == []
    assert desk.controller.withdraw(late, now=desk.now) == ()


def test_a_page_is_started_once() -> None:
    """11. A page that stands in several lines of the queue is taken from it once."""
    desk = Desk(cap=4)
    works = desk.want_many(3)
    assert [start.work for start in desk.decide()] == works
    assert desk.controller.snapshot(now=0).waiting == 0
