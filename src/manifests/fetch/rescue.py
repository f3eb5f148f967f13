"""Park what is overdue, and send a copy after it where that may help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.fetch.overdue import CHECK_AGAIN
from manifests.fetch.work import Abandon

if TYPE_CHECKING:
    from manifests.fetch.gate import Gate
    from manifests.fetch.ledger import Ledger
    from manifests.fetch.overdue import Overdue
    from manifests.fetch.patience import Patience
    from manifests.fetch.task import Flight, Task

__all__ = ["Rescue"]

PARKED = 8
"""Overdue attempts that are listened to at once, beside the window."""
ALIVE = 3
"""Attempts of one page at once: the first and two copies."""
PARDONS = 8
"""Abandoned attempts of one page that count against the host, not against the page: where only
slow pages are left nothing else is answered, and they would make room for each other for ever."""


class Rescue:
    """What becomes of overdue attempts.

    Each leaves the window, and its page goes back to the work for a copy; none while the breaker
    is open, or when a counted quota ends with the work, and no second one where copies lose: a page
    whose copy is late too is likely to be slow itself. When too many of one page are
    under way, the youngest makes room for another, and when too many are parked, a parked copy, or
    else the oldest: where copies do much better, and never the one that has waited longest of
    several of a page.
    """

    def __init__(self, ledger: Ledger, *, gate: Gate, overdue: Overdue, patience: Patience) -> None:
        self._ledger = ledger
        self._gate = gate
        self._overdue = overdue
        self._patience = patience

    def decide(self, *, now: float) -> list[Abandon]:
        """Park what is overdue, and return what is abandoned for it."""
        abandoned: list[Abandon] = []
        for flight in self._overdue.late(now=now):
            # Late while nothing else was answered: it's the host, not the page.
            if flight.is_probe or self._gate.answered_at <= flight.sent:
                self._gate.blame(flight, now=now)
            victim = self._victim(flight)
            if victim is not None:
                abandoned.append(self._sacrifice(victim, now=now))
            if victim is flight:
                continue
            if len(self._ledger.parked) < PARKED:
                self._ledger.park(flight)
                if not flight.is_copy or self._overdue.copies_win:
                    self._copy(flight.task, is_urgent=not flight.is_blamed)
            else:
                self._overdue.watch(flight, now=now, after=CHECK_AGAIN)
        return abandoned

    def resume(self) -> None:
        """Send copies after what was parked while the host was ill, where none is under way."""
        for flight in self._ledger.parked:
            if len(flight.task.flights) == 1:
                self._copy(flight.task, is_urgent=True)

    def abandon(self, flight: Flight, *, now: float) -> Abandon:
        """Forget an attempt that is under way."""
        if flight.is_parked:  # it was overdue, and something better was at hand
            self._patience.attempt_ended(failed=True)
        self._ledger.land(flight.attempt)
        self._gate.abandoned(flight, now=now)
        return Abandon(flight.attempt)

    def _victim(self, flight: Flight) -> Flight | None:
        if len(flight.task.flights) >= ALIVE:
            victim = flight
        elif len(self._ledger.parked) >= PARKED:
            victim = self._most_dispensable()
            # The host hangs, and must not be filled with what hangs.
            if victim.is_blamed and victim.task.pardons < PARDONS:
                return victim
        else:
            return None
        return victim if self._overdue.originals_lose and self._has_tries(victim.task) else None

    def _most_dispensable(self) -> Flight:
        # A page whose copies are late too is likely to be slow itself: its oldest attempt will be
        # the first to answer, so that its copies go before any other page's only attempt.
        parked = self._ledger.parked
        copies = (each for each in parked if each is not each.task.flights[0])
        return next(copies, parked[0])

    def _has_tries(self, task: Task) -> bool:
        # What was abandoned counts here, but never makes a page fail: it may just be slow.
        return task.failures + task.pardons + len(task.flights) < self._patience.tries

    def _sacrifice(self, flight: Flight, *, now: float) -> Abandon:
        task = flight.task
        task.pardons += 1
        abandoned = self.abandon(flight, now=now)
        if task.flights:
            self._copy(task, is_urgent=not flight.is_blamed)
        elif not task.ticket:
            self._ledger.queue.put(task)
        return abandoned

    def _copy(self, task: Task, *, is_urgent: bool) -> None:
        if task.ticket or len(task.flights) >= ALIVE or not self._has_tries(task):
            return
        if self._gate.breaker.is_open or not self._gate.spares:
            return
        # Where it may be the host that is late, other pages bear better witness than copies.
        if is_urgent and self._overdue.copies_pay:
            self._ledger.queue.put_front(task)
        else:
            self._ledger.queue.put_back(task)
