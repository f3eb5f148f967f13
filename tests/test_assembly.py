"""Hold what is assembled of the listings: candidates, failures, models and query records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from manifests.assembly import assemble, collect_entries, record_queries
from manifests.errors import ErrorCode
from manifests.listings import Listing
from manifests.models import Filter, Model, Query, Stats
from manifests.planner import Plan, PlannedQuery, Wanted
from manifests.reading import ReadQuery
from manifests.results import DroppedRecord, Failure
from manifests.sources import SOURCES
from manifests.sources.base import Entry
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from manifests.stopping import EndedBy

INFOS = {name: source.info for name, source in SOURCES.items()}
DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")


def query(types: str) -> Query:
    """Return a listing."""
    return Query(source="civitai", parameters=(("types", types),))


def planned(types: str, *limits: int) -> PlannedQuery:
    """Return a planned listing that filters with such limits wait for."""
    wanted = tuple(
        Wanted(
            filter=Filter(
                source="civitai",
                path=f"filter/{types}/{limit}",
                label="any",
                limit=limit,
                sort="any",
            ),
            rules=(),
        )
        for limit in limits
    )
    return PlannedQuery(query=query(types), wanted=wanted)


def listing(types: str, *ids: str, ended: bool, name: str = "any") -> Listing:
    """Return what was read."""
    entries = tuple(
        Entry(model=Model(id=id_, source="civitai", slug="s", name=name), stats=Stats())
        for id_ in ids
    )
    return Listing(query=query(types), entries=entries, ended=ended, pages=1)


def test_a_filter_with_enough_is_none_the_worse_for_a_failure() -> None:
    """Of the filters that share a broken listing, only those that lack models fail."""
    each = planned("a", 2, 3)
    read = ReadQuery(planned=each, listing=listing("a", "1", "2", ended=False), failure=DOWN)
    enough, short = assemble(
        Plan(queries=(each,)), {each.query: read}, INFOS, ended_by="completion"
    )
    assert enough.candidate is not None
    assert enough.candidate.manifest.model_ids == ("1", "2")
    assert enough.failure is None
    assert (short.candidate, short.failure) == (None, DOWN)


@pytest.mark.parametrize(
    ("ended_by", "code", "words"),
    [
        ("deadline", ErrorCode.DEADLINE_EXCEEDED, "--deadline"),
        ("SIGINT", ErrorCode.CANCELLED, "stays"),
        ("SIGTERM", ErrorCode.CANCELLED, "stays"),
    ],
)
def test_what_was_cut_short_says_by_what(ended_by: EndedBy, code: ErrorCode, words: str) -> None:
    """A listing that was still being read fails by what ended the run, with the way out."""
    each = planned("a", 3)
    read = ReadQuery(planned=each, listing=listing("a", "1", ended=False))
    (made,) = assemble(Plan(queries=(each,)), {each.query: read}, INFOS, ended_by=ended_by)
    assert made.failure is not None
    assert made.failure.code is code
    assert words in made.failure.next_step
    assert ended_by in made.failure.cause


def attempt(at: float, code: ErrorCode | None) -> Attempt:
    """Return an attempt that ended at that time, and failed with that code."""
    ill = code and code is not ErrorCode.CANCELLED
    cause = f"HTTP 503 at {at:g}" if ill else ""
    return Attempt(
        number=1,
        url="/",
        started=at - 0.5,
        seconds=0.5,
        status=503 if ill else None,
        code=code,
        cause=cause,
    )


ILL, GIVEN_UP = ErrorCode.API_ERROR, ErrorCode.CANCELLED


@pytest.mark.parametrize(
    ("own", "others", "until_then"),
    [
        ([], [ILL, ILL, ILL], "; until then HTTP 503 at 12"),
        ([ILL] * 3, [None, None, None], "; until then HTTP 503 at 2"),
        ([ILL] * 2, [None, None, None], ""),
        ([GIVEN_UP], [ILL, GIVEN_UP], "; until then HTTP 503 at 10"),
        ([], [ILL], "; until then HTTP 503 at 10"),
        ([], [None, ILL, ILL, ILL], "; until then HTTP 503 at 13"),
        ([], [ILL, ILL, None, ILL], ""),
        ([None], [ILL, None, ILL], ""),
        ([], [ILL, ILL, ErrorCode.NOT_FOUND], ""),
        ([GIVEN_UP], [GIVEN_UP], ""),
        ([], [], ""),
    ],
)
@pytest.mark.parametrize("ended_by", ["deadline", "SIGTERM"])
def test_what_was_cut_short_says_how_upstream_was_until_then(
    ended_by: EndedBy,
    own: list[ErrorCode | None],
    others: list[ErrorCode | None],
    until_then: str,
) -> None:
    """Where upstream was ill to the end, that is why, and more time would not have helped."""
    mine, other = planned("a", 3), planned("b", 3)
    reads = {
        each.query: ReadQuery(
            planned=each,
            listing=listing(types, ended=False),
            attempts=[attempt(place + start, code) for place, code in enumerate(codes)],
        )
        for each, types, codes, start in ((mine, "a", own, 0), (other, "b", others, 10))
    }
    made, _ = assemble(Plan(queries=(mine, other)), reads, INFOS, ended_by=ended_by)
    assert made.failure is not None
    words = "the deadline of the run came" if ended_by == "deadline" else "SIGTERM ended the run"
    assert made.failure.cause == f"{words} first{until_then}"
    assert (made.failure.last_code, made.failure.status) == (
        (ILL, 503) if until_then else (None, None)
    )
    assert ("upstream is ill" in made.failure.next_step) is bool(until_then)


def test_a_listing_s_own_failure_comes_before_the_run_s_end() -> None:
    """Whoever failed before the deadline did not fail by it."""
    each = planned("a", 3)
    read = ReadQuery(planned=each, listing=listing("a", ended=False), failure=DOWN)
    (made,) = assemble(Plan(queries=(each,)), {each.query: read}, INFOS, ended_by="deadline")
    assert made.failure == DOWN


def test_the_broadest_listing_has_the_word() -> None:
    """A narrower listing shows fewer versions of a model, so it speaks only where no other does."""
    broad = planned("a", 1)
    narrow = replace(planned("b", 1), broader=(broad.query,))
    results = {
        broad.query: ReadQuery(
            planned=broad, listing=listing("a", "1", ended=False, name="broad"), failure=DOWN
        ),
        narrow.query: ReadQuery(
            planned=narrow, listing=listing("b", "1", "2", ended=True, name="narrow")
        ),
    }
    entries = collect_entries(Plan(queries=(broad, narrow)), results)["civitai"]
    assert {one.model.id: one.model.name for one in entries} == {"1": "broad", "2": "narrow"}


def test_the_order_of_the_plan_leaves_no_trace() -> None:
    """Of two listings that cover neither the other, the same has the word in every run."""
    one, other = planned("a", 1), planned("b", 1)
    results = {
        each.query: ReadQuery(planned=each, listing=listing(name, "1", ended=True, name=name))
        for name, each in {"a": one, "b": other}.items()
    }
    found = [
        [*collect_entries(Plan(queries=queries), results)["civitai"]][-1].model.name
        for queries in [(one, other), (other, one)]
    ]
    assert found == ["b", "b"]


def test_a_query_record_tells_what_became_of_a_listing() -> None:
    """Everything that reading counted stands in the record of the run."""
    each = planned("a", 2, 3)
    dropped = DroppedRecord(record="#1", reason="odd")
    read = ReadQuery(
        planned=each,
        listing=Listing(
            query=each.query,
            entries=listing("a", "1", ended=True).entries,
            ended=True,
            pages=4,
            duplicates=5,
            dropped=(dropped,),
        ),
        failure=DOWN,
        attempts=[Attempt(number=1, url="any", started=0, seconds=0)],
    )
    (record,) = record_queries({each.query: read})
    assert record.filters == ("filter/a/2", "filter/a/3")
    assert (record.source, record.parameters) == ("civitai", (("types", "a"),))
    assert (record.pages, record.models, record.ended, record.duplicates) == (4, 1, True, 5)
    assert (record.dropped, record.failure, len(record.attempts)) == ((dropped,), DOWN, 1)
    assert record.answered_by is None


def test_a_derived_listing_names_the_one_that_answered_it() -> None:
    """So that a person sees why no request was sent for it."""
    each = planned("a", 1)
    derived = Listing(query=each.query, entries=(), ended=True, answered_by=query("b"))
    (record,) = record_queries({each.query: ReadQuery(planned=each, listing=derived)})
    assert record.answered_by == (("types", "b"),)
    assert record.attempts == ()
