"""What failed for reasons that may pass is read once more, where it stopped, the stalest first."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.events import FilterSettled, Noted
from manifests.fetch.fetcher import Fetched
from manifests.models import Filter, Model, Stats
from manifests.planner import plan_queries
from manifests.reading import COOL_DOWN, ListingReader, SecondPass
from manifests.results import Failure
from manifests.sources import SOURCES
from manifests.sources.base import Entry, Page
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manifests.events import Event
    from manifests.fetch.fetcher import ReadPage
    from manifests.reading import ReadQuery
    from manifests.sources.base import Request

Script: TypeAlias = "Mapping[str, Sequence[Page | Failure | None]]"
pytestmark = pytest.mark.virtual_time


def failing(code: ErrorCode) -> Failure:
    """Return a failure."""
    return Failure(code=code, cause="upstream is ill", next_step="run again later")


DOWN = failing(ErrorCode.MAX_RETRIES_EXCEEDED)
GONE = failing(ErrorCode.NOT_FOUND)


def page(number: int, *, cursor: str | None = None) -> Page:
    """Return a page of one model, whose type suits every listing here."""
    model = Model(id=str(number), source="civitai", slug="any", name="any", type="LORA")
    return Page(entries=(Entry(model=model, stats=Stats()),), cursor=cursor)


def wanting(base: str) -> Filter:
    """Return a filter of LORAs of one base model: listings that do not answer each other."""
    return Filter(
        source="civitai",
        path=f"filter/{base}",
        label="any",
        limit=10,
        sort="Most Downloaded",
        parameters={"username": base},
        values={},
    )


@dataclass(kw_only=True)
class Scripted:
    """A fetcher that plays a script, page after page."""

    script: Script
    """User → what each request for the listing meets; None never comes."""
    asked: list[tuple[str, str, float]] = field(default_factory=list)
    """User, cursor and time of each request."""

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return the next of the listing."""
        del read, hints
        asked = dict(request.parameters)
        name = asked["username"]
        found = self.script[name][sum(each == name for each, _, _ in self.asked)]
        self.asked.append((name, asked.get("cursor", ""), anyio.current_time()))
        log.append(Attempt(number=1, url=name, started=0, seconds=0))
        if found is None:
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        return Fetched(failure=found) if isinstance(found, Failure) else Fetched(page=found)


@dataclass(kw_only=True)
class Run:
    """What has come of a reading."""

    fetcher: Scripted
    results: Mapping[str, ReadQuery]
    """By user."""
    events: list[Event]

    @property
    def again(self) -> list[tuple[str, str]]:
        """User and cursor of what was asked for after the cool-down, in order."""
        return [(name, cursor) for name, cursor, at in self.fetcher.asked if at >= COOL_DOWN]

    @property
    def settled(self) -> dict[str, ErrorCode | None]:
        """Filter → how it ended, for those that were told of."""
        found = [event for event in self.events if isinstance(event, FilterSettled)]
        assert len({event.filter for event in found}) == len(found)
        return {event.filter: event.failure.code if event.failure else None for event in found}


async def read(
    script: Script,
    *,
    deadline: float = 600,
    successes: Mapping[str, str] | None = None,
) -> Run:
    """Play a script to its end, or to the deadline."""
    events: list[Event] = []

    def note(event: Event) -> None:
        events.append(event)

    fetcher = Scripted(script=script)
    known = successes or {}
    reader = ListingReader(
        plan_queries([wanting(name) for name in script], SOURCES),
        sources=SOURCES,
        fetchers={"civitai": fetcher},
        reporter=note,
        is_published=lambda *_: False,
        second_pass=SecondPass(
            clock=Clock(random=random.Random(1)),
            ends=anyio.current_time() + deadline,
            last_success=lambda each: known.get(each.path.removeprefix("filter/"), ""),
        ),
    )
    with anyio.move_on_after(deadline):
        await reader.read_all()
    results = {query.values("username")[0]: found for query, found in reader.results.items()}
    return Run(fetcher=fetcher, results=results, events=events)


async def test_a_listing_goes_on_where_it_stopped() -> None:
    """The pages that came are not asked for again; the filter is told of once, at the end."""
    script: Script = {"a": [page(1, cursor="x"), DOWN, page(2)]}
    run = await read(script)
    assert run.again == [("a", "x")]
    assert [each.model.id for each in run.results["a"].listing.entries] == ["1", "2"]
    assert run.results["a"].failure is None
    assert run.settled == {"filter/a": None}
    assert [event.message for event in run.events if isinstance(event, Noted)] == [
        "1 listing failed for reasons that may pass; one more try in 60 s"
    ]


async def test_a_second_failure_is_the_last() -> None:
    """There is no third pass, and the failure told is that of the second."""
    other = failing(ErrorCode.TIMEOUT)
    run = await read({"a": [DOWN, other], "b": [page(1)]})
    assert run.again == [("a", "")]
    assert run.results["a"].failure == other
    assert run.settled == {"filter/a": ErrorCode.TIMEOUT, "filter/b": None}


@pytest.mark.parametrize(
    ("code", "is_read_again"),
    [
        *((code, True) for code in ("MAX_RETRIES_EXCEEDED", "CIRCUIT_OPEN", "TIMEOUT")),
        *((code, True) for code in ("NETWORK_ERROR", "API_ERROR", "RATE_LIMIT")),
        ("MALFORMED_RESPONSE", True),
        *((code, False) for code in ("AUTH_ERROR", "VALIDATION_ERROR", "NOT_FOUND", "CHALLENGE")),
        *((code, False) for code in ("REGION_BLOCKED", "PAGE_CAP", "FILTER_IGNORED")),
    ],
)
async def test_only_what_may_pass_is_read_again(code: str, *, is_read_again: bool) -> None:
    """A refusal for good is told at once, and costs no second request."""
    failure = failing(ErrorCode(code))
    run = await read({"a": [failure, page(1)], "b": [page(2)]})
    assert run.again == ([("a", "")] if is_read_again else [])
    assert run.settled["filter/a"] == (None if is_read_again else failure.code)


async def test_the_stalest_is_read_first() -> None:
    """A filter that was never made comes first, then whoever waits longest."""
    successes = {"a": "2026-08-03T00:00:00Z", "b": "2026-08-01T00:00:00Z", "d": "2026-08-02"}
    script: Script = {name: [DOWN, page(1)] for name in "abcd"}
    run = await read({**script, "e": [page(2)]}, successes=successes)
    assert sorted(name for name, _ in run.again) == ["a", "b", "c", "d"]
    order = run.results
    second = SecondPass(
        clock=Clock(), ends=0, last_success=lambda each: successes.get(each.path[-1], "")
    )
    assert sorted("abcd", key=lambda name: second.staleness(order[name].planned)) == [*"cbda"]


async def test_a_source_of_which_nothing_came_is_left_alone() -> None:
    """A host that answered nothing is down: the run ends, and the next one will see."""
    run = await read({"a": [DOWN], "b": [DOWN]})
    assert run.again == []
    assert anyio.current_time() < COOL_DOWN
    assert run.settled == dict.fromkeys(["filter/a", "filter/b"], DOWN.code)


async def test_no_second_pass_begins_after_the_deadline() -> None:
    """Where the cool-down would outlast the run, the failures are told at once."""
    run = await read({"a": [DOWN], "b": [page(1)]}, deadline=COOL_DOWN)
    assert run.again == []
    assert anyio.current_time() < COOL_DOWN
    assert run.settled == {"filter/a": DOWN.code, "filter/b": None}


async def test_a_second_pass_that_is_cut_short_keeps_the_first_failure() -> None:
    """A run that ends meanwhile knows why the listing failed, and what came of it."""
    run = await read(
        {"a": [page(1, cursor="x"), DOWN, None], "b": [page(2)]}, deadline=COOL_DOWN + 9
    )
    assert run.again == [("a", "x")]
    assert run.results["a"].failure == DOWN
    assert [each.model.id for each in run.results["a"].listing.entries] == ["1"]
    assert run.settled == {"filter/b": None}
