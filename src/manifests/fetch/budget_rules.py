"""Decide what one process may start, given what all processes of a budget told: the pure part.

`budget_script.py` says the same in Lua, for a server; a test holds the two against each other.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from manifests.fetch.budget import Reply
from manifests.fetch.budget_state import NEVER, Member, State
from manifests.fetch.budget_window import SLACK, count, roll_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manifests.fetch.budget import Ask

__all__ = ["DEAD_AFTER", "settle"]

LEASE = 5.0
"""Seconds without a word after which a process counts as gone, and its places as free."""
ACTIVE = 1.0
"""Seconds without a word after which a process that waits is not waited for."""
FORGOTTEN = 3600.0
"""Seconds without a word of anybody after which what was learned is worth nothing."""
SET_BACK = 60.0
"""Seconds; a clock that goes back by more was set."""
QUIET = 1.0
"""Seconds without grants after a loss of all state, in which the processes report."""
MEASURED = 3.0
"""Seconds over which a good answer fades."""
BACK_OFF, RECOVERY, SLOWEST = 0.9, 0.03, 0.2
"""Of R, as in `Throttle`: its share of what was accepted, its growth a second, its least.

Its growth is 0.01 there; three times that was measured here, and nothing slower yet."""
CUTS, CALM, RAMP, REGROWTH = 2, 8.0, 0.5, 0.05
"""Of the limit: cuts a spell, seconds that end one, its growth an answer, and that after a cut.

`Gate` cuts its window where more were ahead of what was refused than of anything let in of late.
Here the attempts of others are known by their number only, so the first two refusals of a spell are
taken for a crowd, and the next for too high a rate."""
LONG_PAUSE = 10.0
"""Seconds; after such a pause R doesn't grow for twice as long."""
PROBE_WAIT, COOL_DOWN, DEAD_AFTER = 5.0, 60.0, 120.0
"""Seconds between probes of an ill host, of a dead one, and until it counts as dead."""
POLL, HEARTBEAT, BATCH = 0.03, 1.0, 0.1
"""Seconds until a place may be free, between words of the idle, and worth of starts in a lease."""


def settle(state: State | None, ask: Ask, *, now: float) -> tuple[State, Reply]:
    """Take note of what a process tells, and grant what it may start.

    Starts are granted within max-min fair places in flight, what is left of a counted window, and
    R; a scarce place goes to the process that waits longest. An ill host gets one probe at a time.

    Args:
        state: what is known, which changes; None at first.
        ask: what the process tells and asks.
        now: the keeper's clock, in seconds since its epoch.

    Sources: the generic cell rate algorithm (ATM Forum TM 4.0) for R; progressive filling for
    max-min fairness (Bertsekas and Gallager, "Data Networks", 6.5.2).
    """
    if state is None or is_over(state, now):
        state = State(born=now, epoch=f"{ask.member}:{now:.3f}")
    t = state.seen = max(now - state.born, state.seen)
    if ask.epoch and ask.epoch != state.epoch and t <= QUIET:
        state.quiet = QUIET
    bury(state, t)
    if ask.leaves:
        state.members.pop(ask.member, None)
        return state, reply(state, t, wait=HEARTBEAT)
    member = state.members.setdefault(ask.member, Member())
    member.seen, member.busy, member.want = t, ask.busy, ask.want
    roll_over(state, t)
    learn(state, ask, t)
    return state, grant(state, ask, member, t)


def is_over(state: State, now: float) -> bool:
    """Tell whether what is known is too old, or of a clock that was set back."""
    since = now - state.born - state.seen
    return since > FORGOTTEN or since < -SET_BACK


def bury(state: State, t: float) -> None:
    """Forget the processes that were not heard for too long, with all that they held."""
    for name, member in [*state.members.items()]:
        if t - member.seen > LEASE:
            del state.members[name]
    if state.probe not in state.members:
        state.probe = ""


def learn(state: State, ask: Ask, t: float) -> None:
    """Learn what answers told of the host."""
    told = said_at(state, ask, t)
    if state.rate <= 0:
        state.rate = ask.rate
    state.flow = state.flow * math.exp((state.flow_at - t) / MEASURED) + ask.good
    state.flow_at = t
    if ask.good > 0:
        recover(state, ask.good, ask.ceiling, t)
    if ask.hold > 0:
        state.hold = max(state.hold, t + ask.hold)
    if ask.refused >= 0:
        refuse(state, ask, t, sent=told - ask.refused)
    for remaining, reset, age in ask.quota:
        count(state, remaining, (t + reset, reset), sent=told - age)
    if state.remaining > 0:
        state.remaining = max(0, state.remaining - ask.lost)
    judge_health(state, ask, t)


def said_at(state: State, ask: Ask, t: float) -> float:
    """Return when something was said that came at *t*: what it tells is as old as that."""
    return ask.at if ask.epoch == state.epoch and 0 <= ask.at < t else t


def recover(state: State, good: int, ceiling: int, t: float) -> None:
    """Let R grow after good answers, and the limit too while it is used."""
    if state.began == NEVER:
        state.began = t
    if state.rate > 0:
        state.rate *= 1 + RECOVERY * min(1.0, max(0.0, t - state.grew))
        state.grew = max(t, state.grew)
    in_flight = sum(each.busy for each in state.members.values())
    if in_flight + good >= int(state.limit) < ceiling:
        step = REGROWTH if state.shrunk else RAMP
        state.limit = min(float(ceiling), state.limit + step * good)


def refuse(state: State, ask: Ask, t: float, *, sent: float) -> None:
    """Cut the limit, or R, after a refusal; one that was sent before the last cut is no news."""
    if sent > state.cut_at:
        if t - state.refused_at > CALM:
            state.cuts = 0
        in_flight = sum(each.busy for each in state.members.values())
        limit = min(ask.ceiling, int(state.limit))
        measured = flow(state, t)
        if ask.hold < LONG_PAUSE and in_flight + 1 >= limit > 1 and state.cuts < CUTS:
            state.cuts, state.shrunk = state.cuts + 1, True
            state.limit = float(max(1, in_flight))
            state.rate = state.rate if state.rate > 0 else measured
        elif measured > 0:
            state.rate = max(SLOWEST, BACK_OFF * measured)
        state.grew = t + (2 * ask.hold if ask.hold >= LONG_PAUSE else 0.0)
        state.cut_at = t
    state.refused_at = t


def flow(state: State, t: float) -> float:
    """Return the good answers a second; the share of time before the first is taken out."""
    over = max(1.0, t - state.began)
    return state.flow / (MEASURED * (1 - math.exp(-over / MEASURED)))


def judge_health(state: State, ask: Ask, t: float) -> None:
    """Learn whether the host is ill: any answer heals it, and only a probe's failure counts."""
    if ask.good > 0 or ask.refused >= 0:
        state.ill_since, state.probe = -1.0, ""
    elif ask.ill >= 0:
        state.ill_since = state.ill_since if state.ill_since >= 0 else t
        state.probe_at = max(state.probe_at, t + ask.ill)
    if state.probe == ask.member:
        judge_probe(state, ask, t)


def judge_probe(state: State, ask: Ask, t: float) -> None:
    """Learn from the process whose probe is under way; one that it never sent is another's."""
    if ask.failed > 0 and ask.ill < 0:
        is_dead = t - state.ill_since >= DEAD_AFTER
        state.probe_at = t + (COOL_DOWN if is_dead else PROBE_WAIT)
    if ask.failed > 0 or ask.ill >= 0 or ask.busy <= 0:
        state.probe = ""


def grant(state: State, ask: Ask, member: Member, t: float) -> Reply:
    """Grant what may start now, or say when it is worth asking again."""
    if ask.want <= 0:
        return reply(state, t, wait=HEARTBEAT)
    if (closed := max(state.quiet, state.hold)) > t:
        return reply(state, t, wait=closed - t)
    if state.ill_since >= 0:
        return grant_probe(state, ask, member, t)
    in_flight = sum(each.busy for each in state.members.values())
    limit = min(ask.ceiling, int(state.limit))
    if state.remaining >= 0:
        left = state.remaining - in_flight
        if left <= 0:
            return reply(state, t, wait=max(POLL, min(HEARTBEAT, state.reset + SLACK - t)))
        limit = min(limit, in_flight + left)
    starts = min(ask.want, limit - in_flight, share(state, member, limit, t))
    return lease(state, member, starts, t) if starts > 0 else reply(state, t, wait=POLL)


def grant_probe(state: State, ask: Ask, member: Member, t: float) -> Reply:
    """Let one process at a time see whether an ill host is well again."""
    if state.probe_at > t or state.probe:
        return reply(state, t, wait=max(POLL, min(HEARTBEAT, state.probe_at - t)))
    state.probe = ask.member
    return lease(state, member, 1, t)


def lease(state: State, member: Member, starts: int, t: float) -> Reply:
    """Lease starts, each with its turn by R."""
    delay = 0.0
    if state.rate > 0:
        hungry = sum(each.want > 0 for each in state.members.values())
        starts = min(starts, max(1, int(BATCH * state.rate / hungry)))
        # A start that came late by less than a turn doesn't put off those behind it.
        turn = max(state.tat, t - 1 / state.rate)
        delay = max(0.0, turn - t)
        state.tat = turn + starts / state.rate
    member.busy += starts
    member.want -= starts
    member.last = t
    return reply(state, t, granted=starts, delay=delay)


def share(state: State, member: Member, limit: int, t: float) -> int:
    """Return how many more places in flight are this process's, by max-min fairness."""
    members = state.members.values()
    level = int(water_level(limit, sorted(each.demand for each in members)))
    own = min(level, member.demand) - member.busy
    if own > 0:
        return own
    return spare(state, member, limit, level, t)


def spare(state: State, member: Member, limit: int, level: int, t: float) -> int:
    """Return whether a place that no whole share makes is this process's: who waits longest."""
    others = [
        each for each in state.members.values() if each is not member and t - each.seen <= ACTIVE
    ]
    owed = sum(max(0, min(level, each.demand) - each.busy) for each in others)
    in_flight = sum(each.busy for each in state.members.values())
    waiting = [each for each in others if each.want > 0 and each.busy <= member.busy]
    is_last = any(each.last < member.last for each in waiting)
    return int(limit - in_flight - owed > 0 and not is_last)


def water_level(limit: int, demands: Sequence[int]) -> float:
    """Return the places of each process that could use more, where the others have all they need.

    Args:
        limit: all places.
        demands: what each could use, the least first.
    """
    left, level = float(limit), 0.0
    for number, (before, demand) in enumerate(pairwise((0, *demands))):
        sharing = len(demands) - number
        if (demand - before) * sharing > left:
            return level + left / sharing
        left -= (demand - before) * sharing
        level = float(demand)
    return level


def reply(
    state: State, t: float, *, granted: int = 0, delay: float = 0.0, wait: float = 0.0
) -> Reply:
    """Return an answer with what others told."""
    is_ill = state.ill_since >= 0
    return Reply(
        epoch=state.epoch,
        at=t,
        granted=granted,
        delay=delay,
        wait=wait,
        hold=max(0.0, state.hold - t),
        rate=state.rate,
        alive=max(1, len(state.members)),
        ill=t - state.ill_since if is_ill else -1.0,
        probe=max(0.0, state.probe_at - t) if is_ill else 0.0,
    )
