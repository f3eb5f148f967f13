"""Hand a controller its events one by one, as the shell around it would."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fetch.simulation.upstreams import GOOD

from manifests.fetch.controller import Controller, ControlLimits
from manifests.fetch.work import Abandon, GiveUp, Start, Work

if TYPE_CHECKING:
    from collections.abc import Hashable

    from manifests.fetch.signals import Signal
    from manifests.fetch.work import LearnedPace, Verdict


class Desk:
    """A controller, its clock, and what it said so far."""

    def __init__(self, *, cap: int = 16, learned: LearnedPace | None = None) -> None:
        limits = ControlLimits(max_concurrency=cap)
        self.controller = Controller(limits, random=random.Random(1), learned=learned)
        self.now = 0.0
        self.under_way: dict[int, Start] = {}
        self.sent: dict[int, float] = {}
        """Attempt → when it started."""
        self.given_up: list[GiveUp] = []
        self._keys = 0

    def want(self, job: Hashable = None, *, expected: float | None = None) -> Work:
        """Submit a page, of a listing of its own unless one is named."""
        self._keys += 1
        job = self._keys if job is None else job
        work = Work(key=self._keys, job=job, expected=expected)
        self.controller.submit(work, now=self.now)
        return work

    def want_many(self, count: int) -> list[Work]:
        """Submit pages of as many listings."""
        return [self.want() for _ in range(count)]

    def decide(self) -> list[Start]:
        """Do what the controller says now; return what it started."""
        starts = []
        for decision in self.controller.decide(now=self.now):
            if isinstance(decision, Start):
                starts.append(decision)
                self.under_way[decision.attempt] = decision
                self.sent[decision.attempt] = self.now
            else:
                self._note(decision)
        return starts

    def wait(self, seconds: float) -> list[Start]:
        """Let time pass, waking the controller when it wants; return what it started."""
        starts, until = [], self.now + seconds
        while (wake := self.controller.wake_at(now=self.now)) <= until:
            assert wake > self.now
            self.now = wake
            starts += self.decide()
        self.now = until
        return starts

    def end(self, start: Start, signal: Signal = GOOD, *, after: float = 0.0) -> Verdict:
        """Let an attempt end, perhaps later; nothing else happens meanwhile."""
        self.now += after
        del self.under_way[start.attempt]
        verdict = self.controller.ended(start.attempt, signal, now=self.now)
        for abandon in verdict.abandon:
            self._note(abandon)
        if verdict.given_up:
            self._note(verdict.given_up)
        return verdict

    def read(self, count: int, *, seconds: float = 0.5) -> None:
        """Let so many pages be asked for and answered well, each after that long."""
        for _ in range(count):
            self.want()
            (start,) = self.decide()
            self.end(start, after=seconds)

    def _note(self, decision: Abandon | GiveUp) -> None:
        if isinstance(decision, Abandon):
            del self.under_way[decision.attempt]
        else:
            self.given_up.append(decision)
