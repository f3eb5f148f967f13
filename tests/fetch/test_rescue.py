"""What becomes of overdue attempts: parked, copied, abandoned only where copies do better."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.fetch.simulation.desk import Desk
from tests.fetch.simulation.upstreams import GOOD, UNAVAILABLE

from manifests.fetch.overdue import CHECK_AGAIN, SHORTEST
from manifests.fetch.rescue import ALIVE, PARDONS, PARKED
from manifests.fetch.signals import Quota
from manifests.fetch.work import LearnedPace

if TYPE_CHECKING:
    from manifests.fetch.signals import Signal
    from manifests.fetch.work import Start, Work

QUICK = 0.1
LATE = SHORTEST + 3 * CHECK_AGAIN
"""Seconds after which what began is overdue, was looked at, and may have been copied."""


def host(*, window: float = 32) -> Desk:
    """Return a host whose latency is known, and that may be asked so often at once."""
    desk = Desk(learned=LearnedPace(window=window))
    desk.read(64, seconds=QUICK)
    return desk


def hang(desk: Desk, count: int) -> list[Start]:
    """Let so many pages begin that will not answer, while others do."""
    desk.want_many(count)
    starts = desk.decide()
    assert len(starts) == count
    desk.read(1, seconds=QUICK)
    return starts


def attempts_at(desk: Desk, work: Work) -> list[int]:
    """Return the attempts at a page that are under way, the oldest first."""
    return sorted(start.attempt for start in desk.under_way.values() if start.work is work)


def win(desk: Desk, count: int) -> None:
    """Let so many copies answer before what they copied."""
    for _ in range(count):
        hang(desk, 1)
        (copy,) = desk.wait(LATE)
        assert desk.end(copy).accepted


def test_nothing_is_abandoned_where_copies_never_won() -> None:
    """A page has three attempts at once, and as long as no copy did better they are all kept."""
    desk = host()
    (first,) = hang(desk, 1)
    kept: set[int] = set()
    for _ in range(10):
        desk.wait(LATE)
        now = attempts_at(desk, first.work)
        assert kept <= {*now}
        kept = {*now}
        desk.read(1, seconds=QUICK)
    assert len(kept) == ALIVE
    assert first.attempt in kept


def test_where_copies_win_the_youngest_of_a_page_makes_room() -> None:
    """The third attempt is replaced once; then the page's tries are used up, and all are kept."""
    desk = host()
    win(desk, 4)
    (first,) = hang(desk, 1)
    seen: list[list[int]] = []
    for _ in range(12):
        desk.wait(LATE)
        seen.append(attempts_at(desk, first.work))
        desk.read(1, seconds=QUICK)
    most = [each for each in seen if len(each) == ALIVE]
    assert all(each[:2] == most[0][:2] for each in most)
    assert most[-1][-1] > most[0][-1]
    assert seen[-1] == seen[-2]
    assert desk.given_up == []


def test_what_finds_no_room_is_parked_later() -> None:
    """An overdue attempt that can't be parked is looked at again, and parked when there is room."""
    desk = host()
    starts = hang(desk, PARKED + 1)
    desk.wait(SHORTEST + 0.1)
    state = desk.controller.snapshot(now=desk.now)
    assert state.parked == PARKED
    assert {each.attempt for each in starts} <= desk.under_way.keys()
    gone = next(each for each in starts if each.attempt in desk.under_way)
    desk.end(gone)
    assert desk.controller.snapshot(now=desk.now).parked == PARKED - 1
    desk.wait(CHECK_AGAIN + 0.1)
    assert desk.controller.snapshot(now=desk.now).parked == PARKED


def test_a_late_attempt_blames_the_host_where_nothing_else_answers() -> None:
    """Listings that hang together are the host's illness; beside good answers they are not."""
    alone, beside = host(), host()
    alone.want_many(8)
    alone.decide()
    alone.wait(LATE)
    assert alone.controller.snapshot(now=alone.now).breaker != "closed"
    hang(beside, 8)
    beside.wait(LATE)
    assert beside.controller.snapshot(now=beside.now).breaker == "closed"


@pytest.mark.parametrize(
    ("signal", "copies"),
    [
        (GOOD, 1),
        (replace(GOOD, quota=Quota(remaining=9, reset=600)), 1),
        (replace(GOOD, quota=Quota(remaining=1, reset=600)), 0),
    ],
    ids=["uncounted", "plenty", "scarce"],
)
def test_a_copy_is_sent_where_the_quota_spares_it(signal: Signal, copies: int) -> None:
    """An overdue page is copied once, unless the counted quota ends with the work."""
    desk = host()
    (first,) = hang(desk, 1)
    desk.want()
    (other,) = desk.decide()
    desk.end(other, signal, after=QUICK)
    assert len(desk.wait(LATE)) == copies
    assert len(attempts_at(desk, first.work)) == 1 + copies


def test_an_abandoned_attempt_counts_as_a_failure_only_where_it_was_late() -> None:
    """A copy that a quick answer makes superfluous is no bad sign of the host's."""
    desk = host()
    before = desk.controller.snapshot(now=desk.now)
    (first,) = hang(desk, 1)
    (copy,) = desk.wait(LATE)
    verdict = desk.end(desk.under_way[first.attempt])
    assert [each.attempt for each in verdict.abandon] == [copy.attempt]
    state = desk.controller.snapshot(now=desk.now)
    assert (state.in_flight, state.parked, state.breaker) == (0, 0, before.breaker)


def test_after_an_outage_what_hangs_is_copied_once() -> None:
    """A page whose first attempt is parked gets one copy when the host is well again."""
    desk = host(window=64)
    hanging = hang(desk, 2)
    desk.wait(SHORTEST / 2)
    desk.want_many(20)
    while desk.controller.snapshot(now=desk.now).breaker == "closed":
        desk.decide()
        quick = [each for each in desk.under_way.values() if each not in hanging]
        desk.end(quick[0], UNAVAILABLE)
    for start in [each for each in desk.under_way.values() if each not in hanging]:
        desk.end(start, UNAVAILABLE)
    desk.wait(SHORTEST)
    assert desk.controller.snapshot(now=desk.now).parked == len(hanging)
    assert [len(attempts_at(desk, each.work)) for each in hanging] == [1, 1]
    (probe,) = (each for each in desk.under_way.values() if each not in hanging)
    desk.end(probe)
    desk.wait(0.1)
    assert [len(attempts_at(desk, each.work)) for each in hanging] == [2, 2]


def test_pages_that_never_come_make_room_only_so_often() -> None:
    """Where a host hangs for good, a page is pardoned a few times, and then keeps its place."""
    desk = host(window=8)
    works = desk.want_many(9)
    starts = desk.decide()
    starts += desk.wait(600)
    counts = Counter(start.work for start in starts)
    assert set(counts) == set(works)
    assert max(counts.values()) <= PARDONS + 2
    late = desk.wait(600)
    assert not late
