"""Decide when the next request to a host may start: one gate made of four that learn apart."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from manifests.fetch.breaker import Breaker
from manifests.fetch.quota import QuotaGate
from manifests.fetch.share import Unbound
from manifests.fetch.throttle import Throttle
from manifests.fetch.window import START, Window
from manifests.fetch.work import HostState, LearnedPace

if TYPE_CHECKING:
    import random

    from manifests.fetch.ledger import Ledger
    from manifests.fetch.share import Bound
    from manifests.fetch.signals import Signal
    from manifests.fetch.task import Flight

__all__ = ["Gate"]

CROWDS = 16
"""Good answers that tell how many at once the host lets in."""
LONG_PAUSE = 10.0
"""Seconds; a host that imposes such a pause is asked half as much, for as long again."""


class Gate:
    """What a host bears; a request starts when all four parts let it.

    `Window` learns from latency, `Throttle` from 429s, `QuotaGate` from headers, `Breaker` from
    failures; nothing is shared between hosts.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        ceiling: int,
        random: random.Random,
        learned: LearnedPace | None,
        share: Bound | None = None,
    ) -> None:
        self._ledger = ledger
        self.share = share or Unbound()
        self.window = Window(
            ceiling=ceiling,
            start=cautious(learned.window) if learned else START,
            usual=learned.latency if learned else None,
        )
        self.throttle = Throttle(random=random, rate=learned.rate if learned else None)
        self.quota = QuotaGate(random=random)
        self.breaker = Breaker()
        self._crowds: deque[int] = deque(maxlen=CROWDS)
        self.answered_at = float("-inf")
        """When the last good answer came."""

    @property
    def has_room(self) -> bool:
        """Whether one more attempt may be in flight."""
        return self.window.has_room(self._ledger.in_window)

    @property
    def spares(self) -> bool:
        """Whether a copy would cost no page: not when a counted quota ends with the work."""
        ledger = self._ledger
        return self.quota.spares(in_flight=ledger.in_flight, waiting=len(ledger.queue))

    def opens_at(self, *, now: float) -> float:
        """Return when the next request may start, the window apart."""
        shared = self.share.opens_at(in_flight=self._ledger.in_window, now=now)
        return max(shared, self.opens_alone_at(now=now))

    def opens_alone_at(self, *, now: float) -> float:
        """Return when that would be if the budget were shared with nobody."""
        ledger = self._ledger
        quota = self.quota.opens_at(in_flight=ledger.in_flight, waiting=len(ledger.queue), now=now)
        return max(self.throttle.opens_at(), quota, self.breaker.opens_at())

    def is_hopeless(self, *, now: float) -> bool:
        """Tell whether what waits is to be given up now: for two minutes, no good answer came."""
        return self.hopeless_at(now=now) <= now

    def hopeless_at(self, *, now: float) -> float:
        """Return when that will be; inf when a request may start before."""
        own = min(self.breaker.dies_at(now=now), self.throttle.hopeless_at(now=now))
        return min(own, self.share.dies_at(now=now))

    def started(self, flight: Flight, *, now: float) -> None:
        """Count a start."""
        self.share.started(now=now)
        self.throttle.started(now=now)
        self.quota.started(now=now)
        if flight.is_probe:
            self.breaker.probing()

    def heard(self, signal: Signal, *, sent: float, now: float) -> None:
        """Learn what an attempt tells of the quota; one that tells nothing may have cost some."""
        if signal.quota is None:
            self.quota.lost()
        else:
            self.quota.observe(signal.quota, sent=sent, now=now)

    def abandoned(self, flight: Flight, *, now: float) -> None:
        """Note that an attempt will tell nothing."""
        self.quota.lost()
        if flight.is_probe and not flight.is_blamed:
            self.breaker.probe_lost(now=now)

    def accepted(self, flight: Flight, *, in_use: bool, now: float) -> None:
        """Learn from a good answer."""
        self.answered_at = now
        self.throttle.accepted(now=now)
        self._crowds.append(flight.ahead)
        if not flight.is_parked:  # a page that is slow for its own sake tells of no queue
            self.window.answered(now - flight.sent, sent=flight.sent, in_use=in_use, now=now)
        if self.breaker.answered(flight.task.work.job, sent=flight.sent):
            self.window.restart()

    def refused_page(self) -> None:
        """Learn that the host is well enough to refuse a page for good."""
        self.throttle.failed()
        self.breaker.refused()

    def failed(self, flight: Flight, *, pause: float | None, now: float) -> None:
        """Learn from a failure, which may announce a pause."""
        self.throttle.failed()
        if not flight.is_parked:
            self.window.failed(now - flight.sent)
        if pause is not None:
            self.throttle.hold(pause, sent=flight.sent, now=now)
        self.blame(flight, now=now)

    def blame(self, flight: Flight, *, now: float) -> None:
        """Count an attempt as a failure of the host, once."""
        if not flight.is_blamed:
            flight.is_blamed = True
            job = flight.task.work.job
            self.breaker.failed(job, is_probe=flight.is_probe, sent=flight.sent, now=now)

    def throttled(self, flight: Flight, signal: Signal, *, now: float) -> bool:
        """Learn from a 429; return whether it is the host that refuses, and not just this page."""
        task = flight.task
        self._ledger.turned_away(flight)
        if self.breaker.refused():
            self.window.restart()
        task.is_shunned = task.is_shunned or self.answered_at > task.refused_at
        task.refused_at = now
        hosts = self.throttle.is_hosts(
            task.work.job, is_witness=not task.is_shunned, active=self._ledger.wanted
        )
        if signal.quota and signal.quota.remaining <= 0:
            return True  # and it is the quota that holds the host
        if signal.pause is None and not hosts:
            return False
        if self.throttle.hold(signal.pause, sent=flight.sent, now=now):
            self._remedy(signal.pause or 0.0, ahead=flight.ahead, now=now)
        return True

    def state(self, *, now: float) -> HostState:
        """Return how the host is treated."""
        held, quota = max(self.throttle.held_until, self.share.held_until), self.quota
        is_counted = quota.remaining is not None
        return HostState(
            window=self.window.size,
            in_flight=self._ledger.in_window,
            parked=len(self._ledger.parked),
            waiting=len(self._ledger.queue),
            rate=self.throttle.rate,
            held_until=held if held > now else None,
            breaker=self.breaker.state,
            probe_at=self.breaker.probe_at if self.breaker.is_open else None,
            quota_remaining=quota.remaining,
            quota_reset=quota.reset_at if is_counted else None,
        )

    def learned(self) -> LearnedPace:
        """Return what the next run may start from."""
        return LearnedPace(
            window=self.window.size, latency=self.window.latency, rate=self.throttle.rate
        )

    def _remedy(self, pause: float, *, ahead: int, now: float) -> None:
        if pause >= LONG_PAUSE:
            self.window.penalised(frozen_until=now + 2 * pause, now=now)
            self.throttle.slow_down_for_long(now=now, pause=pause)
        elif ahead > max(self._crowds, default=0) and self.window.can_shrink:
            # More were ahead of it than of any that was let in of late: it may be too many at once.
            self.window.refused(ahead - len(self._ledger.parked), now=now)
        elif not self.throttle.slow_down(now=now):  # nothing at all is let in
            self.window.refused(ahead, now=now)


def cautious(window: float) -> float:
    """Return the window to start with where the last run ended with this one."""
    return max(window / 2, min(START, window))
