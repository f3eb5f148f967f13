"""Fetch pages of one host: each attempt in a slot, each wait outside one, each failure a value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlencode

from manifests.errors import ErrorCode, PageError
from manifests.events import AttemptEnded, AttemptStarted, HostHeld
from manifests.fetch.advice import exhausted, give_up
from manifests.fetch.signals import HEAD_BYTES, Signal, read_signal
from manifests.fetch.transport import TransportError
from manifests.results import Attempt
from manifests.sources.base import Page, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.fetch.limiter import Limiter
    from manifests.fetch.retry import RetryPolicy
    from manifests.fetch.transport import Transport
    from manifests.results import Failure
    from manifests.sources.base import Request, SourceInfo

__all__ = ["Fetched", "Fetcher", "Host", "request_url"]

ReadPage: TypeAlias = "Callable[[Reply], Page]"

SHORTEST_HOLD_TOLD = 0.5
"""Seconds; shorter pauses are nobody's news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where and as whom a source is asked."""

    info: SourceInfo
    endpoint: str
    """Scheme, host and port, without a trailing slash."""
    headers: Mapping[str, str]
    """Sent with every request; a token stands here and nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of one page: the page, or why there is none."""

    page: Page | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One attempt with its meaning, and the page when it brought one."""

    attempt: Attempt
    signal: Signal
    page: Page | None = None


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
        self._transport = transport
        self._limiter = limiter
        self._policy = policy
        self._clock = clock
        self._reporter = reporter
        self._began = clock.monotonic()
        self._stopped: Failure | None = None

    async def fetch(self, request: Request, read: ReadPage, *, log: list[Attempt]) -> Fetched:
        """Return the page that answers *request*, trying again while that may help.

        Args:
            request: what to ask for.
            read: reads a good body; it may raise `PageError`, and that too is tried again.
            log: takes every attempt as it ends, so that a cancelled fetch leaves its traces.
        """
        for number in count(1):
            answer = await self._attempt(request, read, number=number)
            if answer is None:
                break
            wait = self._wait_after(answer.signal, number)
            log.append(answer.attempt.model_copy(update={"wait": round(wait or 0.0, 3)}))
            if answer.page or wait is None:
                return self._settle(answer, attempts=number)
            await self._clock.sleep(wait)
        return Fetched(failure=self._stopped)

    async def _attempt(self, request: Request, read: ReadPage, *, number: int) -> Answer | None:
        async with self._limiter.slot():
            if self._stopped is not None:  # by another task, while this one waited
                return None
            self._reporter(AttemptStarted(source=self._host.info.name))
            answer = await self._send(
                request_url(self._host.endpoint, request), read, number=number
            )
        self._learn(answer)
        return answer

    async def _send(self, url: str, read: ReadPage, *, number: int) -> Answer:
        started = self._clock.monotonic()
        status, size, page = None, 0, None
        try:
            received = await self._transport.get(url, self._host.headers)
        except TransportError as error:
            signal = error.signal
        else:
            status, size = received.status, len(received.body)
            head = received.body[:HEAD_BYTES]
            signal = read_signal(status, received.headers, head, now=self._clock.wall())
            if signal.is_good:
                reply = Reply(body=received.body, headers=received.headers)
                signal, page = read_page(read, reply, signal)
        attempt = Attempt(
            number=number,
            url=url,
            started=round(started - self._began, 3),
            seconds=round(self._clock.monotonic() - started, 3),
            status=status,
            bytes=size,
            code=signal.code,
            cause=signal.cause,
        )
        return Answer(attempt=attempt, signal=signal, page=page)

    def _learn(self, answer: Answer) -> None:
        signal = answer.signal
        if signal.stops_host or self._policy.asks_too_much(signal):
            self._stopped = give_up(signal, self._host.info)
        else:
            held = self._limiter.observe(signal, seconds=answer.attempt.seconds)
            if held >= SHORTEST_HOLD_TOLD:
                why = signal.cause or "its quota is used up"
                self._reporter(HostHeld(source=self._host.info.name, seconds=held, why=why))
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
