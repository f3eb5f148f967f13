"""A page comes, or a failure says why not; waiting costs no slot, and a stopped host no request."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import anyio
import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode, PageError
from manifests.events import AttemptEnded, AttemptStarted, HostHeld
from manifests.fetch.fetcher import Fetched, Fetcher, Host, request_url
from manifests.fetch.limiter import FixedLimiter
from manifests.fetch.received import Received
from manifests.fetch.retry import RetryPolicy
from manifests.fetch.signals import Quota, Signal
from manifests.fetch.transport import TransportError
from manifests.settings import Pace
from manifests.sources.base import Page, Reply, Request, SourceInfo
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from manifests.events import Event
    from manifests.fetch.limiter import Limiter

pytestmark = pytest.mark.virtual_time

SECRET = "hf_averysecrettoken"
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
    headers={"Authorization": f"Bearer {SECRET}"},
)
REQUEST = Request(source="made-up", path="/api", parameters=(("limit", "100"),))
GOOD = Received(status=200, headers={}, body=b"[]")
BROKEN = Received(status=200, headers={}, body=b'{"error": "overloaded"}')
DROPPED = Signal(code=ErrorCode.NETWORK_ERROR, cause="the answer broke off", may_retry=True)
PAGE = Page(cursor="next")


def status(number: int, **headers: str) -> Received:
    """Return a response without a page; `_` stands for `-` in the names of *headers*."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received(status=number, headers=named, body=b"")


def read(reply: Reply) -> Page:
    """Read a page: an empty array is one, all else is none."""
    if reply.body != GOOD.body:
        raise PageError("an error came instead of a list")
    return PAGE


class Sent(NamedTuple):
    """One request that reached the network."""

    url: str
    headers: Mapping[str, str]
    at: float
    held: int
    """Slots in use while it was sent."""


class Slept(NamedTuple):
    """One wait."""

    seconds: float
    held: int
    """Slots in use while it was slept."""


@dataclass(kw_only=True)
class OpenLimiter:
    """Lets everybody start at once, and counts; a fake of the protocol."""

    held: int = 0
    observed: list[tuple[Signal, float]] = field(default_factory=list)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Count a slot."""
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    def observe(self, signal: Signal, *, seconds: float) -> float:
        """Remember, and hold nobody."""
        self.observed.append((signal, seconds))
        return 0.0


@dataclass(kw_only=True)
class Stage:
    """A fetcher among fakes: a network with a script, a limiter that counts, a listening clock."""

    script: list[Received | Signal]
    """What each request meets, in order; the last one stays."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    pace: Pace | None = None
    """Set to use the real limiter."""
    lasts: float = 0.25
    """Seconds that each request takes."""
    sent: list[Sent] = field(default_factory=list)
    slept: list[Slept] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    counting: OpenLimiter = field(default_factory=OpenLimiter)

    def __post_init__(self) -> None:
        """Build what is tested; it begins now."""
        now = datetime(2026, 8, 20, tzinfo=UTC)
        clock = Clock(wall=lambda: now, sleep=self.sleep, random=random.Random(1))
        waiting = Clock(random=random.Random(2))
        limiter: Limiter = (
            FixedLimiter(self.pace, clock=waiting) if self.pace is not None else self.counting
        )
        self.fetcher = Fetcher(
            HOST,
            transport=self,
            limiter=limiter,
            policy=self.policy,
            clock=clock,
            reporter=self.note,
        )

    def note(self, event: Event) -> None:
        """Remember what is told."""
        self.events.append(event)

    async def sleep(self, seconds: float) -> None:
        """Wait, and remember what was held meanwhile."""
        self.slept.append(Slept(seconds, self.counting.held))
        await anyio.sleep(seconds)

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Play the next part of the script."""
        self.sent.append(Sent(url, headers, anyio.current_time(), self.counting.held))
        met = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        await anyio.sleep(self.lasts)
        if isinstance(met, Signal):
            raise TransportError(met)
        return met

    async def fetch(self, log: list[Attempt] | None = None) -> Fetched:
        """Fetch one page."""
        return await self.fetcher.fetch(REQUEST, read, log=[] if log is None else log)

    async def fetch_many(self, count: int) -> list[Fetched]:
        """Fetch the same page in many tasks at once; results in the order in which they ended."""
        results: list[Fetched] = []

        async def one() -> None:
            results.append(await self.fetch())

        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(one)
        return results

    def told(self) -> list[str]:
        """Return the kinds of all events, in order."""
        return [type(event).__name__ for event in self.events]


async def test_the_last_of_all_tries_fails() -> None:
    """When all tries are used up, that is told with the code, status and number of the last."""
    stage, log = Stage(script=[DROPPED, status(502)]), list[Attempt]()
    fetched = await stage.fetch(log)
    assert fetched.page is None
    assert fetched.failure is not None
    assert fetched.failure.code is ErrorCode.MAX_RETRIES_EXCEEDED
    assert (fetched.failure.last_code, fetched.failure.status) == (ErrorCode.API_ERROR, 502)
    assert fetched.failure.cause.startswith("8 attempts failed, the last with HTTP 502")
    assert len(stage.sent) == len(log) == 8
    assert [attempt.number for attempt in log] == list(range(1, 9))
    assert len(stage.slept) == 7
    assert log[-1].wait == 0


@pytest.mark.parametrize(
    ("met", "code"),
    [
        (status(400), ErrorCode.VALIDATION_ERROR),
        (status(401), ErrorCode.AUTH_ERROR),
        (status(404), ErrorCode.NOT_FOUND),
        (status(451), ErrorCode.REGION_BLOCKED),
        (status(418), ErrorCode.API_ERROR),
        (status(403, cf_mitigated="challenge"), ErrorCode.CHALLENGE),
        (Received(status=429, headers={}, body=b'{"error":"too many pages"}'), ErrorCode.PAGE_CAP),
        (status(429, retry_after="99999"), ErrorCode.RATE_LIMIT),
        (Signal(code=ErrorCode.VALIDATION_ERROR, cause="no URL"), ErrorCode.VALIDATION_ERROR),
    ],
)
async def test_what_is_permanent_is_sent_once(met: Received | Signal, code: ErrorCode) -> None:
    """A refusal fails with its own code after a single attempt and no wait."""
    stage, log = Stage(script=[met]), list[Attempt]()
    fetched = await stage.fetch(log)
    assert fetched.failure is not None
    assert (fetched.failure.code, fetched.failure.last_code) == (code, None)
    assert fetched.failure.status == (met.status if isinstance(met, Received) else None)
    assert fetched.failure.next_step
    assert len(stage.sent) == len(log) == 1
    assert stage.slept == []


async def test_no_page_in_a_good_answer() -> None:
    """A body that reads as no page is malformed, keeps its status, and is tried again."""
    stage, log = Stage(script=[BROKEN], policy=RetryPolicy(attempts=3)), list[Attempt]()
    fetched = await stage.fetch(log)
    assert fetched.failure is not None
    assert fetched.failure.code is ErrorCode.MAX_RETRIES_EXCEEDED
    assert fetched.failure.last_code is ErrorCode.MALFORMED_RESPONSE
    assert fetched.failure.cause.endswith("an error came instead of a list")
    assert [(attempt.code, attempt.status) for attempt in log] == [
        (ErrorCode.MALFORMED_RESPONSE, 200)
    ] * 3


async def test_no_page_and_no_quota() -> None:
    """An answer without a page still tells the limiter that the quota is used up."""
    headers = {"ratelimit": '"api";r=0;t=60'}
    stage = Stage(script=[Received(status=200, headers=headers, body=b"{}"), GOOD])
    assert (await stage.fetch()).page == PAGE
    heard = stage.counting.observed[0][0]
    assert (heard.pause, heard.quota) == (60, Quota(remaining=0, reset=60))
    assert 60 <= stage.slept[0].seconds <= 66


async def test_the_first_try_may_do() -> None:
    """A good page comes with one request, one attempt in the log and no wait."""
    stage, log = Stage(script=[GOOD]), list[Attempt]()
    await anyio.sleep(5)
    assert await stage.fetch(log) == Fetched(page=PAGE)
    (attempt,) = log
    assert (attempt.number, attempt.url) == (1, "https://made-up.example/api?limit=100")
    assert (attempt.started, attempt.seconds) == (5, 0.25)
    assert (attempt.status, attempt.bytes, attempt.code, attempt.cause) == (200, 2, None, "")
    assert attempt.wait == 0
    assert stage.told() == ["AttemptStarted", "AttemptEnded"]
    assert stage.counting.observed == [(Signal(status=200), 0.25)]


async def test_a_page_that_comes_in_the_end() -> None:
    """After failures of all kinds a good page is a success, and the log tells the way to it."""
    throttled = status(429, retry_after="3")
    stage, log = Stage(script=[DROPPED, status(502), BROKEN, throttled, GOOD]), list[Attempt]()
    assert await stage.fetch(log) == Fetched(page=PAGE)
    assert [attempt.code for attempt in log] == [
        ErrorCode.NETWORK_ERROR,
        ErrorCode.API_ERROR,
        ErrorCode.MALFORMED_RESPONSE,
        ErrorCode.RATE_LIMIT,
        None,
    ]
    waits = [round(each.seconds, 3) for each in stage.slept]
    assert [attempt.wait for attempt in log] == [*waits, 0]
    assert 3 <= waits[-1] <= 3.3
    assert stage.told() == ["AttemptStarted", "AttemptEnded"] * 5


async def test_waiting_holds_no_slot() -> None:
    """A slot is held while a request is in flight, and given back before any wait."""
    stage = Stage(script=[status(503), DROPPED, BROKEN, GOOD])
    assert (await stage.fetch()).page == PAGE
    assert [each.held for each in stage.sent] == [1, 1, 1, 1]
    assert [each.held for each in stage.slept] == [0, 0, 0]


@pytest.mark.parametrize(
    "met",
    [
        status(401),
        status(451),
        status(403, cf_mitigated="challenge"),
        status(429, retry_after="99999"),
        status(503, retry_after="601"),
    ],
)
async def test_one_verdict_stops_the_host(met: Received) -> None:
    """Where all would meet the same, who still waits for a slot fails alike and sends nothing."""
    stage = Stage(script=[met], pace=Pace(concurrency=2, delay=1))
    results = await stage.fetch_many(6)
    assert len(stage.sent) == 1
    assert {result.failure for result in results} == {results[0].failure}
    assert results[0].failure is not None
    assert stage.told() == ["AttemptStarted", "AttemptEnded"]


async def test_a_verdict_also_ends_who_waits_for_a_retry() -> None:
    """Who waits to try again when the host is stopped does not try again."""
    script: list[Received | Signal] = [status(503, retry_after="20"), status(451)]
    stage = Stage(script=script, pace=Pace(concurrency=1, delay=0))
    stopped, waited = await stage.fetch_many(2)
    assert len(stage.sent) == 2
    assert stopped == waited
    assert stopped.failure is not None
    assert stopped.failure.code is ErrorCode.REGION_BLOCKED


async def test_a_good_page_with_a_pause_too_long() -> None:
    """The page counts, but nobody waits an hour for the next: the others hear why."""
    headers = {"ratelimit": '"api";r=0;t=3600'}
    last = Received(status=200, headers=headers, body=GOOD.body)
    stage = Stage(script=[last], pace=Pace(concurrency=1, delay=0.1))
    first, second, third = await stage.fetch_many(3)
    assert first == Fetched(page=PAGE)
    assert second == third
    assert second.failure is not None
    assert second.failure.code is ErrorCode.RATE_LIMIT
    assert second.failure.cause == "its quota is used up; upstream wants a pause of 1 h 0 min"


@pytest.mark.parametrize(
    ("met", "why"),
    [
        (status(429, retry_after="30"), "HTTP 429: too many requests"),
        (status(503, retry_after="30"), "HTTP 503: upstream is unavailable"),
        (
            Received(status=200, headers={"ratelimit": '"api";r=0;t=30'}, body=GOOD.body),
            "its quota is used up",
        ),
    ],
)
async def test_one_pause_holds_for_all(met: Received, why: str) -> None:
    """What one request hears all obey: none starts until the pause is over, and that is told."""
    stage = Stage(script=[met, GOOD], pace=Pace(concurrency=1, delay=0))
    results = await stage.fetch_many(4)
    assert all(result.page for result in results)
    first, *others = (each.at for each in stage.sent)
    assert min(others) >= first + stage.lasts + 30
    held = [event for event in stage.events if isinstance(event, HostHeld)]
    assert {event.why for event in held[:1]} == {why}
    assert 30 <= held[0].seconds <= 33
    assert stage.told()[:3] == ["AttemptStarted", "HostHeld", "AttemptEnded"]


async def test_a_short_pause_is_no_news() -> None:
    """A pause of less than half a second is kept but not told."""
    script: list[Received | Signal] = [
        Received(status=200, headers={"ratelimit": '"api";r=0;t=0'}, body=GOOD.body)
    ]
    stage = Stage(script=script, pace=Pace(concurrency=4, delay=0.1))
    assert (await stage.fetch()).page == PAGE
    assert stage.told() == ["AttemptStarted", "AttemptEnded"]


async def test_events_name_their_source() -> None:
    """Each event says whose it is, and the end of an attempt carries the attempt."""
    stage, log = Stage(script=[GOOD]), list[Attempt]()
    await stage.fetch(log)
    assert stage.events == [
        AttemptStarted(source="made-up"),
        AttemptEnded(source="made-up", attempt=log[0]),
    ]


@pytest.mark.parametrize(("patience", "attempts"), [(0.1, 0), (20, 1), (70, 2)])
async def test_a_cancelled_fetch_leaves_its_traces(patience: float, attempts: int) -> None:
    """Whoever is cancelled, in flight or waiting, has every attempt that ended in the log."""
    stage, log = Stage(script=[status(429, retry_after="60")]), list[Attempt]()
    with anyio.move_on_after(patience) as scope:
        await stage.fetch(log)
    assert scope.cancelled_caught
    assert len(log) == attempts
    assert all(60 <= attempt.wait <= 66 for attempt in log)
    assert stage.counting.held == 0


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("/api", (), "https://x.example/api"),
        ("/api", (("a", "1"),), "https://x.example/api?a=1"),
        ("/api", (("baseModels", "SD 1.5"),), "https://x.example/api?baseModels=SD%201.5"),
        (
            "/api",
            (("types", "LORA"), ("types", "LoCon")),
            "https://x.example/api?types=LORA&types=LoCon",
        ),
        ("/api", (("cursor", "12|3&x=/+"),), "https://x.example/api?cursor=12%7C3%26x%3D%2F%2B"),
        ("/api", (("tag", "猫 #1"),), "https://x.example/api?tag=%E7%8C%AB%20%231"),
        ("/api", (("tag", ""),), "https://x.example/api?tag="),
    ],
)
async def test_a_url_is_built_here(
    path: str, parameters: tuple[tuple[str, str], ...], expected: str
) -> None:
    """Parameters keep their order and their repetitions; no letter of a value is a mark."""
    request = Request(source="x", path=path, parameters=parameters)
    assert request_url("https://x.example", request) == expected


async def test_a_token_stands_in_its_header_only() -> None:
    """The token goes out with each request, and is in no URL, log, event, failure or repr."""
    stage, log = Stage(script=[status(502), status(401)]), list[Attempt]()
    fetched = await stage.fetch(log)
    assert [each.headers["Authorization"] for each in stage.sent] == [f"Bearer {SECRET}"] * 2
    kept = [*(each.url for each in stage.sent), fetched, stage.events, HOST, stage.fetcher]
    assert SECRET not in repr(kept) + str(log)
    assert all(SECRET not in attempt.model_dump_json() for attempt in log)
