"""Hold that sharing listings changes nothing but the number of requests.

The small upstream below lists a drawn catalogue as CivitAI does: by types, base models and `nsfw`,
in pages of any length with a cursor, and with only those versions that were asked for.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from manifests.assembly import assemble, collect_entries
from manifests.events import silent
from manifests.fetch.fetcher import Fetched
from manifests.filters import load_filters
from manifests.models import FacetValue, Filter, Manifest, Model, Stats
from manifests.planner import Plan, plan_queries
from manifests.reading import ListingReader
from manifests.sources import SOURCES
from manifests.sources.base import Entry, Page
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manifests.assembly import Made
    from manifests.fetch.fetcher import ReadPage
    from manifests.models import Query
    from manifests.sources.base import Request

ROOT = Path(__file__).parents[1]
TYPES = ("Checkpoint", "LORA", "VAE")
BASE_MODELS = ("SD 1.5", "SD 2.1", "Pony")
INFOS = {name: source.info for name, source in SOURCES.items()}

Published: TypeAlias = tuple[dict[str, Manifest], dict[str, Entry]]
"""Path → its manifest, and id → the entry of each model in any of them."""


@dataclass(kw_only=True)
class SmallUpstream:
    """Serves listings of a few models by cursor; it keeps count of what it was asked."""

    models: Sequence[Model]
    lengths: Sequence[int]
    """How long pages are, in turn; 0 is an empty page with a successor."""
    asked: list[tuple[tuple[str, str], ...]] = field(default_factory=list)

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return the page at the cursor, after others have had their turn."""
        del read, hints
        await anyio.lowlevel.checkpoint()
        self.asked.append(request.parameters)
        log.append(Attempt(number=1, url="", started=0, seconds=0, status=200))
        asked = dict(request.parameters)
        listed = [entry for model in self.models if (entry := listing_entry(model, request))]
        page, start = map(int, asked.get("cursor", "0 0").split())
        end = start + self.lengths[page % len(self.lengths)]
        more = end < len(listed)
        return Fetched(
            page=Page(
                entries=tuple(listed[start:end]), cursor=f"{page + 1} {end}" if more else None
            )
        )


def listing_entry(model: Model, request: Request) -> Entry | None:
    """Return how upstream lists a model, with the versions asked for alone, or None."""
    asked = {
        name: {value for key, value in request.parameters if key == name}
        for name in ("types", "baseModels", "nsfw")
    }
    shown = [
        one for one in model.base_models if not asked["baseModels"] or one in asked["baseModels"]
    ]
    if (asked["types"] and model.type not in asked["types"]) or not shown:
        return None
    if asked["nsfw"] == {"false"} and not (model.nsfw_level or 0) & 1:
        return None
    slim = replace(model, base_models=tuple(shown), name=" ".join(shown))
    return Entry(model=slim, stats=Stats(downloads=len(shown)))


async def read(plan: Plan, upstream: SmallUpstream) -> ListingReader:
    """Return the reader of a plan that was read to the end."""
    reader = ListingReader(
        plan,
        sources=SOURCES,
        fetchers={"civitai": upstream},
        reporter=silent,
        is_published=lambda *_: False,
    )
    await reader.read_all()
    return reader


async def together(filters: Sequence[Filter], upstream: SmallUpstream) -> Published:
    """Return what one planned run would publish."""
    plan = plan_queries(filters, SOURCES)
    results = (await read(plan, upstream)).results
    made = list(assemble(plan, results, INFOS, ended_by="completion"))
    manifests = {one.filter.path: manifest(one) for one in made}
    entries = {one.model.id: one for one in collect_entries(plan, results)["civitai"]}
    return manifests, published_entries(manifests, entries)


async def apart(filters: Sequence[Filter], upstream: SmallUpstream) -> Published:
    """Return what a run for each filter would publish, merged: the broadest has the word."""
    manifests: dict[str, Manifest] = {}
    found: dict[Query, dict[str, Entry]] = {}
    for filter_ in filters:
        plan = plan_queries([filter_], SOURCES)
        results = (await read(plan, upstream)).results
        (made,) = assemble(plan, results, INFOS, ended_by="completion")
        manifests[filter_.path] = manifest(made)
        listing = made.read.listing
        found.setdefault(listing.query, {}).update(
            {entry.model.id: entry for entry in listing.entries}
        )
    entries: dict[str, Entry] = {}
    queries = plan_queries(filters, SOURCES).queries
    for planned in sorted(queries, key=lambda one: (-len(one.broader), one.query.parameters)):
        entries.update(found[planned.query])
    return manifests, published_entries(manifests, entries)


def manifest(made: Made) -> Manifest:
    """Return what was made for a filter; this upstream never fails."""
    assert made.candidate is not None
    return made.candidate.manifest


def published_entries(
    manifests: dict[str, Manifest], entries: dict[str, Entry]
) -> dict[str, Entry]:
    """Return the entries of the models that some manifest names."""
    named = {id_ for one in manifests.values() for id_ in one.model_ids}
    return {id_: entries[id_] for id_ in named}


def subsets(values: Sequence[str]) -> st.SearchStrategy[FacetValue]:
    """Return a strategy for some of *values*, or none of them."""
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


@st.composite
def catalogues(draw: st.DrawFn) -> list[Model]:
    """Draw models in upstream's order."""
    return [
        Model(
            id=str(number),
            source="civitai",
            slug=str(number),
            name="any",
            type=draw(st.sampled_from(TYPES)),
            base_models=tuple(
                draw(st.lists(st.sampled_from(BASE_MODELS), min_size=1, unique=True))
            ),
            nsfw=draw(st.booleans()),
            nsfw_level=draw(st.sampled_from([None, 0, 1, 2, 3, 4, 16, 31, 33])),
        )
        for number in range(draw(st.integers(0, 14)))
    ]


@st.composite
def filter_sets(draw: st.DrawFn) -> list[Filter]:
    """Draw filters over the facets, with small limits of their own."""
    facets = st.fixed_dictionaries(
        {
            "nsfw": st.sampled_from(["None", "Soft", "Mature", "X", "XXX"]),
            "type": subsets(TYPES),
            "base_model": subsets(BASE_MODELS),
        }
    )
    drawn: list[tuple[dict[str, FacetValue], int]] = draw(
        st.lists(st.tuples(facets, st.integers(1, 16)), min_size=1, max_size=9)
    )
    return [
        Filter(
            source="civitai",
            path=f"filter/{number}",
            label="any",
            limit=limit,
            sort="Most Downloaded",
            values=values,
            skip_models=("3",),
        )
        for number, (values, limit) in enumerate(drawn)
    ]


LENGTHS = st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any)


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
@given(models=catalogues(), filters=filter_sets(), lengths=LENGTHS)
async def test_a_planned_run_publishes_what_a_run_for_each_filter_would(
    models: list[Model], filters: list[Filter], lengths: list[int]
) -> None:
    """Sharing pages and answering from broader listings change no manifest and no catalogue."""
    shared, alone = (SmallUpstream(models=models, lengths=lengths) for _ in range(2))
    assert await together(filters, shared) == await apart(filters, alone)
    assert len(set(shared.asked)) == len(shared.asked)
    assert len(shared.asked) <= len(alone.asked)


@pytest.fixture(scope="module")
def shipped() -> tuple[Filter, ...]:
    """Return the filters of the shipped definitions."""
    return load_filters(ROOT / "filters", SOURCES)


def test_no_filters_are_no_queries() -> None:
    """A plan of nothing sends nothing."""
    assert plan_queries([], SOURCES) == Plan(queries=())


def test_the_shipped_filters_need_126_queries(shipped: tuple[Filter, ...]) -> None:
    """Every filter waits for exactly one of few listings."""
    plan = plan_queries(shipped, SOURCES)
    assert len(plan.queries) == 126
    waiting = [wanted.filter for planned in plan.queries for wanted in planned.wanted]
    assert len(waiting) == 330
    assert {(one.source, one.path) for one in waiting} == {
        (one.source, one.path) for one in shipped
    }


def test_equal_definitions_give_equal_plans(shipped: tuple[Filter, ...]) -> None:
    """No hash or set decides the order in which a run asks."""
    assert plan_queries(shipped, SOURCES) == plan_queries(list(shipped), SOURCES)


def test_broader_listings_come_first(shipped: tuple[Filter, ...]) -> None:
    """Whatever a listing may be answered by has been planned before it, and covers it."""
    plan = plan_queries(shipped, SOURCES)
    place = {planned.query: number for number, planned in enumerate(plan.queries)}
    pairs = [(planned.query, broad) for planned in plan.queries for broad in planned.broader]
    assert pairs
    assert all(place[broad] < place[query] for query, broad in pairs)
    assert all(SOURCES[query.source].covers(broad, query) for query, broad in pairs)


@st.composite
def any_queries(draw: st.DrawFn, source: str) -> list[Query]:
    """Draw queries of explicit filters of a real source, which may differ in anything."""
    parameters: dict[str, st.SearchStrategy[FacetValue]] = {
        "civitai": {
            "types": subsets(TYPES),
            "baseModels": subsets(BASE_MODELS),
            "nsfw": st.sampled_from(["true", "false"]),
            "sort": st.sampled_from(["Most Downloaded", "Newest"]),
            "query": st.just("cat"),
        },
        "huggingface": {
            "filter": subsets(["license:mit", "license:apache-2.0", "gguf", "region:us"]),
            "sort": st.sampled_from(["likes", "downloads"]),
        },
    }[source]
    drawn = draw(st.lists(st.fixed_dictionaries({}, optional=parameters), max_size=8))
    return [
        SOURCES[source]
        .resolve(
            Filter(source=source, path="filter/a", label="a", limit=1, sort="likes", parameters=one)
        )
        .query
        for one in drawn
    ]


@pytest.mark.parametrize("source", sorted(SOURCES))
@settings(max_examples=50)
@given(data=st.data())
def test_covering_is_an_order(source: str, data: st.DataObject) -> None:
    """No listing waits for itself by any detour, and whatever covers shares a family."""
    queries = set(data.draw(any_queries(source)))
    adapter = SOURCES[source]
    covers = {pair for pair in itertools.product(queries, queries) if adapter.covers(*pair)}
    assert all(broad != narrow and (narrow, broad) not in covers for broad, narrow in covers)
    assert all(
        (one, three) in covers
        for (one, two), (other, three) in itertools.product(covers, covers)
        if two == other
    )
    assert all(adapter.family(broad) == adapter.family(narrow) for broad, narrow in covers)


def success_of(known: dict[str, str], filter_: Filter) -> str:
    """Return when a filter was last made."""
    return known[filter_.path]


def test_the_stalest_filter_speaks_for_its_listing() -> None:
    """Of two listings that comes first whose stalest filter is the stalest, whatever the others."""
    filters = load_filters(ROOT / "filters", SOURCES)
    shared = [each for each in plan_queries(filters, SOURCES).queries if len(each.wanted) > 1]
    first, second = (each for each in shared if not each.broader and each in shared[:2])
    wanted = [each.filter for planned in (first, second) for each in planned.wanted]
    moments = {each.path: "2026-08-02T00:00:00Z" for each in wanted}
    moments[first.wanted[0].filter.path] = "2026-08-09T00:00:00Z"
    moments[second.wanted[0].filter.path] = "2026-08-09T00:00:00Z"
    for stalest in (first, second):
        known = moments | {stalest.wanted[-1].filter.path: "2026-08-01T00:00:00Z"}
        plan = plan_queries(wanted, SOURCES, last_success=partial(success_of, known))
        assert plan.queries[0].query == stalest.query
