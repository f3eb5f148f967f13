"""Count what a run reports, for whoever draws it: a bar, or a plain line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    HostSampled,
    RunPlanned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from manifests.events import Event

__all__ = ["HostView", "Tally"]

RATE_SECONDS = 10.0
"""The rate is that of the last so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """What a person reads of one host at one moment."""

    source: str
    traffic: str
    trouble: str
    """Why it is waited for, and for how long; empty when it is not."""

    def __str__(self) -> str:
        """Return all of it in one line."""
        return ", ".join(part for part in (f"{self.source} {self.traffic}", self.trouble) if part)


@dataclass(slots=True, kw_only=True)
class HostTally:
    """The counts of one host so far; times are those of the tally's clock."""

    in_flight: int = 0
    window: float | None = None
    """None with a fixed pace, and before the first sample."""
    ended: deque[float] = field(default_factory=deque)
    held_until: float = 0.0
    held_why: str = ""
    circuit: CircuitChanged | None = None
    probe_at: float = 0.0


class Tally:
    """The counts of a run so far."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()
        self._hosts: dict[str, HostTally] = {}
        self.total = 0
        """Filters of the run."""
        self.done = 0
        """Filters that are settled, failed ones too."""
        self.failed = 0
        self.stale = 0
        """Failed filters whose old manifest stays."""

    def add(self, event: Event) -> None:
        """Count *event*."""
        if isinstance(event, RunPlanned):
            self.total = event.filters
        elif isinstance(event, FilterSettled):
            self.done += 1
            self.failed += event.failure is not None
            self.stale += event.failure is not None and event.keeps_old
        elif isinstance(event, AttemptStarted | AttemptEnded | HostSampled):
            self._count_traffic(event)
        elif isinstance(event, HostHeld | CircuitChanged):
            self._note_trouble(event)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._now() - self._began

    def counts(self) -> str:
        """Return the failures as a person reads them; empty when there are none."""
        parts = [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.stale} kept stale"] if self.stale else []
        return ", ".join(parts)

    def hosts(self) -> list[HostView]:
        """Return what to read of each host that was asked, in the order of the first requests."""
        now = self._now()
        # A copy, since the thread that draws must not meet a host in the moment it is new.
        return [
            HostView(source=source, traffic=self._traffic(host, now), trouble=trouble(host, now))
            for source, host in list(self._hosts.items())
        ]

    def _count_traffic(self, event: AttemptStarted | AttemptEnded | HostSampled) -> None:
        host = self._host(event.source)
        if isinstance(event, HostSampled):
            host.window = event.sample.window
        elif isinstance(event, AttemptStarted):
            host.in_flight += 1
        else:
            host.in_flight -= 1
            host.ended.append(self._now())

    def _note_trouble(self, event: HostHeld | CircuitChanged) -> None:
        host, until = self._host(event.source), self._now() + event.seconds
        if isinstance(event, HostHeld):
            host.held_until, host.held_why = until, event.why
        else:
            host.circuit, host.probe_at = event, until

    def _host(self, source: str) -> HostTally:
        return self._hosts.setdefault(source, HostTally())

    def _traffic(self, host: HostTally, now: float) -> str:
        while host.ended and host.ended[0] < now - RATE_SECONDS:
            host.ended.popleft()
        rate = len(host.ended) / max(1.0, min(RATE_SECONDS, now - self._began))
        # Overdue requests that are still listened to stand outside the window.
        limit = "" if host.window is None else f" of {max(1, int(host.window))}"
        return f"{host.in_flight}{limit} in flight, {rate:.1f} requests/s"


def trouble(host: HostTally, now: float) -> str:
    """Say why a host is waited for and for how long; nothing when it is not."""
    if host.circuit and host.circuit.circuit != "closed":
        return f"down, {probe(host.circuit, host.probe_at - now)} ({host.circuit.why})"
    if host.held_until > now:
        return f"waiting {ceil(host.held_until - now)} s ({host.held_why})"
    return ""


def probe(event: CircuitChanged, seconds: float) -> str:
    """Say when a host that is down is asked again."""
    if event.circuit == "half-open" or seconds <= 0:
        return "one request looks whether it is back"
    return f"next try in {ceil(seconds)} s"
