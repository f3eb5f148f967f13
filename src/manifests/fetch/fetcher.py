"""Fetch pages of one host: each attempt in a slot, each wait outside one, each failure a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import quote, urlencode

from manifests.errors import ErrorCode, PageError
from manifests.events import AttemptEnded, AttemptStarted, HostHeld
from manifests.fetch.advice import exhausted, give_up, reason
from manifests.fetch.bulletin import SHORTEST_TOLD
from manifests.fetch.signals import HEAD_BYTES, Signal, read_signal
from manifests.fetch.transport import TransportError
from manifests.sources.base import Page, Reply
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from datetime import datetime

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.fetch.limiter import Limiter
    from manifests.fetch.received import Received
    from manifests.fetch.retry import RetryPolicy
    from manifests.fetch.transport import Transport
    from manifests.results import Failure
    from manifests.sources.base import Request, SourceInfo

__all__ = [
    "Answer",
    "Conditions",
    "Fetched",
    "Fetcher",
    "FetchesPages",
    "Host",
    "ReadPage",
    "Sender",
    "request_url",
]

ReadPage: TypeAlias = "Callable[[Reply], Page]"
Conditions: TypeAlias = "tuple[tuple[str, str], ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where and as whom a source is asked."""

    info: SourceInfo
    endpoint: str
    """Scheme, host and port, without a trailing slash."""
    headers: Mapping[str, str] = field(repr=False)
    """Sent with every request; a token stands here and nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of one page: the page, or why there is none."""

    page: Page | None = None
    failure: Failure | None = None
    fetched_at: datetime | None = None
    """When upstream gave the page, if anyone looked: long ago, if it was kept."""


class FetchesPages(Protocol):
    """Brings pages of one host; failures come back as values."""

    async def fetch(
        self,
        request: Request,
        read: ReadPage,
        *,
        log: list[Attempt],
        job: Hashable = None,
        expected: float | None = None,
    ) -> Fetched:
        """Return the page that answers *request*, or why there is none.

        Args:
            request: what to ask for.
            read: reads a good body; it may raise `PageError`.
            log: takes every attempt as it ends.
            job: the listing that the page belongs to: failures are counted by it.
            expected: pages that the listing needs from here on, if anyone knows.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One attempt with its meaning, and the page when it brought one."""

    attempt: Attempt
    signal: Signal
    page: Page | None = None


class Sender:
    """Sends attempts to one host, and says of each what became of it."""

    def __init__(self, host: Host, *, transport: Transport, clock: Clock) -> None:
        self._host = host
        self._transport = transport
        self._clock = clock
        self._began = clock.monotonic()

    def url(self, request: Request) -> str:
        """Return the whole URL of *request* on this host."""
        return request_url(self._host.endpoint, request)

    async def send(
        self, url: str, read: ReadPage, *, number: int, conditions: Conditions = ()
    ) -> Answer:
        """Send one attempt and read its answer; what fails is in the answer's signal."""
        started = self._clock.monotonic()
        size, page = 0, None
        try:
            received = await self._transport.get(url, {**self._host.headers, **dict(conditions)})
        except TransportError as error:
            signal = error.signal
        else:
            size = len(received.body)
            signal = self._meaning(received, is_conditional=bool(conditions))
            if signal.is_good:
                signal, page = read_page(read, reply_of(received), signal)
        attempt = self.attempt(url, signal, number=number, started=started, size=size)
        return Answer(attempt=attempt, signal=signal, page=page)

    def _meaning(self, received: Received, *, is_conditional: bool) -> Signal:
        return read_signal(
            received.status,
            received.headers,
            received.body[:HEAD_BYTES],
            now=self._clock.wall(),
            is_conditional=is_conditional,
        )

    def attempt(
        self, url: str, signal: Signal, *, number: int, started: float, size: int = 0
    ) -> Attempt:
        """Return the record of an attempt that ends now; *started* is monotonic seconds."""
        return Attempt(
            number=number,
            url=url,
            started=round(started - self._began, 3),
            seconds=round(self._clock.monotonic() - started, 3),
            status=signal.status,
            bytes=size,
            code=signal.code,
            cause=signal.cause,
        )


class Fetcher:
    """Brings the pages of one host; all tasks share its limiter, its pauses and its verdicts."""

    def __init__(
        self,
        host: Host,
        *,
        transport: Transport,
        limiter: Limiter,
        policy: RetryPolicy,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._host = host
        self._sender = Sender(host, transport=transport, clock=clock)
        self._limiter = limiter
        self._policy = policy
        self._clock = clock
        self._reporter = reporter
        self._stopped: Failure | None = None

    async def fetch(
        self,
        request: Request,
        read: ReadPage,
        *,
        log: list[Attempt],
        job: Hashable = None,
        expected: float | None = None,
    ) -> Fetched:
        """Return the page that answers *request*, trying again while that may help.

        Args:
            request: what to ask for.
            read: reads a good body; it may raise `PageError`, and that too is tried again.
            log: takes every attempt as it ends, so that a cancelled fetch leaves its traces.
            job: the listing that the page belongs to; of no interest here.
            expected: pages that the listing will need; of no interest here.
        """
        del job, expected  # a fixed pace takes all as they come
        number = 1
        while (answer := await self._attempt(request, read, number=number)) is not None:
            wait = self._wait_after(answer.signal, number)
            log.append(answer.attempt.model_copy(update={"wait": round(wait or 0.0, 3)}))
            if answer.page or wait is None:
                return self._settle(answer, attempts=number)
            await self._clock.sleep(wait)
            number += 1
        return Fetched(failure=self._stopped)

    async def _attempt(self, request: Request, read: ReadPage, *, number: int) -> Answer | None:
        async with self._limiter.slot():
            if self._stopped is not None:  # by another task, while this one waited
                return None
            self._reporter(AttemptStarted(source=self._host.info.name))
            url = self._sender.url(request)
            answer = await self._sender.send(
                url, read, number=number, conditions=request.conditions
            )
        self._learn(answer)
        return answer

    def _learn(self, answer: Answer) -> None:
        signal = answer.signal
        if signal.stops_host or self._policy.asks_too_much(signal):
            self._stopped = give_up(signal, self._host.info)
        else:
            held = self._limiter.observe(signal, seconds=answer.attempt.seconds)
            if held >= SHORTEST_TOLD:
                name, why = self._host.info.name, reason(signal)
                self._reporter(HostHeld(source=name, seconds=held, why=why))
        self._reporter(AttemptEnded(source=self._host.info.name, attempt=answer.attempt))

    def _wait_after(self, signal: Signal, number: int) -> float | None:
        if not self._policy.may_retry(signal, attempt=number):
            return None
        return self._policy.wait(signal, attempt=number, random=self._clock.random)

    def _settle(self, answer: Answer, *, attempts: int) -> Fetched:
        if answer.page is not None:
            return Fetched(page=answer.page)
        info = self._host.info
        if answer.signal.may_retry and attempts >= self._policy.attempts:
            return Fetched(failure=exhausted(answer.signal, info, attempts=attempts))
        return Fetched(failure=give_up(answer.signal, info))


def request_url(endpoint: str, request: Request) -> str:
    """Return the whole URL of *request*; upstream's own links are never followed."""
    query = urlencode(request.parameters, quote_via=quote)
    return f"{endpoint}{request.path}{'?' if query else ''}{query}"


def reply_of(received: Received) -> Reply:
    """Return a good response as a source sees it."""
    return Reply(
        body=received.body,
        headers=received.headers,
        not_modified=received.status == HTTPStatus.NOT_MODIFIED,
        packed=received.packed,
    )


def read_page(read: ReadPage, reply: Reply, signal: Signal) -> tuple[Signal, Page | None]:
    """Return the page of a good response, or what it means that there is none."""
    try:
        return signal, read(reply)
    except PageError as error:
        broken = Signal(
            code=ErrorCode.MALFORMED_RESPONSE,
            cause=error.cause,
            status=signal.status,
            may_retry=True,
            pause=signal.pause,
            quota=signal.quota,
        )
        return broken, None
