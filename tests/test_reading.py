"""Hold how listings are read at once: who waits for whom, and what is left of a bad day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.events import Event, FilterSettled, silent
from manifests.fetch.fetcher import Fetched
from manifests.models import Filter, Model, Query, Stats
from manifests.planner import Plan, PlannedQuery, plan_queries
from manifests.reading import MOST_AT_ONCE, ListingReader, ReadQuery, SecondPass
from manifests.results import Failure
from manifests.sources import SOURCES
from manifests.sources.base import Entry, Page
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manifests.fetch.fetcher import ReadPage
    from manifests.sources.base import Request

Script: TypeAlias = "Mapping[str, Sequence[Page | Failure | None]]"
"""Types of a listing → what each of its pages is; None never comes."""

DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")


def entry(number: int, type_: str = "LORA") -> Entry:
    """Return a model under a number."""
    model = Model(id=str(number), source="civitai", slug="any", name="any", type=type_)
    return Entry(model=model, stats=Stats())


def page(*entries: Entry, cursor: str | None = None) -> Page:
    """Return a page."""
    return Page(entries=entries, cursor=cursor)


def wanting(types: str, *, limit: int = 10, path: str | None = None) -> Filter:
    """Return a filter of some types, parted by spaces."""
    return Filter(
        source="civitai",
        path=path or f"filter/{types.lower().replace(' ', '-')}",
        label="any",
        limit=limit,
        sort="Most Downloaded",
        values={"nsfw": "XXX", "type": tuple(types.split())},
    )


BROAD = wanting("Checkpoint LORA")
NARROW = wanting("LORA")


@dataclass(kw_only=True)
class Scripted:
    """A fetcher that plays a script, page after page."""

    script: Script
    asked: list[str] = field(default_factory=list)
    """Types of the listings asked for, in order."""

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return the next page of the listing."""
        del read, hints
        types = " ".join(value for name, value in request.parameters if name == "types")
        pages = self.script[types]
        found = pages[self.asked.count(types)]
        self.asked.append(types)
        log.append(Attempt(number=1, url=types, started=0, seconds=0))
        if found is None:
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        return Fetched(failure=found) if isinstance(found, Failure) else Fetched(page=found)


@dataclass(kw_only=True)
class Run:
    """What has come of a reading."""

    results: dict[str, ReadQuery]
    """By the types of the listing."""
    events: list[FilterSettled]
    asked: list[str]

    def ids(self, types: str) -> list[str]:
        """Return what was read of a listing."""
        return [found.model.id for found in self.results[types].listing.entries]


def last_success(filter_: Filter) -> str:
    """Return when a filter was last made: broad ones never were, others in alphabetical order."""
    return "" if filter_.path == BROAD.path else filter_.path


async def read(script: Script, *filters: Filter, ends: float = 0) -> Run:
    """Play a script until it ends, or for 100 seconds of virtual time; before *ends* twice."""
    events: list[FilterSettled] = []

    def note(event: Event) -> None:
        if isinstance(event, FilterSettled):
            events.append(event)

    fetcher = Scripted(script=script)
    reader = ListingReader(
        plan_queries(filters, SOURCES),
        sources=SOURCES,
        fetchers={"civitai": fetcher},
        reporter=note,
        is_published=lambda _, path: path == NARROW.path,
        second_pass=SecondPass(clock=Clock(), ends=ends, last_success=last_success),
    )
    with anyio.move_on_after(100):
        await reader.read_all()
    results = {" ".join(query.values("types")): found for query, found in reader.results.items()}
    return Run(results=results, events=events, asked=fetcher.asked)


async def test_a_narrower_listing_asks_itself_when_the_broader_failed() -> None:
    """One listing's bad luck is not that of all below it."""
    script: Script = {"Checkpoint LORA": [DOWN], "LORA": [page(entry(1))]}
    run = await read(script, NARROW, BROAD)
    assert run.asked == ["Checkpoint LORA", "LORA"]
    assert run.results["Checkpoint LORA"].failure == DOWN
    assert run.results["LORA"].failure is None
    assert run.ids("LORA") == ["1"]
    assert run.results["LORA"].listing.answered_by is None


async def test_a_narrower_listing_asks_itself_when_the_broader_was_cut_at_its_limit() -> None:
    """A listing that was not read to its end may lack what a narrower one needs."""
    script: Script = {
        "Checkpoint LORA": [page(entry(1), entry(2), cursor="a")],
        "LORA": [page(entry(1)), page(entry(2))],
    }
    run = await read(script, wanting("Checkpoint LORA", limit=2), NARROW)
    assert run.asked == ["Checkpoint LORA", "LORA"]


async def test_a_complete_broader_listing_answers_without_a_request() -> None:
    """What a listing that was read to its end does not hold, upstream does not have."""
    broad = [page(entry(1, "Checkpoint"), cursor="a"), page(entry(2), entry(3))]
    run = await read({"Checkpoint LORA": broad}, NARROW, BROAD)
    assert run.asked == ["Checkpoint LORA"] * 2
    assert run.ids("LORA") == ["2", "3"]
    derived = run.results["LORA"]
    assert derived.listing.answered_by == run.results["Checkpoint LORA"].planned.query
    assert derived.attempts == []
    assert "filter/lora" in [event.filter for event in run.events]


async def test_any_complete_broader_listing_will_do() -> None:
    """Of several that could answer, one that failed does not stand in the way."""
    script: Script = {"": [DOWN], "Checkpoint LORA": [page(entry(1))]}
    run = await read(script, NARROW, BROAD, wanting("", path="filter/any"))
    assert run.asked == ["", "Checkpoint LORA"]
    assert run.ids("LORA") == ["1"]


async def test_a_listing_that_failed_after_enough_models_serves_who_has_enough() -> None:
    """Only the filter that needed more is told of the failure."""
    script: Script = {"LORA": [page(entry(1), entry(2), cursor="a"), DOWN]}
    modest, greedy = (wanting("LORA", limit=n, path=f"filter/{n}") for n in (2, 3))
    run = await read(script, modest, greedy)
    assert {event.filter: event.failure for event in run.events} == {
        "filter/2": None,
        "filter/3": DOWN,
    }
    assert run.ids("LORA") == ["1", "2"]
    assert run.results["LORA"].failure == DOWN


async def test_a_listing_that_turns_in_circles_fails() -> None:
    """What pages can't be read on is a failure like any other."""
    pages = [page(entry(number), cursor="a") for number in (1, 2)]
    run = await read({"LORA": pages}, NARROW)
    failure = run.results["LORA"].failure
    assert failure is not None
    assert failure.code is ErrorCode.PAGINATION_ERROR
    assert run.events[0].failure == failure


async def test_each_filter_is_settled_once() -> None:
    """Whoever watches learns of each filter, and whether an old manifest stays."""
    script = {"Checkpoint LORA": [DOWN], "LORA": [DOWN]}
    run = await read(script, NARROW, BROAD)
    assert [(event.filter, event.failure, event.keeps_old) for event in run.events] == [
        ("filter/checkpoint-lora", DOWN, False),
        ("filter/lora", DOWN, True),
    ]
    assert {event.source for event in run.events} == {"civitai"}


@pytest.mark.virtual_time
async def test_a_reading_that_is_cut_short_keeps_what_it_had() -> None:
    """Pages and attempts of unfinished listings are there, and no filter is settled wrongly."""
    script: Script = {
        "VAE": [page(entry(1, "VAE"))],
        "Checkpoint LORA": [page(entry(2), cursor="a"), None],
    }
    run = await read(script, NARROW, BROAD, wanting("VAE"))
    assert [event.filter for event in run.events] == ["filter/vae"]
    assert run.ids("VAE") == ["1"]
    assert run.ids("Checkpoint LORA") == ["2"]
    assert run.ids("LORA") == []
    assert len(run.results["Checkpoint LORA"].attempts) == 2


@pytest.mark.virtual_time
async def test_listings_that_do_not_answer_each_other_are_read_at_once() -> None:
    """A slow listing holds up only those that it may answer."""
    script: Script = {"Checkpoint": [None], "LORA": [page(entry(1))], "VAE": [page(entry(2))]}
    run = await read(script, wanting("Checkpoint"), NARROW, wanting("VAE"))
    assert sorted(event.filter for event in run.events) == ["filter/lora", "filter/vae"]


def test_the_results_are_whole_before_anything_is_read() -> None:
    """Even a run that is ended at once has an answer for every listing."""
    plan = plan_queries([BROAD, NARROW], SOURCES)
    reader = ListingReader(
        plan,
        sources=SOURCES,
        fetchers={},
        reporter=silent,
        is_published=lambda *_: False,
    )
    assert list(reader.results) == [planned.query for planned in plan.queries]
    assert not any(found.listing.ended for found in reader.results.values())


AUTH = Failure(code=ErrorCode.AUTH_ERROR, cause="no", next_step="mend the token")
LATER = 1000.0


@pytest.mark.virtual_time
async def test_what_failed_for_a_passing_reason_is_read_on_later() -> None:
    """The second pass goes on where the first broke off, and asks for no page again."""
    script: Script = {"LORA": [page(entry(1), cursor="a"), DOWN, page(entry(2))]}
    run = await read(script, NARROW, ends=LATER)
    assert run.ids("LORA") == ["1", "2"]
    assert (run.results["LORA"].failure, len(run.asked)) == (None, 3)
    assert [(event.filter, event.failure) for event in run.events] == [("filter/lora", None)]


@pytest.mark.virtual_time
async def test_what_fails_twice_has_failed() -> None:
    """There is no third pass."""
    script: Script = {"LORA": [page(entry(1), cursor="a"), DOWN, DOWN]}
    run = await read(script, NARROW, ends=LATER)
    assert [event.failure for event in run.events] == [DOWN]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ({"LORA": [page(entry(1), cursor="a"), AUTH]}, LATER),  # will not pass
        ({"LORA": [page(entry(1), cursor="a"), DOWN]}, 30.0),  # no time is left
        ({"LORA": [DOWN]}, LATER),  # nothing came of this source at all
    ],
)
async def test_a_hopeless_listing_is_not_asked_again(script: Script, ends: float) -> None:
    """A second pass is for what may be better, while there is time, of a source that lives."""
    run = await read(script, NARROW, ends=ends)
    assert len(run.asked) == len(script["LORA"])
    assert [event.failure for event in run.events] == [script["LORA"][-1]]


@pytest.mark.parametrize(
    ("filters", "staleness"),
    [
        ([wanting("LORA", path="filter/b"), wanting("LORA", path="filter/a")], "filter/a"),
        ([wanting("Checkpoint LORA", path="filter/a"), BROAD], ""),
    ],
)
def test_a_listing_is_as_stale_as_its_stalest_filter(filters: list[Filter], staleness: str) -> None:
    """So that the filter that was left alone for longest goes first; one never made before all."""
    (planned,) = plan_queries(filters, SOURCES).queries
    second = SecondPass(clock=Clock(), ends=0, last_success=last_success)
    assert second.staleness(planned) == staleness


async def test_of_very_many_listings_some_are_under_way_at_once() -> None:
    """All are read, in turn, and a source does not wait until all of another are begun."""
    most: Counter[str] = Counter()
    under_way: Counter[str] = Counter()

    class Crowded:
        """A fetcher that counts how many pages are asked for at once."""

        async def fetch(
            self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
        ) -> Fetched:
            """Return an empty page."""
            del read, log, hints
            under_way[request.source] += 1
            most[request.source] = max(most[request.source], under_way[request.source])
            await anyio.lowlevel.checkpoint()
            under_way[request.source] -= 1
            return Fetched(page=Page())

    count = MOST_AT_ONCE + 200
    filters = [
        Filter(
            source=source,
            path=f"filter/u{number}",
            label="any",
            limit=1,
            sort=sort,
            parameters={name: f"u{number}"},
        )
        for source, sort, name in [
            ("civitai", "Most Downloaded", "username"),
            ("huggingface", "likes", "author"),
        ]
        for number in range(count)
    ]
    reader = ListingReader(
        plan_queries(filters, SOURCES),
        sources=SOURCES,
        fetchers=dict.fromkeys(SOURCES, Crowded()),
        reporter=silent,
        is_published=lambda *_: False,
    )
    await reader.read_all()
    assert all(result.listing.ended for result in reader.results.values())
    assert len(reader.results) == 2 * count
    assert most == {"civitai": MOST_AT_ONCE, "huggingface": MOST_AT_ONCE}


async def test_narrow_listings_that_wait_keep_no_place_from_the_broad_one() -> None:
    """Even if more of them come first in the plan than may be under way, all are answered by it."""
    (broad,) = plan_queries([BROAD], SOURCES).queries
    narrow = [
        PlannedQuery(
            query=Query(source="civitai", parameters=(("types", "LORA"), ("tag", str(number)))),
            wanted=(),
            broader=(broad.query,),
        )
        for number in range(MOST_AT_ONCE + 1)
    ]
    reader = ListingReader(
        Plan(queries=(*narrow, broad)),
        sources=SOURCES,
        fetchers={"civitai": Scripted(script={"Checkpoint LORA": [page(entry(1))]})},
        reporter=silent,
        is_published=lambda *_: False,
    )
    with anyio.fail_after(20):
        await reader.read_all()
    assert {len(each.listing.entries) for each in reader.results.values()} == {1}
