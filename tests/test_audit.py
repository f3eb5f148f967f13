"""Hold what the pages of a listing give away: ignored filters, circles, lost and moved models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from manifests.assembly import record_queries
from manifests.audit import MOST_IDLE_PAGES, Finding, is_ignored, mismatch
from manifests.errors import ErrorCode
from manifests.events import silent
from manifests.fetch.fetcher import Fetched
from manifests.filters import load_filters
from manifests.listings import Reading, select
from manifests.models import Filter, Model, Query, Stats
from manifests.planner import Plan, PlannedQuery, Wanted, plan_queries
from manifests.reading import ListingReader, ReadQuery
from manifests.results import Failure
from manifests.sandbox.catalogue import DAY
from manifests.sandbox.civitai_api import CivitaiApi
from manifests.sandbox.huggingface_api import HuggingFaceApi
from manifests.sandbox.recorded import read_recorded
from manifests.sandbox.synthetic_civitai import SyntheticCivitai
from manifests.sandbox.wire import Ask
from manifests.sources import SOURCES
from manifests.sources.base import Dropped, Entry, Page, Reply, Request

if TYPE_CHECKING:
    from manifests.fetch.fetcher import ReadPage
    from manifests.sandbox.wire import Api
    from manifests.traffic import Attempt

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / ".." / "shared" / "recorded"
CIVITAI, HUGGING_FACE = SOURCES["civitai"], SOURCES["huggingface"]
LORAS = (("types", "LORA"),)
NEWEST = (("sort", "Newest"), ("types", "LORA"))
DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")

Parameters = tuple[tuple[str, str], ...]


def query(*parameters: tuple[str, str], source: str = "civitai") -> Query:
    """Return a listing."""
    return Query(source=source, parameters=tuple(sorted(parameters)))


def model(id_: object = 1, **fields: object) -> Model:
    """Return a model with *fields*."""
    return TypeAdapter(Model).validate_python(
        {"id": str(id_), "source": "civitai", "slug": "any", "name": "any", **fields}
    )


def entry(id_: object, type_: str = "LORA", downloads: int | None = None) -> Entry:
    """Return a model of a type, with a counter."""
    return Entry(model=model(id_, type=type_), stats=Stats(downloads=downloads))


def page(*entries: Entry | int, cursor: str | None = None) -> Page:
    """Return a page of models, or of such LORAs."""
    return Page(
        entries=tuple(entry(each) if isinstance(each, int) else each for each in entries),
        cursor=cursor,
    )


def planned(parameters: Parameters, limit: int = 10**6) -> PlannedQuery:
    """Return a listing that one filter waits for."""
    filter_ = Filter(source="civitai", path="filter/a", label="a", limit=limit, sort="any")
    return PlannedQuery(query=query(*parameters), wanted=(Wanted(filter=filter_, rules=()),))


def reading(parameters: Parameters = LORAS, limit: int = 10**6) -> Reading:
    """Return an audited reading."""
    return Reading(planned(parameters, limit), CIVITAI)


def ids(found: Reading) -> list[str]:
    """Return what has been read."""
    return [one.model.id for one in found.listing().entries]


@pytest.mark.parametrize(
    ("parameters", "fields", "complaint"),
    [
        ((), {"type": "VAE"}, None),
        (LORAS, {"type": "LORA"}, None),
        (LORAS, {"type": "LoCon"}, "no LORA"),
        (LORAS, {"type": None}, None),
        ((("types", "Checkpoint"), ("types", "LORA")), {"type": "LORA"}, None),
        ((("types", "Checkpoint"), ("types", "LORA")), {"type": "VAE"}, "no Checkpoint/LORA"),
        ((("baseModels", "Pony"),), {"base_models": ("SD 1.5", "Pony")}, None),
        ((("baseModels", "Pony"),), {"base_models": ("SD 1.5",)}, "not for Pony"),
        ((("baseModels", "Pony"),), {"base_models": ()}, None),
        ((("tag", "Anime"),), {"tags": ("style", "anime")}, None),
        ((("tag", "anime"),), {"tags": ("style", "ANIME")}, None),
        ((("tag", " anime  girl"),), {"tags": ("Anime Girl",)}, None),
        ((("tag", "anime"),), {"tags": ("animes",)}, "not tagged anime"),
        ((("tag", "anime"),), {"tags": ()}, "not tagged anime"),
        ((("username", "ann_b"),), {"author": "Ann B"}, None),
        ((("username", "ann"),), {"author": "bob"}, "not by ann"),
        ((("username", "ann"),), {"author": None}, None),
        ((("ids", "1"), ("ids", "2,3")), {"id": "3"}, None),
        ((("ids", "1"), ("ids", "2,3")), {"id": "4"}, "not 1,2,3"),
        ((*LORAS, ("username", "ann")), {"type": "VAE", "author": "bob"}, "no LORA"),
        ((("nsfw", "false"), ("period", "Day"), ("baseModel", "Pony")), {"type": "VAE"}, None),
    ],
)
def test_what_a_civitai_model_contradicts(
    parameters: Parameters, fields: dict[str, object], complaint: str | None
) -> None:
    """A model contradicts only what its record shows; what was left out says nothing."""
    one = model(**fields)
    assert mismatch(CIVITAI.judges(query(*parameters)), one) == complaint


@pytest.mark.parametrize(
    ("parameters", "fields", "complaint"),
    [
        ((), {}, None),
        ((("filter", "license:mit"),), {"tags": ("en", "License:MIT")}, None),
        ((("filter", "license:mit"),), {"tags": ("mit",)}, "not tagged license:mit"),
        ((("filter", "en"), ("filter", "gguf")), {"tags": ()}, None),
        ((("filter", "en"), ("filter", "a:b")), {"tags": ("en",)}, "not tagged a:b"),
        ((("filter", "en, a:b,c:d"),), {"tags": ("a:b", "c:d")}, None),
        ((("filter", "en, a:b,c:d"),), {"tags": ("a:b",)}, "not tagged c:d"),
        ((("author", "Ann"),), {"author": "ann"}, None),
        ((("author", "ann"),), {"author": "bob"}, "not by ann"),
        ((("author", "ann"),), {"author": None}, None),
        ((("pipeline_tag", "fill-mask"),), {"pipeline_tag": "fill-mask"}, None),
        ((("pipeline_tag", "fill-mask"),), {"pipeline_tag": "asr"}, "not for fill-mask"),
        ((("pipeline_tag", "asr"),), {"pipeline_tag": "x", "tags": ("asr",)}, None),
        ((("pipeline_tag", "asr"),), {"pipeline_tag": None}, None),
        ((("library", "GGUF"),), {"library": "transformers", "tags": ("gguf",)}, None),
        ((("library", "gguf"),), {"library": "transformers"}, "not for gguf"),
        ((("library", "gguf"),), {"library": None}, None),
    ],
)
def test_what_a_hugging_face_model_contradicts(
    parameters: Parameters, fields: dict[str, object], complaint: str | None
) -> None:
    """Tags with a colon, author, task and library can be seen; all else is upstream's to know."""
    one = model("a/b", source="huggingface", **fields)
    judges = HUGGING_FACE.judges(query(*parameters, source="huggingface"))
    assert mismatch(judges, one) == complaint


@pytest.mark.parametrize(
    ("source", "parameters", "rank"),
    [
        ("civitai", (("sort", "Most Downloaded"),), 5),
        ("civitai", (("sort", "Most Downloaded"), ("baseModels", "Pony")), None),
        ("civitai", (("sort", "Most Liked"),), 7),
        ("civitai", (("sort", "Highest Rated"),), 7),
        ("civitai", (("sort", "Newest"),), None),
        ("civitai", (), None),
        ("huggingface", (("sort", "downloads"),), 5),
        ("huggingface", (("sort", "likes"),), 7),
        ("huggingface", (("sort", "createdAt"),), None),
        ("huggingface", (), None),
    ],
)
def test_the_counter_that_decides_the_order(
    source: str, parameters: Parameters, rank: int | None
) -> None:
    """An order is checked where a response holds the number that it goes by, and only there."""
    ranking = SOURCES[source].ranking(query(*parameters, source=source))
    assert (ranking and ranking(Stats(downloads=5, likes=7))) == rank


@pytest.mark.parametrize(
    ("parameters", "cursor", "asked"),
    [
        (NEWEST, "2025-01-01T00:00:00.000Z|17", (("ids", "17"), *NEWEST)),
        ((*NEWEST, ("ids", "17,18")), "2025|17", (("ids", "17"), *NEWEST)),
        (NEWEST, "17", None),
        (NEWEST, "|17", None),
        (NEWEST, "2025-01-01|", None),
        (NEWEST, "2025-01-01|\u0661", None),
        ((("sort", "Oldest"),), "2025-01-01|17", None),
        ((("query", "cat"),), "100|17", None),
    ],
)
def test_newest_names_the_model_that_it_skips(
    parameters: Parameters, cursor: str, asked: Parameters | None
) -> None:
    """The last token of the cursor is asked for, beside all else that the query asks for."""
    lost = CIVITAI.lost_at(query(*parameters), cursor)
    wanted = asked and Request(source="civitai", path="/api/v1/models", parameters=asked)
    assert lost == wanted
    assert HUGGING_FACE.lost_at(query(*parameters, source="huggingface"), cursor) is None


@pytest.mark.parametrize(
    ("strangers", "models", "ignored"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 1, True),
        (1, 2, False),
        (2, 2, True),
        (1, 3, False),
        (2, 3, True),
        (2, 4, False),
        (50, 100, False),
        (51, 100, True),
    ],
)
def test_most_of_a_page_decides(*, strangers: int, models: int, ignored: bool) -> None:
    """More than half, and two at least, or the only one there is."""
    assert is_ignored(strangers, models) is ignored


@pytest.mark.parametrize(
    ("parameters", "entries", "cause"),
    [
        (LORAS, [entry(5, "VAE")], "1 of 1 model is no LORA: 5"),
        (
            LORAS,
            [entry(1), entry(2, "VAE"), entry(3, "LLM")],
            "2 of 3 models are no LORA: 2, 3",
        ),
        (
            LORAS,
            [*map(entry, range(4)), *(entry(n, "VAE") for n in (9, 8, 7, 6, 5))],
            "5 of 9 models are no LORA: 9, 8, 7, …",
        ),
        (
            (*LORAS, ("tag", "cat")),
            [entry(1), entry(2, "VAE")],
            "2 of 2 models are not tagged cat or no LORA: 1, 2",
        ),
        (LORAS, [entry(1), entry(2, "VAE"), entry(2, "VAE"), entry(3)], None),
    ],
)
def test_an_ignored_filter_fails_with_evidence(
    parameters: Parameters, entries: list[Entry], cause: str | None
) -> None:
    """A person sees how many models are not what was asked for, in what, and the first of them."""
    failure = reading(parameters).add(page(*entries))
    assert (failure and failure.cause) == cause
    assert failure is None or failure.code is ErrorCode.FILTER_IGNORED
    assert failure is None or "test-filter" in failure.next_step


@pytest.mark.parametrize("cursor", [None, "b"])
def test_an_ignored_filter_never_makes_a_manifest(cursor: str | None) -> None:
    """Not even of good pages before it, whether or not it was the last page."""
    found = Reading(
        PlannedQuery(
            query=query(*LORAS),
            wanted=(*planned(LORAS, 2).wanted, *planned(LORAS, 99).wanted),
        ),
        CIVITAI,
    )
    assert found.add(page(1, 2, cursor="a")) is None
    assert found.add(page(entry(3, "VAE"), entry(4, "VAE"), cursor=cursor)) is not None
    listing = found.listing()
    assert (listing.entries, listing.ended, listing.pages) == ((), False, 2)
    assert select(listing, planned(LORAS, 1).wanted[0], CIVITAI.info) is None
    assert listing.evidence.examples == {Finding.STRANGERS: ("3", "4")}


def test_a_few_strangers_cost_only_themselves() -> None:
    """Up to half a page may be strangers; they are counted and enter nothing."""
    found = reading()
    found.add(page(1, entry(2, "VAE"), cursor="a"))
    found.add(page(3, 4, entry(5, "VAE"), entry(2, "VAE")))
    assert ids(found) == ["1", "3", "4"]
    assert found.listing().evidence.counts == {Finding.STRANGERS: 3}
    assert found.listing().evidence.examples == {Finding.STRANGERS: ("2", "5")}


def test_without_a_source_every_model_is_trusted() -> None:
    """A reading that no one audits takes what comes, in whatever order, and asks no more."""
    found = Reading(planned(NEWEST))
    assert found.add(page(entry(1, "VAE", 1), cursor="2025|9")) is None
    assert found.lost is None
    assert found.add(page(entry(2, "VAE", 2))) is None
    assert (ids(found), found.listing().evidence.counts) == (["1", "2"], {})


@given(lead=st.integers(0, 4), length=st.integers(1, 6))
def test_a_circle_of_any_length_ends_the_listing(lead: int, length: int) -> None:
    """The first cursor that comes again ends it, and the record names both pages."""
    found = reading()
    cursors = [str(number) for number in range(lead + length)]
    failures = [
        found.add(page(number, cursor=cursor))
        for number, cursor in enumerate([*cursors, str(lead)])
    ]
    assert failures[:-1] == [None] * (lead + length)
    assert failures[-1] is not None
    assert failures[-1].code is ErrorCode.PAGINATION_ERROR
    assert found.listing().evidence.loop == (lead + 1, lead + length + 1)


@pytest.mark.parametrize(
    ("pages", "cause"),
    [
        ([(1, 2), (1,), (2,), (1, 2)], "pages 2, 3, 4 held no new model"),
        ([(1, 2), (1,), (), (2,), (), (), (2, 2)], "pages 2, 4, 7 held no new model"),
        ([(1, 2), (1,), (2,), (3,), (1,), (2,)], None),
        ([(1, 2), (1,), (2,), (2, 3), (1,), (), (2,), (), (4,), (2,), (2,)], None),
        ([(1,), *[()] * 20], None),
        ([()] * 20, None),
    ],
)
def test_pages_that_bring_nothing_new_end_the_listing(
    pages: list[tuple[int, ...]], cause: str | None
) -> None:
    """Three in a row are a circle in disguise; a new model begins anew, and no model is no sign."""
    assert MOST_IDLE_PAGES == 3
    found = reading()
    *before, last = [found.add(page(*each, cursor=f"c{n}")) for n, each in enumerate(pages)]
    assert before == [None] * (len(pages) - 1)
    assert (last is None) is (cause is None)
    assert last is None or last.code is ErrorCode.PAGINATION_ERROR
    assert last is None or str(cause) in last.cause


def test_an_idle_last_page_ends_a_listing_well() -> None:
    """A listing that says that it is over is believed, and what is missing is the gate's to see."""
    found = reading()
    for cursor in ("a", "b", "c", None):
        assert found.add(page(1, cursor=cursor)) is None
    assert found.listing().ended


def test_short_and_empty_pages_are_read_on() -> None:
    """Only a missing cursor ends a listing, however little its pages hold."""
    found = reading()
    for number, each in enumerate([(1, 2, 3), (), (4,), (), ()]):
        assert found.add(page(*each, cursor=f"c{number}")) is None
        assert not found.is_done
    assert found.add(page(5)) is None
    assert (ids(found), found.listing().ended) == (["1", "2", "3", "4", "5"], True)
    assert found.listing().evidence.counts == {}


@given(st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=6), max_size=6))
def test_folding_keeps_first_places_and_counts_the_rest(
    pages: list[list[tuple[int, int]]],
) -> None:
    """Each model stands once, where and as it came first; every further time is evidence."""
    found = reading(())
    numbers: list[int] = []
    first: dict[int, int] = {}
    moved: list[int] = []
    for number, each in enumerate(pages):
        entries = [entry(id_, downloads=downloads) for id_, downloads in each]
        for id_, downloads in each:
            moved += [id_] if first.setdefault(id_, downloads) != downloads else []
            numbers.append(id_)
        if found.add(page(*entries, cursor=f"c{number}")):
            break
    listing = found.listing()
    assert ids(found) == [str(id_) for id_ in dict.fromkeys(numbers)]
    assert [one.stats.downloads for one in listing.entries] == [*first.values()]
    assert listing.duplicates == len(numbers) - len(first)
    assert listing.evidence.count(Finding.DUPLICATES) == listing.duplicates
    assert listing.evidence.count(Finding.MOVED) == len(moved)
    assert set(listing.evidence.examples.get(Finding.MOVED, ())) <= {str(id_) for id_ in moved}


def test_models_that_climbed_between_two_pages_are_noted() -> None:
    """Who outranks the end of the page before climbed meanwhile; hidden counters say nothing."""
    found = reading((("sort", "Most Downloaded"),))
    found.add(page(entry(1, downloads=9), entry(2, downloads=5), entry(3), cursor="a"))
    found.add(page(entry(4), cursor="b"))
    found.add(page(entry(5, downloads=5), entry(6, downloads=6), entry(7, downloads=2), cursor="c"))
    found.add(page(entry(8, downloads=2), entry(1, downloads=3)))
    evidence = found.listing().evidence
    assert evidence.counts == {Finding.DISORDERED: 2, Finding.DUPLICATES: 1, Finding.MOVED: 1}
    assert evidence.examples[Finding.DISORDERED] == ("6", "1")
    assert found.listing().ended


def test_a_lost_model_comes_right_after_its_page() -> None:
    """What upstream skips is asked for before the next page, and stands where it belongs."""
    found = reading(NEWEST)
    assert found.add(page(1, 2, cursor="2025|3")) is None
    lost = found.lost
    assert lost is not None
    assert ("ids", "3") in lost.parameters
    assert found.add(page(3, cursor="beside the point")) is None
    assert (found.lost, found.cursor) == (None, "2025|3")
    assert found.add(page(4)) is None
    assert ids(found) == ["1", "2", "3", "4"]
    listing = found.listing()
    assert (listing.pages, listing.ended, listing.duplicates) == (2, True, 0)
    assert listing.evidence.examples == {Finding.RESCUED: ("3",)}


@pytest.mark.parametrize(
    "answer",
    [
        page(),
        page(entry(3, "VAE")),
        page(7, 8),
        page(1),
    ],
)
def test_only_the_lost_model_is_taken(answer: Page) -> None:
    """One that is there already, is of another kind or has another id is left out, as is none."""
    found = reading(NEWEST)
    found.add(page(1, 2, cursor="2025|3"))
    assert found.add(answer) is None
    assert (ids(found), found.lost, found.is_done) == (["1", "2"], None, False)
    assert found.listing().evidence.counts == {}


def test_an_unreadable_lost_model_is_remembered() -> None:
    """It costs only itself, like any odd record."""
    found = reading(NEWEST)
    found.add(page(1, cursor="2025|3"))
    found.add(Page(dropped=(Dropped(record="3", reason="odd"),)))
    assert [each.record for each in found.listing().dropped] == ["3"]


@pytest.mark.parametrize("cursor", [None, "2025|3"])
def test_nothing_is_rescued_for_a_listing_that_is_done(cursor: str | None) -> None:
    """A filter that has enough, or a listing that has ended, costs no further request."""
    found = reading(NEWEST, limit=1 if cursor else 9)
    found.add(page(1, cursor=cursor))
    assert found.is_done
    assert found.lost is None


@dataclass(kw_only=True)
class Rescuer:
    """A fetcher with one page of `Newest`, and something else for the model that it skips."""

    rescue: Fetched
    asked: list[Parameters] = field(default_factory=list)

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return the next page, or what comes of a rescue."""
        del read, log, hints
        self.asked.append(request.parameters)
        if "ids" in dict(request.parameters):
            return self.rescue
        is_first = "cursor" not in dict(request.parameters)
        return Fetched(page=page(1, cursor="2025|2") if is_first else page(3))


async def read(fetcher: Rescuer) -> ReadQuery:
    """Read a listing of `Newest`."""
    plan = Plan(queries=(planned(NEWEST),))
    reader = ListingReader(
        plan,
        sources=SOURCES,
        fetchers={"civitai": fetcher},
        reporter=silent,
        is_published=lambda *_: False,
    )
    await reader.read_all()
    return reader.results[query(*NEWEST)]


async def test_a_rescue_is_one_request_between_two_pages() -> None:
    """The record of the query tells what was rescued."""
    fetcher = Rescuer(rescue=Fetched(page=page(2)))
    result = await read(fetcher)
    assert fetcher.asked == [NEWEST, (("ids", "2"), *NEWEST), (("cursor", "2025|2"), *NEWEST)]
    assert [one.model.id for one in result.listing.entries] == ["1", "2", "3"]
    (record,) = record_queries({query(*NEWEST): result})
    assert (record.rescued, record.examples) == (1, {"rescued": ("2",)})


async def test_a_rescue_that_fails_fails_the_listing() -> None:
    """What is known to be missing must not be left out in silence."""
    result = await read(Rescuer(rescue=Fetched(failure=DOWN)))
    assert result.failure == DOWN
    assert not result.listing.ended


def test_all_evidence_stands_in_the_query_record() -> None:
    """Counts, first ids and the pages of a loop are there for every report."""
    found = reading((*LORAS, ("sort", "Most Downloaded")))
    first = page(entry(1, downloads=2), entry(2, "VAE"), cursor="a")
    again = page(entry(1, downloads=3), entry(4, downloads=1), cursor="a")
    failure = [found.add(each) for each in (first, again)][-1]
    result = ReadQuery(planned=planned(LORAS), listing=found.listing(), failure=failure)
    (record,) = record_queries({query(*LORAS): result})
    counts = (record.duplicates, record.strangers, record.rescued, record.moved, record.disordered)
    assert counts == (1, 1, 0, 1, 1)
    kinds = {"duplicates": ("1",), "strangers": ("2",), "moved": ("1",), "disordered": ("1",)}
    assert record.examples == kinds
    assert record.loop == (1, 2)
    assert record.failure == failure is not None


def read_from(api: Api, wanted: PlannedQuery) -> tuple[Reading, Failure | None]:
    """Read a listing from the sandbox's handlers, without a network."""
    asking, source = wanted.query, SOURCES[wanted.query.source]
    found, failure = Reading(wanted, source), None
    while failure is None and not found.is_done:
        request = found.lost or source.request(asking, found.cursor)
        answer = api.answer(Ask(path=request.path, parameters=request.parameters))
        headers = {name.lower(): value for name, value in answer.headers}
        failure = found.add(source.read(asking, Reply(body=answer.body, headers=headers)))
    return found, failure


SYNTHETIC = SyntheticCivitai(seed=3, models=400, day=20_000 * DAY)
API = CivitaiApi(SYNTHETIC)


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("types", [(), ("LORA",), ("Checkpoint", "VAE")])
@pytest.mark.parametrize("days", [None, 365])
def test_newest_loses_nothing(limit: int, types: tuple[str, ...], days: int | None) -> None:
    """Page by page comes what upstream's own order says, each model in its place."""
    rows = [
        row
        for row in sorted(SYNTHETIC.rows, key=lambda row: (-row.last_version, -row.id))
        if not (row.hidden or row.minor)
        and (not types or row.type in types)
        and (days is None or row.last_version >= SYNTHETIC.now - days * DAY)
    ]
    # So small a limit takes many pages, and 100 are the most that a listing may have.
    rows = rows[: 90 * limit]
    asked = [("limit", str(limit)), ("nsfw", "true"), ("sort", "Newest")]
    asked += [("period", "Year")] * (days is not None) + [("types", each) for each in types]
    found, failure = read_from(API, planned(tuple(asked), limit=len(rows)))
    assert failure is None
    assert ids(found)[: len(rows)] == [str(row.id) for row in rows]
    assert found.listing().duplicates == 0


@pytest.mark.parametrize(
    ("tag", "code"), [("no such tag", ErrorCode.FILTER_IGNORED), ("STYLE", None)]
)
def test_an_unknown_tag_is_found_out(tag: str, code: ErrorCode | None) -> None:
    """Upstream answers it with its whole catalogue, and a known one with what carries it."""
    assert any("style" in row.tags for row in SYNTHETIC.rows)
    found, failure = read_from(API, planned((("limit", "100"), ("nsfw", "true"), ("tag", tag))))
    assert (failure and failure.code) == code
    assert (found.listing().entries == ()) is (code is not None)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Api]:
    """Return both upstreams over recorded models."""
    if not RECORDED.is_dir():
        pytest.skip("the recorded data is not beside the project")
    civitai, hub = read_recorded(RECORDED)
    return {"civitai": CivitaiApi(civitai), "huggingface": HuggingFaceApi(hub)}


def test_no_shipped_listing_is_called_ignored(recorded: dict[str, Api]) -> None:
    """Over recorded models each listing holds what it was asked for, and nothing is odd."""
    plan = plan_queries(load_filters(ROOT / "filters", SOURCES), SOURCES)
    assert len(plan.queries) == 126
    for each in plan.queries:
        found, failure = read_from(recorded[each.query.source], each)
        assert (each.query, failure, found.listing().evidence.counts) == (each.query, None, {})


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("civitai", {"tag": "Anime", "types": "LORA"}),
        ("civitai", {"username": "DriftJohnson"}),
        ("civitai", {"ids": "1,3,8,15"}),
        ("civitai", {"sort": "Newest", "types": "Checkpoint", "baseModels": "SD 1.5"}),
        ("civitai", {"sort": "Newest", "tag": "style"}),
        ("huggingface", {"author": "google"}),
        ("huggingface", {"filter": "license:mit"}),
        ("huggingface", {"filter": "gguf"}),
        ("huggingface", {"library": "gguf"}),
        ("huggingface", {"library": "transformers", "pipeline_tag": "text-generation"}),
    ],
)
def test_no_real_answer_contradicts_its_question(
    recorded: dict[str, Api], source: str, parameters: dict[str, str]
) -> None:
    """What upstream selects by a visible field can be seen in each model, to the listing's end."""
    filter_ = Filter(
        source=source, path="filter/a", label="a", limit=10**6, sort="likes", parameters=parameters
    )
    if source == "civitai":
        filter_ = replace(filter_, sort="Most Downloaded")
    (wanted,) = plan_queries([filter_], SOURCES).queries
    found, failure = read_from(recorded[source], wanted)
    assert failure is None
    assert found.listing().ended
    assert len(found.listing().entries) > 1
    assert found.listing().evidence.counts.keys() <= {Finding.RESCUED}
