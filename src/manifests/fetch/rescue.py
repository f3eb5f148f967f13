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
    is open, or when a counted quota ends with the work. When too many are parked, or too many of
    one page are under way, the oldest is abandoned where copies do much better.
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
            victim = self._victim(flight.task)
            if victim is not None:
                abandoned.append(self._sacrifice(victim, now=now))
            if victim is flight:
                continue
            if len(self._ledger.parked) < PARKED:
                self._ledger.park(flight)
                self._copy(flight.task, is_urgent=not flight.is_blamed)
            else:
                self._overdue.watch(flight, now=now, after=CHECK_AGAIN)
        return abandoned

    def resume(self) -> None:
        """Send copies after what was parked while the host was ill."""
        for flight in self._ledger.parked:
            self._copy(flight.task, is_urgent=True)

    def abandon(self, flight: Flight, *, now: float) -> Abandon:
        """Forget an attempt that is under way."""
        if flight.is_parked:  # it was overdue, and something better was at hand
            self._patience.attempt_ended(failed=True)
        self._ledger.land(flight.attempt)
        self._gate.abandoned(flight, now=now)
        return Abandon(flight.attempt)

    def _victim(self, task: Task) -> Flight | None:
        if len(task.flights) >= ALIVE:
            oldest = task.flights[0]
        elif len(self._ledger.parked) >= PARKED:
            oldest = self._ledger.parked[0]
            # The host hangs, and must not be filled with what hangs.
            if oldest.is_blamed and oldest.task.pardons < PARDONS:
                return oldest
        else:
            return None
        return oldest if self._overdue.originals_lose and self._has_tries(oldest.task) else None

    def _has_tries(self, task: Task) -> bool:
        return task.failures + len(task.flights) < self._patience.tries

    def _sacrifice(self, flight: Flight, *, now: float) -> Abandon:
        task = flight.task
        task.failures += not flight.is_blamed or task.pardons >= PARDONS
        task.pardons += flight.is_blamed
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
