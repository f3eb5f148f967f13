"""The shell does what the controller decides, logs all of it, and leaves nothing behind."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode, PageError
from manifests.events import AttemptEnded, AttemptStarted, CircuitChanged, HostHeld
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.controller import Controller, ControlLimits
from manifests.fetch.fetcher import Fetched, Host
from manifests.fetch.received import Received
from manifests.fetch.signals import Signal
from manifests.fetch.transport import TransportError
from manifests.sources.base import Page, Reply, Request, SourceInfo
from manifests.taskgroup import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from manifests.events import Event
    from manifests.fetch.work import Decision, Work
    from manifests.traffic import Attempt, HostRecord

pytestmark = pytest.mark.virtual_time

HOST = Host(
    info=SourceInfo(
        name="made-up",
        title="Made Up",
        file_prefix="mu",
        short="mu",
        endpoint="https://made-up.example",
        endpoint_variable="MADE_UP_ENDPOINT",
        token_variable="MADE_UP_TOKEN",
    ),
    endpoint="https://made-up.example",
    headers={},
)
GOOD = Received(status=200, headers={}, body=b"[]")
DROPPED = Signal(code=ErrorCode.NETWORK_ERROR, cause="the answer broke off", may_retry=True)
PAGE = Page(cursor="next")
FOREVER = 10_000.0

Meets: TypeAlias = "tuple[float, Received | Signal]"
"""After so many seconds, this."""


def status(number: int, **headers: str) -> Received:
    """Return a response without a page; `_` stands for `-` in the names of *headers*."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received(status=number, headers=named, body=b"")


def read(reply: Reply) -> Page:
    """Read a page: an empty array is one, all else is none."""
    if reply.body != GOOD.body:
        raise PageError("an error came instead of a list")
    return PAGE


def request(name: object = "a") -> Request:
    """Return the request of one page."""
    return Request(source="made-up", path="/api", parameters=(("page", str(name)),))


@dataclass(kw_only=True)
class Stage:
    """A network that behaves by a rule, and what was seen on it."""

    meets: Callable[[str, int], Meets]
    """Page, number of the request for it from 1 → what it meets."""
    limits: ControlLimits = field(default_factory=ControlLimits)
    kind: type[Controller] = Controller
    speed: float = 1.0
    """Seconds of the clock under test in one of the loop's."""
    sent: list[tuple[str, float]] = field(default_factory=list)
    """Page and time of each request."""
    gate: anyio.Event | None = None
    """Set to let requests wait for it, in place of seconds."""
    in_flight: int = 0
    most_in_flight: int = 0
    cut_off: int = 0
    """Requests whose sender went away."""
    events: list[Event] = field(default_factory=list)
    record: HostRecord | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[ControlledFetcher]:
        """Yield a fetcher on this network."""
        clock = Clock(
            monotonic=self.now,
            wall=lambda: datetime(2026, 8, 20, tzinfo=UTC),
            sleep=lambda seconds: anyio.sleep(seconds / self.speed),
            random=random.Random(1),
        )
        async with task_group() as tasks:
            fetcher = ControlledFetcher(
                HOST,
                self,
                controller=self.kind(self.limits, random=clock.random),
                tasks=tasks,
                clock=clock,
                reporter=self.note,
            )
            tasks.start_soon(fetcher.run)
            yield fetcher

    def note(self, event: Event) -> None:
        """Remember what was told."""
        self.events.append(event)

    def now(self) -> float:
        """Return the time of the clock under test."""
        return anyio.current_time() * self.speed

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Answer by the rule."""
        del headers
        page = url.rpartition("=")[2]
        self.sent.append((page, self.now()))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        seconds, met = self.meets(page, sum(each == page for each, _ in self.sent))
        try:
            await (self.gate.wait() if self.gate else anyio.sleep(seconds / self.speed))
        except anyio.get_cancelled_exc_class():
            self.cut_off += 1
            raise
        finally:
            self.in_flight -= 1
        if isinstance(met, Signal):
            raise TransportError(met)
        return met

    async def fetch(self, *pages: object) -> dict[str, tuple[Fetched, list[Attempt]]]:
        """Fetch pages of as many listings at once; return what came of each, with its log."""
        found: dict[str, tuple[Fetched, list[Attempt]]] = {}

        async def one(fetcher: ControlledFetcher, page: str) -> None:
            log: list[Attempt] = []
            found[page] = await fetcher.fetch(request(page), read, log=log, job=page), log

        async with self.opened() as fetcher, anyio.create_task_group() as tasks:
            for page in pages:
                tasks.start_soon(one, fetcher, str(page))
        self.record = fetcher.record()
        return found

    def told(self, kind: type[Event]) -> int:
        """Return how many events of a kind there were."""
        return sum(isinstance(event, kind) for event in self.events)


def always(seconds: float, met: Received | Signal) -> Callable[[str, int], Meets]:
    """Return the rule that all requests meet the same."""
    return lambda _page, _number: (seconds, met)


def at_first(first: Meets, then: Meets = (0.5, GOOD)) -> Callable[[str, int], Meets]:
    """Return the rule that the first request for a page meets something else."""
    return lambda _page, number: first if number == 1 else then


async def nameless(
    fetcher: ControlledFetcher, page: object, log: list[Attempt] | None = None
) -> None:
    """Fetch a page without naming its listing."""
    await fetcher.fetch(request(page), read, log=[] if log is None else log)


@pytest.mark.parametrize(
    ("met", "code"),
    [
        (status(503), ErrorCode.API_ERROR),
        (status(429), ErrorCode.RATE_LIMIT),
        (status(200), ErrorCode.MALFORMED_RESPONSE),
        (DROPPED, ErrorCode.NETWORK_ERROR),
    ],
    ids=["overloaded", "throttled", "no page", "no answer"],
)
async def test_what_may_pass_is_tried_again(met: Received | Signal, code: ErrorCode) -> None:
    """A page whose first attempt failed comes with a later one, and the log has both."""
    stage = Stage(meets=at_first((0.5, met)))
    fetched, log = (await stage.fetch("a"))["a"]
    assert fetched == Fetched(page=PAGE)
    assert [(each.number, each.code) for each in log] == [(1, code), (2, None)]
    assert log[0].wait == pytest.approx(log[1].started - 0.5, abs=0.01)
    assert log[1].wait == 0


async def test_tries_come_to_an_end() -> None:
    """A page that fails each time is given up with the code of its last attempt."""
    stage = Stage(meets=always(0.5, DROPPED), limits=ControlLimits(attempts=3))
    fetched, log = (await stage.fetch("a"))["a"]
    assert fetched.failure is not None
    assert fetched.failure.code is ErrorCode.MAX_RETRIES_EXCEEDED
    assert fetched.failure.last_code is ErrorCode.NETWORK_ERROR
    assert fetched.failure.cause == "3 attempts failed, the last with the answer broke off"
    assert [each.number for each in log] == [1, 2, 3]


async def test_what_would_not_pass_is_asked_once() -> None:
    """A refusal for good costs one request, and the other pages nothing."""
    stage = Stage(meets=lambda page, _: (0.5, status(404) if page == "a" else GOOD))
    found = await stage.fetch("a", "b")
    failure = found["a"][0].failure
    assert failure is not None
    assert failure.code is ErrorCode.NOT_FOUND
    assert found["b"][0].page == PAGE
    assert len(stage.sent) == 2


async def test_a_host_that_stops_us_gets_no_more_requests() -> None:
    """After one 401 all that waits fails alike, and nothing more is sent, later pages included."""
    stage = Stage(meets=always(0.5, status(401)))
    codes = []
    async with stage.opened() as fetcher, anyio.create_task_group() as tasks:

        async def one(page: int) -> None:
            fetched = await fetcher.fetch(request(page), read, log=[], job=page)
            codes.append(fetched.failure and fetched.failure.code)

        for page in range(20):
            tasks.start_soon(one, page)
        await anyio.sleep(5)
        tasks.start_soon(one, 20)
    assert codes == [ErrorCode.AUTH_ERROR] * 21
    assert len(stage.sent) == 4  # those of the first window


async def test_a_dead_host_is_given_up() -> None:
    """Without one success all pages fail alike after two minutes, naming the host and its illness.

    Pages that were never asked for are no exception, and the requests are few.
    """
    stage = Stage(meets=always(0.1, status(503)))
    found = await stage.fetch(*range(50))
    failures = [fetched.failure for fetched, _ in found.values()]
    assert {failure and failure.code for failure in failures} == {ErrorCode.CIRCUIT_OPEN}
    assert failures[0] is not None
    (cause,) = {failure.cause for failure in failures if failure}
    assert cause.startswith("no success from https://made-up.example in 120 s, at last HTTP 503")
    assert "Made Up" in failures[0].next_step
    assert 120 <= stage.sent[-1][1] <= 150 or stage.now() <= 150
    assert len(stage.sent) <= 60


async def test_a_circuit_is_told_of() -> None:
    """That it opens, probes and closes is an event each, with the seconds until the next probe."""
    stage = Stage(meets=lambda *_: (0.1, status(503) if stage.now() < 10 else GOOD))
    found = await stage.fetch(*range(20))
    assert all(fetched.page for fetched, _ in found.values())
    news = [event for event in stage.events if isinstance(event, CircuitChanged)]
    assert [event.circuit for event in news][:3] == ["open", "half-open", "open"]
    assert [event.circuit for event in news][-2:] == ["half-open", "closed"]
    assert news[0].seconds == pytest.approx(1, abs=0.01)
    assert news[0].why == "HTTP 503: upstream is unavailable"
    assert news[-1].seconds == 0


async def test_an_announced_pause_is_kept_and_told() -> None:
    """Nothing starts while the host wants to be left alone; whoever watches learns how long."""
    refused = status(429, retry_after="30")
    stage = Stage(meets=lambda *_: (0.5, refused if stage.now() < 1 else GOOD))
    found = await stage.fetch(*range(12))
    assert all(fetched.page for fetched, _ in found.values())
    assert not [at for _, at in stage.sent if 1 < at < 30]
    held = [event for event in stage.events if isinstance(event, HostHeld)]
    assert 30 <= held[0].seconds <= 33
    assert held[0].why == "HTTP 429: too many requests"


async def test_a_quota_that_is_used_up_is_waited_for() -> None:
    """At the end of a counted quota the pages wait for its reset, and nothing is refused."""

    def meets(_page: str, _number: int) -> Meets:
        left = max(0, 10 - len(stage.sent))
        reset = 60 - int(stage.now())
        spent = stage.now() < 60
        return 0.5, Received(
            status=200,
            headers={"ratelimit": f'"api";r={left};t={reset}'} if spent else {},
            body=b"[]",
        )

    stage = Stage(meets=meets)
    found = await stage.fetch(*range(15))
    assert all(fetched.page for fetched, _ in found.values())
    assert sum(at < 60 for _, at in stage.sent) <= 10
    told = [event for event in stage.events if isinstance(event, HostHeld)]
    assert told[-1].why == "its quota is used up"


async def test_an_attempt_ends_with_its_limit() -> None:
    """A host that never answers is a timeout after half a minute, and its request is cut off."""
    stage = Stage(meets=at_first((FOREVER, GOOD)))
    fetched, log = (await stage.fetch("a"))["a"]
    assert fetched.page == PAGE
    assert log[0].code is ErrorCode.TIMEOUT
    assert log[0].cause == "no whole answer within 30 s"
    assert log[0].seconds == pytest.approx(30, abs=0.01)
    assert stage.cut_off == 1


async def test_a_copy_rescues_a_page_that_hangs() -> None:
    """Once latencies are known a late attempt is copied; who comes second is logged as cut off."""
    stage = Stage(meets=lambda page, number: (FOREVER if (page, number) == ("9", 1) else 0.5, GOOD))
    found = await stage.fetch(*range(60))
    fetched, log = found["9"]
    assert fetched.page == PAGE
    assert {each.code for each in log} == {None, ErrorCode.CANCELLED}
    assert [each.cause for each in log if each.code] == [
        "another copy of the request was answered first"
    ]
    assert stage.now() < 20
    assert stage.told(AttemptStarted) == stage.told(AttemptEnded) == len(stage.sent) == 61


async def test_an_attempt_ends_once() -> None:
    """When its answer comes as its page is withdrawn, it was one or the other, never both."""
    stage = Stage(meets=always(0, GOOD))
    codes = []
    async with stage.opened() as fetcher:
        for _ in range(30):
            log: list[Attempt] = []
            stage.gate = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(nameless, fetcher, "a", log)
                await anyio.sleep(1)
                stage.gate.set()
                tasks.cancel_scope.cancel()
            codes += [each.code for each in log]
    assert len(codes) == stage.told(AttemptEnded) == 30
    assert set(codes) == {None, ErrorCode.CANCELLED}  # the event loop throws a coin


class Impatient(Controller):
    """A controller that abandons what it waits for after three seconds, once, and starts again."""

    work: Work | None = None

    def submit(self, work: Work, *, now: float) -> None:
        """Take on the page that it will be impatient about."""
        self.work = work
        super().submit(work, now=now)

    def decide(self, *, now: float) -> tuple[Decision, ...]:
        """Abandon in time."""
        if self.work is None or now < 3:
            return super().decide(now=now)
        work, self.work = self.work, None
        abandoned = self.withdraw(work, now=now)
        super().submit(work, now=now)
        return (*abandoned, *super().decide(now=now))

    def wake_at(self, *, now: float) -> float:
        """Be asked in time."""
        return min(super().wake_at(now=now), 3 if self.work else FOREVER)


async def test_what_the_controller_abandons_is_cut_off() -> None:
    """An overdue attempt whose place is needed is cancelled, and stands in the log as such."""
    stage = Stage(meets=at_first((FOREVER, GOOD)), kind=Impatient)
    fetched, log = (await stage.fetch("a"))["a"]
    assert fetched.page == PAGE
    assert [(each.number, each.code) for each in log] == [(1, ErrorCode.CANCELLED), (2, None)]
    assert log[0].cause == "it was overdue, and its place was needed"
    assert stage.cut_off == 1
    assert stage.record is not None
    assert (stage.record.requests, stage.record.abandoned) == (2, 1)


async def test_nothing_passes_the_ceiling() -> None:
    """However many pages wait, as many are in flight as allowed, and all of that is used."""
    stage = Stage(meets=always(0.5, GOOD), limits=ControlLimits(max_concurrency=5))
    found = await stage.fetch(*range(100))
    assert all(fetched.page for fetched, _ in found.values())
    assert stage.most_in_flight == 5
    assert Counter(page for page, _ in stage.sent).most_common(1)[0][1] == 1


async def test_who_stops_waiting_takes_the_request_along() -> None:
    """A cancelled fetch ends its request, leaves a trace in its log, and hinders nobody."""
    stage = Stage(meets=lambda page, _: (FOREVER if page == "a" else 0.5, GOOD))
    log: list[Attempt] = []
    async with stage.opened() as fetcher:
        with anyio.move_on_after(3):
            await fetcher.fetch(request("a"), read, log=log)
        await anyio.sleep(0.1)
        assert stage.in_flight == 0
        assert (await fetcher.fetch(request("b"), read, log=[])).page == PAGE
    assert [(each.code, each.seconds) for each in log] == [(ErrorCode.CANCELLED, 3)]
    assert stage.cut_off == 1


async def test_who_stops_waiting_in_the_queue_costs_nothing() -> None:
    """A page that is withdrawn before its turn is never asked for."""
    limits = ControlLimits(max_concurrency=1)
    stage = Stage(meets=always(2, GOOD), limits=limits)
    async with stage.opened() as fetcher, anyio.create_task_group() as tasks:
        tasks.start_soon(nameless, fetcher, "a")
        await anyio.sleep(0.1)
        with anyio.move_on_after(1):
            await fetcher.fetch(request("b"), read, log=[])
    assert [page for page, _ in stage.sent] == ["a"]


async def test_a_bug_ends_the_run() -> None:
    """An unexpected error in reading a page is not swallowed, and comes out as itself."""

    def broken(reply: Reply) -> Page:
        raise KeyError(reply.status if hasattr(reply, "status") else "no such thing")

    stage = Stage(meets=always(0.5, GOOD))
    with pytest.raises(KeyError, match="no such thing"):
        async with stage.opened() as fetcher:
            await fetcher.fetch(request(), broken, log=[])


async def test_pages_without_a_listing_count_each_for_itself() -> None:
    """Whoever names no listing is not taken for part of one: five failures open the circuit."""
    stage = Stage(meets=lambda *_: (0.5, DROPPED if stage.now() < 5 else GOOD))
    async with stage.opened() as fetcher, anyio.create_task_group() as tasks:
        for page in range(8):
            tasks.start_soon(nameless, fetcher, page)
    assert stage.told(CircuitChanged) > 0


async def test_all_waiting_goes_through_the_clock() -> None:
    """With a clock that runs a hundred times as fast, two minutes take a hundredth."""
    stage = Stage(meets=always(0.1, status(503)), speed=100)
    await stage.fetch(*range(20))
    assert 1.2 <= anyio.current_time() <= 1.5
    assert len(stage.sent) <= 60


async def test_the_record_tells_how_the_host_was_treated() -> None:
    """Requests, refusals and the most at once are counted as they were on the wire."""
    refused = status(429, retry_after="2")
    stage = Stage(meets=lambda *_: (0.5, refused if stage.now() == 0 else GOOD))
    async with stage.opened() as fetcher, anyio.create_task_group() as tasks:
        for page in range(30):
            tasks.start_soon(nameless, fetcher, page)
    record = fetcher.record()
    assert record.source == "made-up"
    assert record.requests == len(stage.sent) == 34
    assert record.refused == 4
    assert record.most_in_flight == stage.most_in_flight
    assert (record.circuit, record.openings, record.abandoned) == ("closed", 0, 0)
    assert fetcher.learned().window == pytest.approx(record.window, abs=0.1)
