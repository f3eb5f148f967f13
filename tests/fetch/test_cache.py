"""Answering from kept pages: only good ones, only young ones, and nothing in place of a failure."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.clock import Clock
from manifests.errors import ErrorCode, PageError, StoreError
from manifests.events import Noted, silent
from manifests.fetch.cache import CachedPages, CachePolicy, page_key
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.controller import Controller, ControlLimits
from manifests.fetch.fetcher import Fetched, Fetcher, Host
from manifests.fetch.limiter import FixedLimiter
from manifests.fetch.received import Received
from manifests.fetch.retry import RetryPolicy
from manifests.fetch.signals import read_signal
from manifests.results import Failure
from manifests.settings import Pace
from manifests.sources.base import Page, Reply, Request, SourceInfo
from manifests.store.database import open_database
from manifests.store.pages import PageStore
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

    from manifests.events import Event
    from manifests.fetch.cache import KeepsPages
    from manifests.fetch.fetcher import FetchesPages, ReadPage

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
REQUEST = Request(source="s", path="/models", parameters=(("sort", "best"),))
OTHER = replace(REQUEST, parameters=(("sort", "worst"),))
POLICY = CachePolicy(endpoint="https://upstream.example", auth="anonymous")
FRESH = replace(POLICY, usable_since=NOON - HOUR)
NEVER_ASK = replace(POLICY, revalidate=False)
ILL = Failure(code=ErrorCode.API_ERROR, cause="HTTP 503", next_step="wait")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A page on the shelf."""

    reply: Reply
    fetched_at: datetime


@dataclass(slots=True)
class Shelf:
    """A store in memory that refuses what it is told to."""

    pages: dict[str, Kept] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    """Names of the methods that fail."""
    calls: int = 0

    def newest(self, key: str) -> Kept | None:
        """Return the page under *key*."""
        self._call("newest")
        return self.pages.get(key)

    def put(self, key: str, reply: Reply, *, now: datetime) -> None:
        """Keep a page."""
        self._call("put")
        self.pages[key] = Kept(reply=reply, fetched_at=now)

    def refresh(self, key: str, headers: Mapping[str, str], *, now: datetime) -> None:
        """Keep a page on."""
        self._call("refresh")
        reply = replace(self.pages[key].reply, headers=headers)
        self.pages[key] = Kept(reply=reply, fetched_at=now)

    def drop(self, key: str) -> None:
        """Forget a page."""
        self._call("drop")
        self.pages.pop(key, None)

    def _call(self, method: str) -> None:
        self.calls += 1
        if method in self.refuses:
            raise StoreError("the disk is full", next_step="free space")


@dataclass(slots=True)
class Upstream:
    """A fetcher whose one page has versions; it validates them as it is told, or is ill."""

    version: int = 0
    marks: Literal["etag", "last-modified", ""] = "etag"
    is_ill: bool = False
    body: bytes | None = None
    """What it sends in place of its version."""
    headers: dict[str, str] = field(default_factory=dict)
    """What it sends besides its mark."""
    asked: list[Request] = field(default_factory=list)
    told: list[tuple[Hashable, float | None]] = field(default_factory=list)
    tries: int = 1
    """How often the page is read until it is accepted."""

    async def fetch(
        self,
        request: Request,
        read: ReadPage,
        *,
        log: list[Attempt],
        job: Hashable = None,
        expected: float | None = None,
    ) -> Fetched:
        """Answer like a host behind a fetcher."""
        self.asked.append(request)
        self.told.append((job, expected))
        log.append(Attempt(number=1, url="", started=0, seconds=0))
        if self.is_ill:
            return Fetched(failure=ILL)
        try:
            pages = [read(self._reply(request)) for _ in range(self.tries)]
        except PageError:
            return Fetched(failure=ILL)
        return Fetched(page=pages[-1])

    def _reply(self, request: Request) -> Reply:
        mark = f'"{self.version}"'
        headers = {self.marks: mark, **self.headers} if self.marks else self.headers
        if mark in dict(request.conditions).values():
            return Reply(body=b"", headers=headers, not_modified=True)
        body = json.dumps(self.version).encode() if self.body is None else self.body
        return Reply(body=body, headers=headers)


def read_version(reply: Reply) -> Page:
    """Read a page whose cursor is the version of its body, after that of its link."""
    try:
        return Page(cursor=f"{reply.headers.get('link', '')}{json.loads(reply.body)}")
    except ValueError as error:
        raise PageError("no page") from error


@dataclass(slots=True)
class Desk:
    """A cache between the shelf and upstream, at a time that the test sets."""

    shelf: Shelf = field(default_factory=Shelf)
    upstream: Upstream = field(default_factory=Upstream)
    now: datetime = NOON
    said: list[str] = field(default_factory=list)
    log: list[Attempt] = field(default_factory=list)

    def open(self, policy: CachePolicy, *, store: KeepsPages | None = None) -> CachedPages:
        """Return the cache of a new run."""
        return CachedPages(
            self.upstream,
            store or self.shelf,
            policy,
            now=lambda: self.now,
            reporter=self.note,
        )

    def note(self, event: Event) -> None:
        """Remember what a person is told."""
        assert isinstance(event, Noted)
        self.said.append(event.message)

    async def ask(self, policy: CachePolicy, *, request: Request = REQUEST) -> Fetched:
        """Ask for the page in a run of its own."""
        return await self.open(policy).fetch(request, read_version, log=self.log)


@pytest.fixture
def desk() -> Desk:
    """A cache that holds the page of an hour ago, of version 0."""
    shelf = Shelf()
    key = page_key(REQUEST, POLICY)
    shelf.put(key, Reply(body=b"0", headers={"etag": '"0"'}), now=NOON - HOUR)
    return Desk(shelf=shelf)


def version(fetched: Fetched) -> str | None:
    """Return the version that a page shows; None for a failure."""
    return fetched.page.cursor if fetched.page else None


async def test_a_young_page_costs_no_request(desk: Desk) -> None:
    """A page fetched at the earliest time allowed, or later, answers and tells its age."""
    fetched = await desk.ask(FRESH)
    assert (version(fetched), fetched.fetched_at) == ("0", NOON - HOUR)
    assert desk.upstream.asked == []
    assert desk.log == []


async def test_an_older_page_is_asked_for(desk: Desk) -> None:
    """A page that is a moment too old costs a request, though nothing has changed."""
    fetched = await desk.ask(replace(FRESH, usable_since=NOON - HOUR + MINUTE))
    assert (version(fetched), fetched.fetched_at) == ("0", NOON)
    assert desk.upstream.asked == [replace(REQUEST, conditions=(("If-None-Match", '"0"'),))]
    assert len(desk.log) == 1


async def test_a_page_of_the_future_is_not_young(desk: Desk) -> None:
    """When the clock was set back, the age of a page is unknown, so it is asked for."""
    desk.now = NOON - 2 * HOUR
    fetched = await desk.ask(replace(FRESH, usable_since=NOON - 3 * HOUR))
    assert fetched.fetched_at == desk.now
    assert len(desk.upstream.asked) == 1


async def test_what_upstream_vouches_for_is_young_again(desk: Desk) -> None:
    """After a 304 the kept body is the page of now, and the next run need not ask."""
    await desk.ask(POLICY)
    desk.now += MINUTE
    fetched = await desk.ask(replace(FRESH, usable_since=NOON))
    assert (version(fetched), fetched.fetched_at) == ("0", NOON)
    assert len(desk.upstream.asked) == 1


async def test_a_new_body_takes_the_place_of_the_old(desk: Desk) -> None:
    """Where the mark no longer fits, the new body is read, kept and told as of now."""
    desk.upstream.version = 1
    fetched = await desk.ask(POLICY)
    assert (version(fetched), fetched.fetched_at) == ("1", NOON)
    assert version(await desk.ask(replace(FRESH, usable_since=NOON))) == "1"


async def test_a_304_may_bring_new_headers(desk: Desk) -> None:
    """The next page is where the 304 says it is, not where the kept answer said."""
    desk.upstream.headers = {"link": "new ", "content-type": "text/html"}
    assert version(await desk.ask(POLICY)) == "new 0"
    (kept,) = desk.shelf.pages.values()
    assert kept.reply.headers == {"etag": '"0"', "link": "new "}


@pytest.mark.parametrize(
    ("headers", "conditions"),
    [
        ({}, ()),
        ({"etag": '"1"'}, (("If-None-Match", '"1"'),)),
        ({"last-modified": "Sat"}, (("If-Modified-Since", "Sat"),)),
        (
            {"last-modified": "Sat", "etag": 'W/"1"'},
            (("If-None-Match", 'W/"1"'), ("If-Modified-Since", "Sat")),
        ),
        ({"etag": ""}, ()),
        ({"etag": '"é"'}, ()),
        ({"etag": '"1"\r\nX: y'}, ()),
    ],
)
async def test_marks_become_conditions(
    desk: Desk, headers: dict[str, str], conditions: tuple[tuple[str, str], ...]
) -> None:
    """What upstream gave as a mark is sent back, unless a header can't hold it."""
    desk.shelf.put(page_key(REQUEST, POLICY), Reply(body=b"0", headers=headers), now=NOON)
    await desk.ask(POLICY)
    assert desk.upstream.asked == [replace(REQUEST, conditions=conditions)]


async def test_upstream_need_not_be_asked_for_marks(desk: Desk) -> None:
    """Without revalidation an older page is fetched as if none were kept."""
    await desk.ask(replace(POLICY, revalidate=False))
    assert desk.upstream.asked == [REQUEST]


@pytest.mark.parametrize("policy", [POLICY, NEVER_ASK, replace(FRESH, usable_since=NOON)])
async def test_an_old_page_never_stands_in_for_a_failure(desk: Desk, policy: CachePolicy) -> None:
    """When upstream fails, the failure is the answer; the page stays for a later run."""
    desk.upstream.is_ill = True
    desk.now = NOON + HOUR
    assert await desk.ask(policy) == Fetched(failure=ILL)
    assert len(desk.shelf.pages) == 1


async def test_what_can_not_be_read_is_not_kept(desk: Desk) -> None:
    """A body that its source refuses is a failure, and leaves no trace."""
    desk.upstream.body = b"<html>"
    assert await desk.ask(POLICY, request=OTHER) == Fetched(failure=ILL)
    assert page_key(OTHER, POLICY) not in desk.shelf.pages


@pytest.mark.parametrize("policy", [FRESH, POLICY])
async def test_what_can_not_be_read_any_more_is_fetched(desk: Desk, policy: CachePolicy) -> None:
    """A kept body that today's reader refuses is dropped and asked for without a condition."""
    key = page_key(REQUEST, POLICY)
    desk.shelf.put(key, Reply(body=b"old shape", headers={"etag": '"0"'}), now=NOON)
    assert version(await desk.ask(policy)) == "0"
    assert desk.upstream.asked == [REQUEST]
    assert desk.shelf.pages[key].reply.body == b"0"


async def test_an_unreadable_page_is_dropped_even_when_upstream_fails(desk: Desk) -> None:
    """A kept body that can't be read helps nobody, whatever comes of the request."""
    key = page_key(REQUEST, POLICY)
    desk.shelf.put(key, Reply(body=b"old shape", headers={}), now=NOON)
    desk.upstream.is_ill = True
    assert await desk.ask(FRESH) == Fetched(failure=ILL)
    assert desk.shelf.pages == {}


async def test_only_the_answer_that_was_taken_is_kept(desk: Desk) -> None:
    """When several copies of a request were read, the page that counts is the one kept, once."""
    desk.upstream.tries, desk.upstream.marks = 3, ""
    before = desk.shelf.calls
    await desk.ask(POLICY, request=OTHER)
    assert desk.shelf.calls - before == 2


async def test_a_request_is_handed_on_whole(desk: Desk) -> None:
    """The fetcher within is told what the one without was told."""
    pages = desk.open(POLICY)
    await pages.fetch(OTHER, read_version, log=desk.log, job="a listing", expected=3.0)
    assert desk.upstream.asked == [OTHER]
    assert desk.upstream.told == [("a listing", 3.0)]


async def test_a_page_can_be_forgotten(desk: Desk) -> None:
    """A page of a listing that turned out to be no good is asked for again."""
    pages = desk.open(FRESH)
    pages.forget(REQUEST)
    pages.forget(OTHER)
    await pages.fetch(REQUEST, read_version, log=desk.log)
    assert desk.upstream.asked == [REQUEST]


@pytest.mark.parametrize("method", ["newest", "put", "refresh", "drop"])
async def test_a_store_that_fails_is_done_without(desk: Desk, method: str) -> None:
    """A disk that refuses costs the cache and one warning, never a page; it is not tried again."""
    desk.shelf.refuses = frozenset({method})
    pages = desk.open(POLICY)
    for _ in range(2):  # one page is kept, the other not
        for request in (REQUEST, OTHER):
            fetched = await pages.fetch(request, read_version, log=desk.log)
            assert (version(fetched), fetched.fetched_at) == ("0", NOON)
        pages.forget(REQUEST)
    assert len(desk.upstream.asked) == 4
    (said,) = desk.said
    assert "the disk is full; free space" in said
    before = desk.shelf.calls
    await pages.fetch(REQUEST, read_version, log=desk.log)
    assert desk.shelf.calls == before


async def test_kept_pages_don_t_hold_up_the_run(desk: Desk) -> None:
    """A run that is cancelled stops at its next page, though no page is waited for."""
    pages = desk.open(FRESH)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await pages.fetch(REQUEST, read_version, log=desk.log)
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("request_", "policy"),
    [
        (replace(REQUEST, source="t"), POLICY),
        (replace(REQUEST, path="/other"), POLICY),
        (OTHER, POLICY),
        (replace(REQUEST, parameters=(*REQUEST.parameters, ("cursor", "2"))), POLICY),
        (REQUEST, replace(POLICY, endpoint="https://other.example")),
        (REQUEST, replace(POLICY, auth="token")),
    ],
)
def test_different_questions_have_different_keys(request_: Request, policy: CachePolicy) -> None:
    """What was shown to one host, identity or question never answers another."""
    assert page_key(request_, policy) != page_key(REQUEST, POLICY)


def test_equal_questions_have_one_key() -> None:
    """The order of parameters, the conditions and the age allowed change no question."""
    pairs = (("a", "1"), ("b", "2"), ("a", "0"))
    requests = [
        replace(REQUEST, parameters=pairs),
        replace(REQUEST, parameters=pairs[::-1], conditions=(("If-None-Match", '"1"'),)),
    ]
    assert len({page_key(each, policy) for each in requests for policy in (POLICY, FRESH)}) == 1


async def test_the_real_store_fits(tmp_path: Path) -> None:
    """Pages kept on the disk by one run answer the next, and are vouched for later."""
    upstream, asked = Upstream(headers={"link": "more "}), []
    for hours, usable_since in [(0, None), (1, NOON), (5, NOON + 4 * HOUR), (6, NOON + 4 * HOUR)]:
        now = NOON + hours * HOUR
        with closing(open_database(tmp_path, now=now).database) as database:
            desk = Desk(upstream=upstream, now=now)
            policy = replace(POLICY, usable_since=usable_since)
            pages = desk.open(policy, store=PageStore(database, run=f"{hours}"))
            fetched = await pages.fetch(REQUEST, read_version, log=desk.log)
        asked.append((len(upstream.asked), version(fetched), fetched.fetched_at))
    assert asked == [
        (1, "more 0", NOON),
        (1, "more 0", NOON),
        (2, "more 0", NOON + 5 * HOUR),
        (2, "more 0", NOON + 5 * HOUR),
    ]


@dataclass(slots=True)
class Wire:
    """A network at whose end the page never changes."""

    sent: list[Mapping[str, str]] = field(default_factory=list)

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Answer like an upstream that knows conditions."""
        assert url == "https://upstream.example/models?sort=best"
        self.sent.append(headers)
        known = headers.get("If-None-Match") == '"0"'
        body = b"" if known else b"0"
        return Received(status=304 if known else 200, headers={"etag": '"0"'}, body=body)


HOST = Host(
    info=SourceInfo(
        name="s",
        title="S",
        file_prefix="s",
        short="s",
        endpoint="https://upstream.example",
        endpoint_variable="ENDPOINT",
        token_variable="TOKEN",
    ),
    endpoint="https://upstream.example",
    headers={"User-Agent": "test"},
)


@pytest.mark.parametrize("is_controlled", [True, False])
async def test_conditions_travel_as_headers(desk: Desk, *, is_controlled: bool) -> None:
    """Both fetchers send the conditions of a request, and hand on that nothing has changed."""
    wire, clock = Wire(), Clock()
    async with anyio.create_task_group() as tasks:
        controlled = ControlledFetcher(
            HOST,
            transport=wire,
            controller=Controller(ControlLimits(), random=clock.random),
            tasks=tasks,
            clock=clock,
            reporter=silent,
        )
        tasks.start_soon(controlled.run)
        fixed = Fetcher(
            HOST,
            transport=wire,
            limiter=FixedLimiter(Pace(concurrency=4, delay=0.1), clock=clock),
            policy=RetryPolicy(),
            clock=clock,
            reporter=silent,
        )
        inner: FetchesPages = controlled if is_controlled else fixed
        pages = CachedPages(inner, desk.shelf, POLICY, now=lambda: NOON, reporter=desk.note)
        fetched = await pages.fetch(REQUEST, read_version, log=desk.log)
        tasks.cancel_scope.cancel()
    assert wire.sent == [{"User-Agent": "test", "If-None-Match": '"0"'}]
    assert (version(fetched), fetched.fetched_at) == ("0", NOON)
    assert [(each.status, each.code) for each in desk.log] == [(304, None)]


@pytest.mark.parametrize(
    ("is_conditional", "headers", "code", "pause"),
    [
        (True, {}, None, None),
        (True, {"ratelimit": '"api";r=0;t=9'}, None, 9),
        (True, {"cf-mitigated": "challenge"}, ErrorCode.CHALLENGE, None),
        (False, {}, ErrorCode.API_ERROR, None),
    ],
)
def test_a_304_is_good_where_it_was_allowed(
    *, is_conditional: bool, headers: dict[str, str], code: ErrorCode | None, pause: float | None
) -> None:
    """That nothing has changed is an answer only to who asked for that."""
    signal = read_signal(304, headers, b"", now=NOON, is_conditional=is_conditional)
    assert (signal.code, signal.pause) == (code, pause)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["change", "fall ill", "recover", "break", "mend"]),
        st.sampled_from(["etag", "last-modified", ""]),
        st.integers(1, 90),
        st.tuples(st.sampled_from([0, 30, 60]), st.booleans()),
    ),
    max_size=40,
)
"""What happens: to upstream, to its marks, minutes that pass, or a run with the age it allows."""


@given(STEPS)
@settings(max_examples=60)
def test_what_comes_is_what_upstream_gave(
    steps: list[str | int | tuple[int, bool]],
) -> None:
    """Whatever happens, a page is the one that upstream had when it is said to be fetched.

    It is never older than allowed, and where upstream must be asked, its failure is a failure.
    """
    anyio.run(play, steps)


async def play(steps: list[str | int | tuple[int, bool]]) -> None:
    """Let a story happen, and hold each answer against what upstream had."""
    desk = Desk()
    upstream, versions = desk.upstream, {NOON: "0"}
    for step in steps:
        match step:
            case int():
                desk.now += step * MINUTE
            case "change":
                desk.now += MINUTE
                upstream.version += 1
                versions[desk.now] = str(upstream.version)
            case "fall ill" | "recover":
                upstream.is_ill = step == "fall ill"
            case "break" | "mend":
                upstream.body = b"<html>" if step == "break" else None
            case "etag" | "last-modified" | "":
                upstream.marks = step
            case (age, revalidate):
                await compare(desk, versions, age=age * MINUTE, revalidate=bool(revalidate))


async def compare(
    desk: Desk, versions: Mapping[datetime, str], *, age: timedelta, revalidate: bool
) -> None:
    """Ask in a run that allows pages of that *age*, and hold the answer against *versions*."""
    upstream = desk.upstream
    policy = replace(POLICY, usable_since=desk.now - age, revalidate=revalidate)
    asked = len(upstream.asked)
    fetched = await desk.ask(policy)
    if fetched.fetched_at is None:
        assert fetched == Fetched(failure=ILL)
        assert upstream.is_ill or upstream.body
        assert len(upstream.asked) == asked + 1
        return

    assert desk.now - age <= fetched.fetched_at <= desk.now
    assert version(fetched) == versions[max(at for at in versions if at <= fetched.fetched_at)]
    assert (fetched.fetched_at == desk.now) or len(upstream.asked) == asked
