"""Fetch pages of one host as its controller decides: this shell sends, waits, cancels and logs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import anyio

from manifests.errors import ErrorCode
from manifests.events import AttemptEnded, AttemptStarted
from manifests.fetch.advice import circuit_open, exhausted, give_up
from manifests.fetch.breaker import PATIENCE
from manifests.fetch.bulletin import Bulletin
from manifests.fetch.fetcher import Answer, Fetched, Sender
from manifests.fetch.membership import Hermit
from manifests.fetch.signals import Signal
from manifests.fetch.work import Abandon, Start, Work

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from anyio.abc import TaskGroup

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.fetch.controller import Controller
    from manifests.fetch.fetcher import Conditions, Host, ReadPage
    from manifests.fetch.membership import Member
    from manifests.fetch.transport import Transport
    from manifests.fetch.work import GiveUp, LearnedPace, Verdict
    from manifests.results import Failure
    from manifests.sources.base import Request
    from manifests.traffic import Attempt, HostRecord

__all__ = ["ControlledFetcher"]

SHORTEST_REST = 0.001
"""Seconds; rounding must not make a wait of none, in which nothing else would get its turn."""

BEATEN = "another copy of the request was answered first"
HOPELESS = "the page was given up"
OVERDUE = "it was overdue, and its place was needed"
UNWANTED = "nobody waits for the page any more"


@dataclass(slots=True, kw_only=True)
class Waiter:
    """One page that somebody waits for, and what has come of it."""

    work: Work
    url: str
    conditions: Conditions
    read: ReadPage
    log: list[Attempt]
    sent: int = 0
    """Attempts so far."""
    result: Fetched | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)

    def settle(self, result: Fetched) -> None:
        """Hand over the result."""
        self.result = result
        self.settled.set()


@dataclass(slots=True, kw_only=True)
class Flight:
    """One attempt on its way."""

    waiter: Waiter
    number: int
    started: float
    """Monotonic seconds, as `ends`."""
    ends: float
    """When it is given up, whatever it has brought by then."""
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class ControlledFetcher:
    """Brings the pages of one host; when to send, copy, abandon or give up, its controller says."""

    def __init__(
        self,
        host: Host,
        transport: Transport,
        *,
        controller: Controller,
        tasks: TaskGroup,
        clock: Clock,
        reporter: Reporter,
        member: Member | None = None,
    ) -> None:
        self._host = host
        self._member: Member = member or Hermit()
        self._sender = Sender(host, transport=transport, clock=clock)
        self._controller = controller
        self._tasks = tasks
        self._clock = clock
        self._reporter = reporter
        self._bulletin = Bulletin(host.info.name, reporter, began=clock.monotonic())
        self._ill: Signal | None = None
        self._keys = count()
        self._waiters: dict[int, Waiter] = {}
        self._flights: dict[int, Flight] = {}
        self._news = anyio.Event()

    async def fetch(
        self,
        request: Request,
        read: ReadPage,
        *,
        log: list[Attempt],
        job: Hashable = None,
        expected: float | None = None,
    ) -> Fetched:
        """Return the page that answers *request*, once the controller has had its way.

        Args:
            request: what to ask for.
            read: reads a good body; it may raise `PageError`, and that too is tried again.
            log: takes every attempt as it ends, given up ones too.
            job: the listing that the page belongs to; None makes the page a listing of its own.
            expected: pages that the listing needs from here on, if anyone knows.
        """
        key = next(self._keys)
        work = Work(key=key, job=key if job is None else job, expected=expected)
        url, conditions = self._sender.url(request), request.conditions
        waiter = Waiter(work=work, url=url, conditions=conditions, read=read, log=log)
        self._waiters[key] = waiter
        self._controller.submit(work, now=self._clock.monotonic())
        self._news.set()
        try:
            await waiter.settled.wait()
        finally:
            self._leave(waiter)
        return waiter.result or Fetched()

    async def run(self) -> None:
        """Do what the controller decides, for as long as the host is open."""
        self._tasks.start_soon(self._member.run, self._controller, self._wake)
        while True:
            self._news = anyio.Event()
            now = self._clock.monotonic()
            self._end_late(now)
            for decision in self._controller.decide(now=now):
                self._carry_out(decision, now)
            self._member.look(self._controller, now=now)
            wake_at = self._controller.wake_at(now=now)
            self._bulletin.publish(self._controller.snapshot(now=now), now=now)
            await self._rest(
                min(wake_at, *(each.ends for each in self._flights.values()), math.inf)
            )

    def learned(self) -> LearnedPace:
        """Return what the next run may start from."""
        return self._controller.learned()

    def record(self) -> HostRecord:
        """Return how the host was treated, and what of."""
        return self._bulletin.record(self._controller.snapshot(now=self._clock.monotonic()))

    def _wake(self) -> None:
        self._news.set()

    async def _rest(self, until: float) -> None:
        async with anyio.create_task_group() as tasks:
            if until < math.inf:
                tasks.start_soon(self._ring, until)
            await self._news.wait()
            tasks.cancel_scope.cancel()

    async def _ring(self, at: float) -> None:
        await self._clock.sleep(max(SHORTEST_REST, at - self._clock.monotonic()))
        self._news.set()

    def _carry_out(self, decision: Start | Abandon | GiveUp, now: float) -> None:
        if isinstance(decision, Start):
            self._start(decision, now)
        elif isinstance(decision, Abandon):
            self._drop([decision], why=OVERDUE)
        else:
            self._give_up(decision)

    def _start(self, start: Start, now: float) -> None:
        waiter = self._waiters[start.work.key]
        waiter.sent += 1
        flight = Flight(waiter=waiter, number=waiter.sent, started=now, ends=now + start.timeout)
        self._flights[start.attempt] = flight
        self._bulletin.sent(in_flight=len(self._flights))
        self._reporter(AttemptStarted(source=self._host.info.name))
        self._tasks.start_soon(self._fly, start.attempt, flight)

    async def _fly(self, attempt: int, flight: Flight) -> None:
        with flight.scope:
            waiter = flight.waiter
            answer = await self._sender.send(
                waiter.url, waiter.read, number=flight.number, conditions=waiter.conditions
            )
            self._land(attempt, answer)

    def _land(self, attempt: int, answer: Answer) -> None:
        flight = self._flights.pop(attempt, None)
        if flight is None:  # it was given up in the very moment of its answer
            return
        now = self._clock.monotonic()
        verdict = self._controller.ended(attempt, answer.signal, now=now)
        self._member.landed(answer.signal, self._controller, sent=flight.started, now=now)
        self._bulletin.heard(answer.signal)
        self._ill = self._ill if answer.signal.is_good else answer.signal
        wait = 0.0 if verdict.accepted or verdict.given_up else self._wait(verdict, now)
        self._log(flight, answer.attempt.model_copy(update={"wait": round(wait, 3)}))
        self._drop(verdict.abandon, why=BEATEN if verdict.accepted else HOPELESS)
        if verdict.accepted:
            flight.waiter.settle(Fetched(page=answer.page))
        if verdict.given_up:
            self._give_up(verdict.given_up)
        self._news.set()

    def _wait(self, verdict: Verdict, now: float) -> float:
        # A hold of the whole host is part of what the page waits for.
        held_until = self._controller.snapshot(now=now).held_until
        return max(verdict.wait, 0.0 if held_until is None else held_until - now)

    def _end_late(self, now: float) -> None:
        late = [(attempt, each) for attempt, each in self._flights.items() if each.ends <= now]
        for attempt, flight in late:
            cause = f"no whole answer within {flight.ends - flight.started:g} s"
            signal = Signal(code=ErrorCode.TIMEOUT, cause=cause, may_retry=True)
            self._land(attempt, Answer(attempt=self._cut(flight, signal), signal=signal))
            flight.scope.cancel()

    def _drop(self, abandoned: Iterable[Abandon], *, why: str) -> None:
        signal = Signal(code=ErrorCode.CANCELLED, cause=why)
        for each in abandoned:
            flight = self._flights.pop(each.attempt)
            flight.scope.cancel()
            self._bulletin.dropped()
            self._member.dropped()
            self._log(flight, self._cut(flight, signal))

    def _cut(self, flight: Flight, signal: Signal) -> Attempt:
        return self._sender.attempt(
            flight.waiter.url, signal, number=flight.number, started=flight.started
        )

    def _log(self, flight: Flight, attempt: Attempt) -> None:
        flight.waiter.log.append(attempt)
        self._reporter(AttemptEnded(source=self._host.info.name, attempt=attempt))

    def _give_up(self, decision: GiveUp) -> None:
        waiter = self._waiters[decision.work.key]
        waiter.settle(Fetched(failure=self._failure(decision, attempts=waiter.sent)))

    def _failure(self, decision: GiveUp, *, attempts: int) -> Failure:
        if decision.reason == "retries":
            return exhausted(decision.signal, self._host.info, attempts=attempts)
        if decision.reason == "circuit":
            # Most pages were never asked for: what their host met last is why they fail.
            host, signal = self._host, self._ill or decision.signal
            return circuit_open(signal, host.info, endpoint=host.endpoint, seconds=PATIENCE)
        return give_up(decision.signal, self._host.info)

    def _leave(self, waiter: Waiter) -> None:
        del self._waiters[waiter.work.key]
        if waiter.result is None:
            now = self._clock.monotonic()
            self._drop(self._controller.withdraw(waiter.work, now=now), why=UNWANTED)
            self._news.set()
