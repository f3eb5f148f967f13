"""What a process knows of a shared budget: what to tell it, when to ask, what may start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.errors import ErrorCode
from manifests.fetch.budget import Ask, Reply
from manifests.fetch.share import Share, Unbound
from manifests.fetch.signals import Quota, Signal
from manifests.fetch.work import HostState

if TYPE_CHECKING:
    from manifests.traffic import Circuit

INF = float("inf")
GOOD = Signal(status=200)
THROTTLED = Signal(code=ErrorCode.RATE_LIMIT, status=429, may_retry=True)
FAILED = Signal(code=ErrorCode.API_ERROR, status=503, may_retry=True)
GONE = Signal(code=ErrorCode.NOT_FOUND, status=404)
WELL = HostState(window=8, in_flight=0, parked=0, waiting=0)


def held(until: float) -> HostState:
    """Return the state of a host that is left alone."""
    return HostState(window=8, in_flight=0, parked=0, waiting=0, held_until=until)


def ill(probe_at: float | None) -> HostState:
    """Return the state of a host whose breaker is open, or half so without a time."""
    breaker: Circuit = "half-open" if probe_at is None else "open"
    return HostState(window=8, in_flight=0, parked=0, waiting=0, breaker=breaker, probe_at=probe_at)


@pytest.fixture
def share() -> Share:
    """A share of which nothing is known yet."""
    return Share("a", ceiling=8)


def talk(share: Share, reply: Reply, *, appetite: int = 8, busy: int = 0, now: float = 0) -> Ask:
    """See, ask and hear."""
    share.look(appetite=appetite, busy=busy)
    ask = share.ask(now=now)
    share.heard(reply, now=now)
    return ask


def granting(starts: int, **told: float) -> Reply:
    """Return an answer that leases so many starts."""
    return Reply(epoch="e", granted=starts, delay=told.get("delay", 0.0))


def test_without_a_lease_nothing_starts(share: Share) -> None:
    """Before the budget answered, and when it grants nothing, all wait."""
    assert share.opens_at(in_flight=0, now=0) == INF
    talk(share, Reply(epoch="e", wait=0.03))
    assert share.opens_at(in_flight=0, now=0) == INF


def test_a_lease_is_spent_once(share: Share) -> None:
    """Each start takes one, and the last one closes the gate."""
    talk(share, granting(2, delay=0.5), now=10)
    assert share.opens_at(in_flight=0, now=10) == 10.5
    share.started(now=10.5)
    assert share.opens_at(in_flight=1, now=10.5) == 10.5
    share.started(now=10.6)
    assert share.opens_at(in_flight=2, now=10.6) == INF


def test_what_is_held_counts_as_busy(share: Share) -> None:
    """Leases in hand are told with what is under way, and are not asked for again."""
    assert talk(share, granting(3)) == Ask(member="a", want=8, ceiling=8)
    ask = talk(share, Reply(epoch="e"), appetite=8, busy=2)
    assert (ask.busy, ask.want, ask.epoch) == (5, 5, "e")


def test_a_lease_that_nobody_needs_is_given_back(share: Share) -> None:
    """When no page waits any more, the leases end with the next word."""
    talk(share, granting(3))
    assert talk(share, Reply(epoch="e"), appetite=0).busy == 0
    assert share.opens_at(in_flight=0, now=0) == INF


def test_all_that_was_met_is_told_once(share: Share) -> None:
    """Good answers, failures and lost ones are counted up to the next word."""
    share.landed(GOOD, WELL, sent=0, now=1)
    share.landed(GONE, WELL, sent=0, now=1)
    share.landed(FAILED, WELL, sent=0, now=1)
    share.landed(THROTTLED, WELL, sent=0, now=1)
    share.dropped()
    ask = share.ask(now=2)
    assert (ask.good, ask.failed, ask.lost, ask.refused) == (2, 1, 5, -1)
    assert share.ask(now=3) == Ask(member="a", ceiling=8)


def test_a_refusal_that_holds_the_host_is_told(share: Share) -> None:
    """A 429 that the controller blames on the host is told with its age and its pause."""
    share.landed(THROTTLED, held(5.0), sent=1.0, now=2.0)
    share.landed(THROTTLED, held(5.0), sent=1.5, now=2.0)
    ask = share.ask(now=3.0)
    assert (ask.refused, ask.hold) == (2.0, 2.0)
    assert share.held_until == 5.0


def test_a_pause_that_others_heard_is_not_told_as_ours(share: Share) -> None:
    """A hold that came from the budget closes the gate, and isn't passed on."""
    talk(share, Reply(epoch="e", granted=1, hold=4.0), now=10)
    assert (share.held_until, share.opens_at(in_flight=0, now=10)) == (14, 14)
    share.landed(FAILED, held(14.0), sent=9, now=11)
    assert share.ask(now=11).hold == 0


def test_what_an_answer_says_of_the_quota_is_told(share: Share) -> None:
    """What is left of a counted window is told with its reset and its age as of now."""
    heard = Signal(status=200, quota=Quota(remaining=7, reset=10))
    share.landed(heard, WELL, sent=1.0, now=2.0)
    ask = share.ask(now=3.0)
    assert (ask.quota, ask.lost) == (((7, 9.0, 2.0),), 0)


def test_it_tells_when_it_speaks_on_the_keeper_s_clock(share: Share) -> None:
    """The answer that took the least time to come tells the most; another life has its own time."""
    assert share.ask(now=1).at == -1
    share.heard(Reply(epoch="e", at=100), now=10)
    share.heard(Reply(epoch="e", at=104), now=20)
    assert share.ask(now=30).at == 120
    share.heard(Reply(epoch="f", at=2), now=40)
    assert share.ask(now=41).at == 3


def test_a_breaker_that_opens_is_told_once(share: Share) -> None:
    """A host found ill is told with the time of its probe, and again when the probe failed."""
    told = []
    for state in (ill(4.0), ill(4.0), ill(None), ill(9.0), WELL, ill(9.0)):
        share.landed(FAILED, state, sent=1, now=2)
        told.append(share.ask(now=3).ill)
    assert told == [1, -1, -1, 6, -1, 6]


def test_any_answer_of_an_ill_host_is_good_news(share: Share) -> None:
    """While others say that a host is ill, a 429 shows that it is there; silence is a failure."""
    talk(share, Reply(epoch="e", ill=3.0, probe=1.0))
    share.landed(THROTTLED, WELL, sent=0, now=1)
    share.dropped()
    ask = share.ask(now=2)
    assert (ask.good, ask.failed) == (1, 1)


@pytest.mark.parametrize(
    ("reply", "dies"),
    [
        (Reply(epoch="e"), INF),
        (Reply(epoch="e", ill=50, probe=5), INF),
        (Reply(epoch="e", ill=119, probe=5), 101),
        (Reply(epoch="e", ill=200, probe=0), INF),
        (Reply(epoch="e", ill=200, probe=5, granted=1), INF),
    ],
    ids=["well", "ill", "soon dead", "to be probed", "probed by us"],
)
def test_a_host_that_is_dead_for_others_is_dead(share: Share, reply: Reply, dies: float) -> None:
    """After two minutes of illness nobody waits, unless a probe comes first."""
    talk(share, reply, now=100)
    assert share.dies_at(now=100) == dies


def test_it_asks_when_there_is_something_to_say(share: Share) -> None:
    """At once when it is hungry, after a while when it was denied, else now and then."""
    share.look(appetite=0, busy=0)
    assert share.due_at() == -INF
    talk(share, Reply(epoch="e"), appetite=0, now=10)
    assert share.due_at() == 11, "the answer must be used first"
    share.look(appetite=3, busy=0)
    assert share.due_at() == 10, "it never asked for any"
    talk(share, Reply(epoch="e", wait=0.03), appetite=3, now=10)
    share.look(appetite=3, busy=0)
    assert share.due_at() == pytest.approx(10.03)
    talk(share, Reply(epoch="e", wait=60), appetite=3, now=10)
    share.look(appetite=3, busy=0)
    assert share.due_at() == 10.25
    share.landed(GOOD, WELL, sent=1, now=10)
    assert share.due_at() == -INF


def test_alone_it_keeps_to_a_part(share: Share) -> None:
    """When the budget is lost, the part of one of the processes that were last alive."""
    talk(share, Reply(epoch="e", granted=5, alive=2, rate=10))
    share.lost(now=50)
    assert share.is_lost
    assert share.opens_at(in_flight=3, now=50) == -INF
    assert share.opens_at(in_flight=4, now=50) == INF
    share.started(now=50)
    share.started(now=50)
    assert share.opens_at(in_flight=2, now=50) == pytest.approx(50.2)
    share.landed(Signal(status=200, quota=Quota(remaining=1, reset=10)), WELL, sent=50, now=51)
    assert share.opens_at(in_flight=1, now=51) == pytest.approx(61.1)
    assert share.dies_at(now=51) == INF
    assert share.due_at() == 50.5
    share.lost(now=52)
    assert share.due_at() == 52.5


def test_a_budget_that_was_never_reached_is_thought_to_be_for_four(share: Share) -> None:
    """Nobody told how many share it, so the part is a cautious one."""
    share.lost(now=0)
    assert share.opens_at(in_flight=1, now=0) == -INF
    assert share.opens_at(in_flight=2, now=0) == INF


def test_when_it_is_back_it_learns_what_it_forgot(share: Share) -> None:
    """A budget that is back is told the rate and the pause that this process knows."""
    talk(share, Reply(epoch="e", rate=6.0, hold=30.0), now=0)
    share.lost(now=1)
    share.heard(Reply(epoch="f", rate=6.0), now=2)
    assert not share.is_lost
    share.look(appetite=1, busy=0)
    ask = share.ask(now=3)
    assert (ask.hold, ask.rate, ask.epoch) == (27, 6.0, "f")


def test_a_learned_rate_is_told_first() -> None:
    """What an earlier run learned is where the budget begins."""
    share = Share("a", ceiling=8, rate=3.0)
    assert share.rate == 3.0
    assert share.ask(now=0).rate == 3.0
    assert share.farewell() == Ask(member="a", leaves=True)


def test_without_a_budget_nothing_is_bound() -> None:
    """A process that shares with nobody starts what it likes."""
    bound = Unbound()
    bound.started(now=0)
    assert bound.opens_at(in_flight=99, now=0) == bound.held_until == -INF
    assert bound.dies_at(now=0) == INF
