"""Hold how a listing is read page by page, and how a filter's models are selected from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ErrorCode
from manifests.listings import MOST_PAGES, Reading, derive, select
from manifests.models import Filter, Model, Query, Stats
from manifests.planner import PlannedQuery, Wanted
from manifests.results import DroppedRecord
from manifests.sieve import sift
from manifests.sources import SOURCES
from manifests.sources.base import Dropped, Entry, Page
from manifests.store.entrylog import EntryLog
from manifests.store.spool import Spool

CIVITAI = SOURCES["civitai"]
QUERY = Query(source="civitai", parameters=())


@dataclass(frozen=True, slots=True)
class Divisible:
    """Keep models whose id is a multiple of a number."""

    by: int
    field: str = "id"

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"by {self.by}"

    def keeps(self, model: Model) -> bool:
        """Tell whether the id is a multiple."""
        return int(model.id) % self.by == 0


def entry(number: int, name: str = "any") -> Entry:
    """Return a model under a number."""
    model = Model(id=str(number), source="civitai", slug="any", name=name)
    return Entry(model=model, stats=Stats())


def page(*numbers: int, cursor: str | None = None, dropped: tuple[Dropped, ...] = ()) -> Page:
    """Return a page of models under numbers."""
    entries = tuple(entry(number) for number in numbers)
    return Page(entries=entries, cursor=cursor, dropped=dropped)


def wanted(limit: int, *divisors: int, path: str = "filter/a") -> Wanted:
    """Return a filter that wants so many models, of some numbers' multiples."""
    filter_ = Filter(source="civitai", path=path, label="a", limit=limit, sort="any")
    return Wanted(filter=filter_, rules=tuple(Divisible(by) for by in divisors))


def reading(*waiting: Wanted) -> Reading:
    """Return the reading of a listing that some filters wait for."""
    return Reading(PlannedQuery(query=QUERY, wanted=waiting or (wanted(100),)))


def ids(found: Reading) -> list[str]:
    """Return what has been read."""
    return [one.model.id for one in found.listing().entries]


def test_a_repeated_cursor_ends_the_reading() -> None:
    """A page that leads to itself would be read for ever."""
    found = reading()
    assert found.add(page(1, cursor="a")) is None
    failure = found.add(page(2, cursor="a"))
    assert failure is not None
    assert failure.code is ErrorCode.PAGINATION_ERROR
    assert failure.cause == "the cursor of page 2 repeats an earlier one"
    assert failure.next_step
    assert not found.listing().ended


def test_a_circle_of_cursors_ends_the_reading() -> None:
    """So would pages that lead to each other."""
    found = reading()
    failures = [found.add(page(number, cursor=cursor)) for number, cursor in enumerate("aba")]
    assert [failure and failure.code for failure in failures] == [
        None,
        None,
        ErrorCode.PAGINATION_ERROR,
    ]


def test_too_many_pages_end_the_reading() -> None:
    """A filter that no page satisfies must not eat the quota of all others."""
    found = reading()
    failures = [found.add(page(cursor=str(number))) for number in range(MOST_PAGES)]
    assert set(failures[:-1]) == {None}
    assert failures[-1] is not None
    assert failures[-1].code is ErrorCode.PAGINATION_ERROR
    assert str(MOST_PAGES) in failures[-1].cause


def test_the_last_page_allowed_may_be_enough() -> None:
    """The cap is no failure of a listing that needs nothing more."""
    found = reading(wanted(1))
    for number in range(MOST_PAGES - 1):
        assert found.add(page(cursor=str(number))) is None
    assert found.add(page(1, cursor="more")) is None
    assert found.is_done


def test_a_repeated_cursor_is_nothing_to_a_reading_that_is_done() -> None:
    """Where enough has come, it does not matter what would have come next."""
    found = reading(wanted(2))
    assert found.add(page(1, cursor="a")) is None
    assert found.add(page(2, cursor="a")) is None
    assert found.is_done


def test_only_a_missing_cursor_ends_a_listing() -> None:
    """Short and empty pages with a successor are normal."""
    found = reading()
    done = []
    for cursor in [*"abc", None]:
        found.add(page(*([] if cursor else [1]), cursor=cursor))
        done.append(found.is_done)
    assert done == [False, False, False, True]
    assert found.listing().ended
    assert (found.listing().pages, ids(found)) == (4, ["1"])


def test_an_empty_listing_ends_at_once() -> None:
    """One page without models and without a successor is a listing, and an empty one."""
    found = reading()
    assert found.cursor is None
    assert found.add(page()) is None
    assert found.listing().ended


def test_reading_stops_when_each_filter_has_enough() -> None:
    """A model counts for every filter whose rules keep it; the hungriest one decides."""
    found = reading(wanted(2), wanted(2, 3, path="filter/b"))
    done = []
    for start, cursor in [(1, "a"), (4, "b")]:
        found.add(page(start, start + 1, start + 2, cursor=cursor))
        done.append(found.is_done)
    assert done == [False, True]
    assert not found.listing().ended
    assert found.cursor == "b"


def test_duplicates_keep_their_first_place_and_words() -> None:
    """Counters move while one pages, so a model may be listed again; it counts once."""
    found = reading(wanted(3))
    found.add(page(1, 2, 1, cursor="a"))
    found.add(Page(entries=(entry(2, name="other"), entry(3))))
    assert ids(found) == ["1", "2", "3"]
    assert {one.model.name for one in found.listing().entries} == {"any"}
    assert found.listing().duplicates == 2


def test_records_that_could_not_be_read_are_remembered() -> None:
    """An odd record costs only itself, and stands in the run record."""
    found = reading()
    found.add(page(1, cursor="a", dropped=(Dropped(record="7", reason="odd"),)))
    found.add(page(2, dropped=(Dropped(record="#2", reason="odder"),)))
    assert found.listing().dropped == (
        DroppedRecord(record="7", reason="odd"),
        DroppedRecord(record="#2", reason="odder"),
    )


def test_a_listing_that_broke_off_makes_no_manifest() -> None:
    """What is not known to be all must not pass for it."""
    found = reading()
    found.add(page(1, 2, 3, cursor="a"))
    assert select(found.listing(), wanted(4), CIVITAI.info) is None
    assert select(reading().listing(), wanted(1), CIVITAI.info) is None


@pytest.mark.parametrize(
    ("limit", "cursor", "kept", "complete"),
    [
        (2, "a", ("1", "2"), False),
        (3, "a", ("1", "2", "3"), False),
        (3, None, ("1", "2", "3"), False),
        (4, None, ("1", "2", "3"), True),
    ],
)
def test_a_manifest_is_complete_when_the_listing_was_shorter(
    *, limit: int, cursor: str | None, kept: tuple[str, ...], complete: bool
) -> None:
    """The flag says that there is no more to have, not that all of a limit is there."""
    found = reading()
    found.add(page(1, 2, 3, cursor=cursor))
    candidate = select(found.listing(), wanted(limit), CIVITAI.info)
    assert candidate is not None
    assert (candidate.manifest.model_ids, candidate.manifest.complete) == (kept, complete)
    assert candidate.manifest.models_file == "civitai-models.json"
    assert candidate.key == ("civitai", "filter/a")


def test_a_listing_of_nothing_makes_an_empty_manifest() -> None:
    """Many narrow filters have no models; whether that is believed is the gate's to say."""
    found = reading()
    found.add(page(1))
    candidate = select(found.listing(), wanted(4, 2), CIVITAI.info)
    assert candidate is not None
    assert candidate.manifest.model_ids == ()
    assert candidate.manifest.complete


def test_the_first_rule_that_fails_counts_a_model() -> None:
    """A funnel names for each rule how many it dropped, with the first few."""
    found = reading()
    found.add(page(*range(1, 13)))
    candidate = select(found.listing(), wanted(2, 2, 3), CIVITAI.info)
    assert candidate is not None
    funnel = candidate.funnel
    assert [(rule.rule, rule.field, rule.dropped, rule.examples) for rule in funnel.dropped] == [
        ("by 2", "id", 6, ("1", "3", "5")),
        ("by 3", "id", 4, ("2", "4", "8")),
    ]
    assert (funnel.fetched, funnel.kept) == (12, 2)


@given(
    numbers=st.lists(st.integers(0, 60)),
    limit=st.integers(1, 20),
    divisors=st.lists(st.integers(1, 5), max_size=3, unique=True),
)
def test_the_funnel_adds_up(numbers: list[int], limit: int, divisors: list[int]) -> None:
    """Every model that was looked at was kept or was dropped by one rule."""
    found = reading()
    found.add(page(*numbers))
    candidate = select(found.listing(), wanted(limit, *divisors), CIVITAI.info)
    assert candidate is not None
    funnel = candidate.funnel
    assert funnel.fetched == funnel.kept + sum(rule.dropped for rule in funnel.dropped)
    assert funnel.kept == len(candidate.manifest.model_ids) <= limit
    distinct = list(dict.fromkeys(numbers))
    keeping = [number for number in distinct if all(number % by == 0 for by in divisors)]
    assert candidate.manifest.model_ids == tuple(map(str, keeping[:limit]))


@given(
    pages=st.lists(st.lists(st.integers(0, 40), max_size=8), min_size=1, max_size=5),
    wishes=st.lists(
        st.tuples(st.integers(0, 9), st.lists(st.integers(1, 4), max_size=2, unique=True)),
        max_size=4,
    ),
)
def test_sifting_page_by_page_is_sifting_all(
    pages: list[list[int]], wishes: list[tuple[int, list[int]]]
) -> None:
    """What each filter got while pages came is what it would get of the listing as a whole."""
    waiting = [
        wanted(limit, *divisors, path=f"filter/{place}")
        for place, (limit, divisors) in enumerate(wishes)
    ]
    found = Reading(PlannedQuery(query=QUERY, wanted=tuple(waiting)))
    for number, numbers in enumerate(pages, start=1):
        found.add(page(*numbers, cursor=str(number)))
        listing = found.listing()
        whole = {each.filter.path: sift(listing.entries, each) for each in waiting}
        assert dict(listing.sifted) == whole
        full = [len(sifted.kept) == sifted.wanted.filter.limit for sifted in whole.values()]
        assert found.is_done is all(full)


def test_a_filter_that_did_not_wait_gets_its_own() -> None:
    """What another filter of the same path got while the listing was read is not handed on."""
    found = reading(wanted(1))
    found.add(page(1, 2, 3))
    candidate = select(found.listing(), wanted(2), CIVITAI.info)
    assert candidate is not None
    assert candidate.manifest.model_ids == ("1", "2")


def test_a_narrower_listing_is_derived_without_a_page() -> None:
    """It holds what the source says it would list, in the order of the broader one."""
    found = reading()
    typed = [
        Entry(model=replace(entry(number).model, type=kind), stats=Stats())
        for number, kind in [(3, "LORA"), (2, "VAE"), (1, "LORA")]
    ]
    found.add(Page(entries=tuple(typed)))
    narrow = Query(source="civitai", parameters=(("types", "LORA"),))
    derived = derive(CIVITAI, found.listing(), narrow)
    assert [one.model.id for one in derived.entries] == ["3", "1"]
    assert (derived.ended, derived.pages, derived.answered_by) == (True, 0, QUERY)


def typed(number: int, kind: str) -> Entry:
    """Return a model of a type."""
    model = replace(entry(number).model, type=kind)
    return Entry(model=model, stats=Stats())


def asked(*parameters: tuple[str, str]) -> Reading:
    """Return the reading of a listing of CivitAI's that a greedy filter waits for."""
    query = Query(source="civitai", parameters=parameters)
    return Reading(PlannedQuery(query=query, wanted=(wanted(100),)), CIVITAI)


def test_an_answer_to_another_question_makes_no_manifest() -> None:
    """Upstream ignores what it does not know; not even the pages before are believed then."""
    found = asked(("types", "LORA"))
    assert found.add(Page(entries=(typed(1, "LORA"),), cursor="a")) is None
    failure = found.add(Page(entries=(typed(2, "VAE"), typed(3, "VAE"))))
    assert failure is not None
    assert failure.code is ErrorCode.FILTER_IGNORED
    assert ids(found) == []
    assert select(found.listing(), wanted(1), CIVITAI.info) is None


def test_a_stranger_among_many_costs_only_itself() -> None:
    """A model that changed its type a moment ago is left out, and told."""
    found = asked(("types", "LORA"))
    page_ = Page(entries=(typed(1, "LORA"), typed(2, "VAE"), typed(3, "LORA")))
    assert found.add(page_) is None
    assert ids(found) == ["1", "3"]


def test_a_model_lost_at_a_cursor_is_asked_for_before_the_next_page() -> None:
    """What upstream skips between two pages takes its place between them; it is no page."""
    found = asked(("sort", "Newest"))
    found.add(page(9, cursor="2026|8"))
    request = found.lost
    assert request is not None
    assert ("ids", "8") in request.parameters
    assert found.add(page(8)) is None
    assert (found.lost, found.cursor, found.is_done) == (None, "2026|8", False)
    found.add(page(7))
    assert ids(found) == ["9", "8", "7"]
    assert found.listing().pages == 2


@pytest.mark.parametrize("log", [None, EntryLog(Spool())], ids=["in memory", "in a spool"])
def test_where_the_models_are_makes_no_difference(log: EntryLog | None) -> None:
    """A listing that is not in memory folds, derives and selects as any other."""
    log = log and log.sibling()
    found = Reading(PlannedQuery(query=QUERY, wanted=(wanted(9),)), log=log)
    found.add(page(1, 2, cursor="a"))
    found.add(page(2, 3))
    listing = found.listing()
    assert (ids(found), listing.duplicates, listing.ended) == (["1", "2", "3"], 1, True)
    candidate = select(listing, wanted(2, 1), CIVITAI.info)
    assert candidate is not None
    assert candidate.manifest.model_ids == ("1", "2")
    narrow = derive(CIVITAI, listing, QUERY)
    assert [one.model.id for one in narrow.entries] == ["1", "2", "3"]


def test_an_answer_to_another_question_leaves_nothing_in_the_log() -> None:
    """What earlier pages held is forgotten, in memory or not."""
    query = Query(source="civitai", parameters=(("types", "LORA"),))
    planned = PlannedQuery(query=query, wanted=(wanted(9),))
    found = Reading(planned, CIVITAI, log=EntryLog(Spool()))
    assert found.add(Page(entries=(typed(1, "LORA"),), cursor="a")) is None
    assert len(found.listing().entries) == 1
    assert found.add(Page(entries=(typed(2, "VAE"), typed(3, "VAE")))) is not None
    assert len(found.listing().entries) == 0
