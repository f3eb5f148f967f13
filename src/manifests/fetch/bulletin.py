"""Tell what changes about a host while it is asked, and count what its record will hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.events import CircuitChanged, HostHeld, HostSampled
from manifests.fetch.advice import SPENT, reason
from manifests.fetch.timeline import Timeline
from manifests.traffic import HostRecord

if TYPE_CHECKING:
    from manifests.events import Reporter
    from manifests.fetch.signals import Signal
    from manifests.fetch.work import HostState

__all__ = ["SHORTEST_TOLD", "Bulletin"]

SHORTEST_TOLD = 0.5
"""Seconds; shorter pauses are nobody's news."""


class Bulletin:
    """What is told of one host: each change once, and the counts at the end."""

    def __init__(self, source: str, reporter: Reporter, *, began: float) -> None:
        """Begin at *began*, in monotonic seconds: what follows is told as seconds since then."""
        self._source = source
        self._reporter = reporter
        self._timeline = Timeline(began=began)
        self._why = "it is ill"
        self._circuit = ("closed", -math.inf)
        self._held_until = -math.inf
        self._requests = 0
        self._refused = 0
        self._abandoned = 0
        self._openings = 0
        self._most_in_flight = 0
        self._most_parked = 0

    def sent(self, *, in_flight: int) -> None:
        """Count an attempt that starts; *in_flight* are under way with it."""
        self._requests += 1
        self._most_in_flight = max(self._most_in_flight, in_flight)

    def heard(self, signal: Signal) -> None:
        """Note what an answer meant: the last bad one is why a host is left alone."""
        self._refused += signal.code is ErrorCode.RATE_LIMIT
        if signal.pause is not None or not signal.is_good:
            self._why = reason(signal)

    def dropped(self) -> None:
        """Count an attempt that was cancelled."""
        self._abandoned += 1

    def publish(self, state: HostState, *, now: float) -> None:
        """Tell what is new in *state*; *now* is monotonic seconds."""
        self._most_parked = max(self._most_parked, state.parked)
        if sample := self._timeline.see(state, now=now):
            self._reporter(HostSampled(source=self._source, sample=sample))
        self._tell_circuit(state, now)
        self._tell_hold(state, now)

    def record(self, state: HostState) -> HostRecord:
        """Return the counts so far, with the host's *state* at the end."""
        return HostRecord(
            source=self._source,
            requests=self._requests,
            refused=self._refused,
            abandoned=self._abandoned,
            most_in_flight=self._most_in_flight,
            most_parked=self._most_parked,
            openings=self._openings,
            circuit=state.breaker,
            window=round(state.window, 1),
            rate=None if state.rate is None else round(state.rate, 3),
            quota_remaining=state.quota_remaining,
            samples=self._timeline.samples,
            notes=self._timeline.notes,
        )

    def _tell_circuit(self, state: HostState, now: float) -> None:
        until = state.probe_at if state.breaker == "open" and state.probe_at is not None else now
        news = (state.breaker, until if state.breaker == "open" else -math.inf)
        if news == self._circuit:
            return
        self._openings += self._circuit[0] == "closed"
        self._circuit = news
        seconds, why = max(0.0, until - now), self._why
        self._timeline.note(state.breaker, seconds=seconds, why=why, now=now)
        self._reporter(
            CircuitChanged(source=self._source, circuit=state.breaker, seconds=seconds, why=why)
        )

    def _tell_hold(self, state: HostState, now: float) -> None:
        until, why = held(state, self._why)
        if until > self._held_until and until - now >= SHORTEST_TOLD:
            self._held_until = until
            self._timeline.note("hold", seconds=until - now, why=why, now=now)
            self._reporter(HostHeld(source=self._source, seconds=until - now, why=why))


def held(state: HostState, why: str) -> tuple[float, str]:
    """Return until when nothing is sent to a host, and the reason; *why* is that of a pause."""
    under_way = state.in_flight + state.parked
    is_spent = state.quota_remaining is not None and state.quota_remaining <= under_way
    if is_spent and state.waiting and state.quota_reset is not None:
        return state.quota_reset, SPENT
    return (-math.inf if state.held_until is None else state.held_until), why
