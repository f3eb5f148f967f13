"""Count what a run reports, for whoever draws it: a bar, or a plain line."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING

from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    RunPlanned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from manifests.events import Event

__all__ = ["Tally"]

RATE_SECONDS = 10.0
"""The rate is that of the last so many seconds."""


class Tally:
    """The counts of a run so far."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()
        self._ended: deque[float] = deque()
        self._holds: dict[str, tuple[float, str]] = {}
        self._circuits: dict[str, tuple[float, CircuitChanged]] = {}
        self.total = 0
        """Filters of the run."""
        self.done = 0
        """Filters that are settled, failed ones too."""
        self.failed = 0
        self.stale = 0
        """Failed filters whose old manifest stays."""
        self.in_flight = 0
        self.requests = 0

    def add(self, event: Event) -> None:
        """Count *event*."""
        if isinstance(event, RunPlanned):
            self.total = event.filters
        elif isinstance(event, AttemptStarted):
            self.in_flight += 1
        elif isinstance(event, AttemptEnded):
            self.in_flight -= 1
            self.requests += 1
            self._ended.append(self._now())
        elif isinstance(event, HostHeld):
            self._holds[event.source] = (self._now() + event.seconds, event.why)
        elif isinstance(event, CircuitChanged):
            self._circuits[event.source] = (self._now() + event.seconds, event)
        elif isinstance(event, FilterSettled):
            self.done += 1
            self.failed += event.failure is not None
            self.stale += event.failure is not None and event.keeps_old

    def rate(self) -> float:
        """Return the requests that ended in each of the last seconds."""
        now = self._now()
        while self._ended and self._ended[0] < now - RATE_SECONDS:
            self._ended.popleft()
        return len(self._ended) / max(1.0, min(RATE_SECONDS, now - self._began))

    def waiting(self) -> str:
        """Return which hosts are waited for, why and for how long; empty when none is."""
        now = self._now()
        parts = [
            f"waiting {ceil(until - now)} s for {source} ({why})"
            for source, (until, why) in self._holds.items()
            if until > now
        ]
        parts += [
            f"{source} is down, {words(event, until - now)} ({event.why})"
            for source, (until, event) in self._circuits.items()
            if event.circuit != "closed"
        ]
        return ", ".join(parts)

    def counts(self) -> str:
        """Return the counts as a person reads them."""
        parts = [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.stale} kept stale"] if self.stale else []
        parts += [f"{self.rate():.1f} requests/s", f"{self.in_flight} in flight"]
        return ", ".join(parts)


def words(event: CircuitChanged, seconds: float) -> str:
    """Say when a host that is down is asked again."""
    if event.circuit == "half-open" or seconds <= 0:
        return "one request looks whether it is back"
    return f"next try in {ceil(seconds)} s"
