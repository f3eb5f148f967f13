"""Know what a shared budget lets this process do with one host; alone, do with a cautious part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from manifests.errors import ErrorCode
from manifests.fetch.budget import Ask
from manifests.fetch.budget_rules import DEAD_AFTER
from manifests.fetch.solitude import Solitude

if TYPE_CHECKING:
    from manifests.fetch.budget import Reply
    from manifests.fetch.signals import Quota, Signal
    from manifests.fetch.work import HostState

__all__ = ["Bound", "Share", "Unbound"]

INF = float("inf")
HEARTBEAT, HUNGRY = 1.0, 0.25
"""Seconds between words to the budget, the second while this process waits for it."""
RETRY = 0.5
"""Seconds between tries of a budget that is lost."""
UNKNOWN = 4
"""Processes that are thought to share a budget which was never reached."""


class Bound(Protocol):
    """Whatever bounds a host's starts beside what the host itself teaches."""

    @property
    def held_until(self) -> float:
        """When the pause ends that others heard of."""
        ...

    def opens_at(self, *, in_flight: int, now: float) -> float:
        """Return when the next request may start; inf when that is not known yet."""
        ...

    def dies_at(self, *, now: float) -> float:
        """Return when the host counts as dead for all; inf when a probe comes before."""
        ...

    def started(self, *, now: float) -> None:
        """Count a start."""
        ...


class Unbound:
    """No bound at all: this process shares its budget with nobody."""

    held_until = -INF

    def opens_at(self, *, in_flight: int, now: float) -> float:
        """Return that a request may start."""
        del in_flight, now
        return -INF

    def dies_at(self, *, now: float) -> float:
        """Return that nobody else tells."""
        del now
        return INF

    def started(self, *, now: float) -> None:
        """Count nothing."""


@dataclass(slots=True, kw_only=True)
class News:
    """What the budget has not been told yet; times are of the process's own clock."""

    good: int = 0
    failed: int = 0
    lost: int = 0
    refused: float | None = None
    """When that request was sent which was refused last."""
    hold: float = -INF
    """Until when the host is to be left alone."""
    ill: float | None = None
    """When the host, just found ill, will be probed."""
    quota: list[tuple[Quota, float, float]] = field(default_factory=list)
    """What answers said of a window, when they were asked for, and when they came."""


class Share:
    """What the budget leased to this process, as of its last answer: a pure state machine.

    Call `ask` when `due_at` has come, pass it on, and call `heard` or `lost`. Times are seconds of
    one monotonic clock.
    """

    def __init__(self, member: str, *, ceiling: int, rate: float | None = None) -> None:
        """Begin without a lease.

        Args:
            member: a name that no other process has.
            ceiling: attempts in flight that all processes together may reach.
            rate: starts a second that an earlier run learned.
        """
        self._member = member
        self._ceiling = ceiling
        self._epoch = ""
        self._ahead = -INF
        self._rate = rate or 0.0
        self._alive = UNKNOWN
        self._hand = 0
        self._turn = -INF
        self._ill_since = self._probe_at = INF
        self._own_probe: float | None = None
        self._appetite = self._busy = self._asked = 0
        self._has_looked = False
        self._told_at = self._next = -INF
        self._news: News | None = None
        self._solitude: Solitude | None = None
        self.held_until = -INF

    @property
    def rate(self) -> float | None:
        """Starts a second of all processes together; None when no rate is known to be too much."""
        return self._rate or None

    @property
    def is_lost(self) -> bool:
        """Whether nobody answers, and this process keeps to a cautious part."""
        return self._solitude is not None

    def opens_at(self, *, in_flight: int, now: float) -> float:
        """Return when the next request may start; inf without a lease."""
        del now
        if self._solitude:
            return max(self.held_until, self._solitude.opens_at(in_flight=in_flight))
        return max(self.held_until, self._turn) if self._hand > 0 else INF

    def dies_at(self, *, now: float) -> float:
        """Return when the host counts as dead for all; inf when a probe comes before."""
        if self._solitude or self._hand > 0 or now >= self._probe_at:
            return INF
        at = self._ill_since + DEAD_AFTER
        return at if at < self._probe_at else INF

    def started(self, *, now: float) -> None:
        """Spend a lease."""
        if self._solitude:
            self._solitude.started(now=now)
        else:
            self._hand = max(0, self._hand - 1)

    def look(self, *, appetite: int, busy: int) -> None:
        """Note how many attempts could start now, and how many are under way."""
        self._appetite, self._busy, self._has_looked = appetite, busy, True

    def landed(self, signal: Signal, state: HostState, *, sent: float, now: float) -> None:
        """Note how an attempt ended.

        Args:
            signal: its meaning.
            state: what the controller makes of it.
            sent: when it was asked for.
            now: the time.
        """
        news = self._news = self._news or News()
        is_held = state.held_until is not None and state.held_until > self.held_until
        if is_held and state.held_until is not None:
            self.held_until = news.hold = state.held_until
        if signal.code is not ErrorCode.RATE_LIMIT:
            news.failed += signal.may_retry
            news.good += not signal.may_retry
        elif is_held:
            news.refused = sent
        else:  # it may be the page's own, but shows that an ill host is there
            news.good += self._ill_since < INF
        self._count(signal, news, sent=sent, now=now)
        self._see_circuit(state, news)

    def dropped(self) -> None:
        """Note that an attempt was cancelled."""
        news = self._news = self._news or News()
        news.lost += 1
        news.failed += self._ill_since < INF

    def due_at(self) -> float:
        """Return when to ask next."""
        if self._solitude:
            return self._next
        beat = self._told_at + (HUNGRY if self._appetite or self._hand else HEARTBEAT)
        if not self._has_looked:  # the last answer must be used first
            return beat
        if self._news:
            return -INF
        return min(beat, self._next) if self._appetite > self._hand else beat

    def ask(self, *, now: float) -> Ask:
        """Return what to tell and to ask for; all news count as told, and a spare lease ends."""
        news, self._news = self._news or News(), None
        self._told_at = now
        self._has_looked = False
        self._hand = min(self._hand, self._appetite)
        self._asked = self._appetite - self._hand
        return Ask(
            member=self._member,
            busy=self._busy + self._hand,
            want=self._asked,
            ceiling=self._ceiling,
            epoch=self._epoch,
            at=max(-1.0, now + self._ahead),
            rate=self._rate,
            good=news.good,
            failed=news.failed,
            lost=news.lost,
            refused=-1.0 if news.refused is None else max(0.0, now - news.refused),
            hold=max(0.0, news.hold - now),
            ill=-1.0 if news.ill is None else max(0.0, news.ill - now),
            quota=tuple(
                (each.remaining, max(0.0, at + each.reset - now), max(0.0, now - sent))
                for each, sent, at in news.quota
            ),
        )

    def farewell(self) -> Ask:
        """Return the last word."""
        return Ask(member=self._member, leaves=True)

    def heard(self, reply: Reply, *, now: float) -> None:
        """Take what the budget leased, and what others told it."""
        if self._solitude or (self._epoch not in {"", reply.epoch}):
            # It may have forgotten what this process told it once.
            news = self._news = self._news or News()
            news.hold = max(news.hold, self.held_until)
            self._ahead = -INF
        # Each answer was under way for some time; that which was fastest tells most.
        self._ahead = max(self._ahead, reply.at - now)
        self._solitude, self._has_looked = None, False
        self._epoch, self._rate, self._alive = reply.epoch, reply.rate, reply.alive
        if reply.granted:
            self._hand += reply.granted
            self._turn = now + reply.delay
        is_denied = self._asked > 0 and not reply.granted
        self._next = now + (min(reply.wait, HUNGRY) if is_denied else 0.0)
        if reply.hold > 0:
            self.held_until = max(self.held_until, now + reply.hold)
        is_ill = reply.ill >= 0
        self._ill_since = now - reply.ill if is_ill else INF
        self._probe_at = now + reply.probe if is_ill else INF

    def lost(self, *, now: float) -> None:
        """Begin to keep to a cautious part, until the budget answers again."""
        self._next = now + RETRY
        self._hand = 0
        if self._solitude is None:
            self._solitude = Solitude(alive=self._alive, ceiling=self._ceiling, rate=self._rate)

    def _count(self, signal: Signal, news: News, *, sent: float, now: float) -> None:
        if signal.quota is None:
            news.lost += 1
            return
        news.quota.append((signal.quota, sent, now))
        if self._solitude:
            self._solitude.heard(signal.quota, now=now)

    def _see_circuit(self, state: HostState, news: News) -> None:
        probe_at = state.probe_at if state.breaker == "open" else None
        if probe_at is not None and probe_at != self._own_probe:
            news.ill = probe_at
        if state.breaker != "half-open":
            self._own_probe = probe_at
