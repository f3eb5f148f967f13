"""Drive real controllers through simulated time: a heap of endings, and no waiting at all."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.fetch.signals import Signal
from manifests.fetch.work import Abandon, GiveUp, Start, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fetch.simulation.upstreams import Upstream

    from manifests.fetch.controller import Controller
    from manifests.fetch.work import Decision

TIMED_OUT = Signal(code=ErrorCode.TIMEOUT, cause="no answer in time", may_retry=True)
LONGEST = 21_600.0
"""Simulated seconds after which a run is broken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A listing of so many pages, each asked for when the one before is there."""

    pages: int = 1
    expected: float | None = None
    """Pages in the last run."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one host's listings."""

    done: dict[int, float] = field(default_factory=dict)
    """Listing → when its last page was there."""
    lost: dict[int, GiveUp] = field(default_factory=dict)
    """Listing → why it never ended."""
    settled_at: float = 0.0
    """When the last listing was done or lost."""
    requests: int = 0
    abandoned: int = 0
    codes: Counter[int | None] = field(default_factory=Counter)
    """Status → answers that the client saw."""
    most_in_flight: int = 0
    """Parked attempts included."""
    most_in_window: int = 0
    most_parked: int = 0


class Host:
    """One controller, the upstream that it controls, and the listings that are wanted of it."""

    def __init__(self, controller: Controller, upstream: Upstream, chains: Sequence[Chain]) -> None:
        self.controller = controller
        self.tally = Tally()
        self.wake = 0.0
        self._upstream = upstream
        self._chains = chains
        self._works: dict[int, tuple[int, int]] = {}
        self._live: dict[int, tuple[Work, Signal]] = {}
        self._parked: set[int] = set()

    def begin(self) -> None:
        """Ask for the first page of every listing."""
        for job in range(len(self._chains)):
            self._want(job, 0, now=0.0)

    def decide(self, *, now: float) -> list[tuple[float, int]]:
        """Do what the controller says; return when which attempt ends."""
        started: list[tuple[float, int]] = []
        for decision in self.controller.decide(now=now):
            if isinstance(decision, Start):
                started.append(self._send(decision, now=now))
            else:
                self._drop(decision, now=now)
        self.wake = self.controller.wake_at(now=now)
        if started:
            state = self.controller.snapshot(now=now)
            tally = self.tally
            tally.most_in_flight = max(tally.most_in_flight, len(self._live))
            tally.most_in_window = max(tally.most_in_window, state.in_flight)
            tally.most_parked = max(tally.most_parked, state.parked)
        return started

    def end(self, attempt: int, *, now: float) -> bool:
        """Tell the controller how an attempt ended; False when it had been abandoned."""
        ending = self._live.pop(attempt, None)
        if ending is None:
            return False

        work, signal = ending
        self.tally.codes[signal.status] += 1
        verdict = self.controller.ended(attempt, signal, now=now)
        for abandon in verdict.abandon:
            self._drop(abandon, now=now)
        if verdict.accepted:
            self._advance(work, now=now)
        if verdict.given_up:
            self._drop(verdict.given_up, now=now)
        return True

    def _want(self, job: int, page: int, *, now: float) -> None:
        chain = self._chains[job]
        expected = None if chain.expected is None else chain.expected - page
        work = Work(key=len(self._works), job=job, expected=expected)
        self._works[work.key] = (job, page)
        self.controller.submit(work, now=now)

    def _send(self, start: Start, *, now: float) -> tuple[float, int]:
        self.tally.requests += 1
        seconds, signal = self._upstream.answer(*self._works[start.work.key], now=now)
        if seconds > start.timeout:
            seconds, signal = start.timeout, TIMED_OUT
        self._live[start.attempt] = (start.work, signal)
        return now + seconds, start.attempt

    def _advance(self, work: Work, *, now: float) -> None:
        job, page = self._works[work.key]
        if page + 1 < self._chains[job].pages:
            self._want(job, page + 1, now=now)
        else:
            self.tally.done[job] = self.tally.settled_at = now

    def _drop(self, decision: Decision, *, now: float) -> None:
        if isinstance(decision, Abandon):
            self.tally.abandoned += 1
            del self._live[decision.attempt]
        elif isinstance(decision, GiveUp):
            self.tally.lost[self._works[decision.work.key][0]] = decision
            self.tally.settled_at = now


def run(*hosts: Host) -> None:
    """Let all hosts do their work side by side, until all is settled."""
    endings: list[tuple[float, int, int]] = []
    for number, host in enumerate(hosts):
        host.begin()
        for at, attempt in host.decide(now=0.0):
            heapq.heappush(endings, (at, number, attempt))
    while True:
        wake, number = min((host.wake, number) for number, host in enumerate(hosts))
        now = min(wake, endings[0][0] if endings else math.inf)
        if now > LONGEST:
            return
        if endings and endings[0][0] <= now:
            now, number, attempt = heapq.heappop(endings)
            if not hosts[number].end(attempt, now=now):
                continue
        for at, attempt in hosts[number].decide(now=now):
            heapq.heappush(endings, (at, number, attempt))
