"""Assemble what was read: a candidate or a failure for each filter, an entry for each model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.audit import Finding
from manifests.errors import ErrorCode
from manifests.listings import select
from manifests.results import Failure, QueryRecord
from manifests.store.entrylog import Gathered
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from manifests.listings import Candidate
    from manifests.models import Filter, Query
    from manifests.planner import Plan, PlannedQuery
    from manifests.reading import ReadQuery
    from manifests.sources.base import Entry, SourceInfo
    from manifests.stopping import EndedBy
    from manifests.traffic import Attempt

__all__ = ["Made", "assemble", "collect_entries", "record_queries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What reading came to for one filter: a candidate, or why there is none."""

    filter: Filter
    read: ReadQuery
    candidate: Candidate | None = None
    failure: Failure | None = None


def assemble(
    plan: Plan,
    results: Mapping[Query, ReadQuery],
    infos: Mapping[str, SourceInfo],
    *,
    ended_by: EndedBy,
) -> Iterator[Made]:
    """Yield a candidate or a failure for each filter of *plan*.

    A filter whose listing broke off after it had enough models is none the worse for it.
    """
    for planned in plan.queries:
        read = results[planned.query]
        for wanted in planned.wanted:
            candidate = select(read.listing, wanted, infos[wanted.filter.source])
            failure = None if candidate else read.failure or cut_short(ended_by, read.attempts)
            yield Made(filter=wanted.filter, read=read, candidate=candidate, failure=failure)


def cut_short(ended_by: EndedBy, attempts: Sequence[Attempt]) -> Failure:
    """Return the failure of a listing that was still being read when the run was ended."""
    # What the end itself broke off tells nothing of the host.
    heard = [each for each in attempts if each.code is not ErrorCode.CANCELLED]
    said = ""
    # Without it a host that answers nothing but errors looks like one that is merely slow.
    if heard and heard[-1].cause:
        said = f"; the last of {counted(len(heard), 'attempt')}: {heard[-1].cause}"
    if ended_by == "deadline":
        return Failure(
            code=ErrorCode.DEADLINE_EXCEEDED,
            cause=f"the deadline of the run came first{said}",
            next_step="run again; if it stays short, with a longer --deadline",
        )
    return Failure(
        code=ErrorCode.CANCELLED,
        cause=f"{ended_by} ended the run first{said}",
        next_step="run again; what was published stays",
    )


def collect_entries(plan: Plan, results: Mapping[Query, ReadQuery]) -> dict[str, Gathered]:
    """Return source → models, of all listings that were read; of two with one id the later counts.

    A listing for some base models shows only those versions of a model, so the broadest listing
    that holds a model has the word, whichever filters asked.
    """
    listings: dict[str, list[Collection[Entry]]] = defaultdict(list)
    # Not in the order of the plan, which the freshness of the filters decides.
    for planned in sorted(plan.queries, key=narrowest_first):
        listings[planned.query.source].append(results[planned.query].listing.entries)
    return {source: Gathered(found) for source, found in listings.items()}


def narrowest_first(planned: PlannedQuery) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Return what sorts narrower listings before broader ones, and equals always alike."""
    return -len(planned.broader), planned.query.parameters


def record_queries(results: Mapping[Query, ReadQuery]) -> tuple[QueryRecord, ...]:
    """Return what became of each listing."""
    return tuple(record_query(read) for read in results.values())


def record_query(read: ReadQuery) -> QueryRecord:
    """Return what became of one listing."""
    listing, evidence = read.listing, read.listing.evidence
    return QueryRecord(
        source=listing.query.source,
        parameters=listing.query.parameters,
        filters=tuple(wanted.filter.path for wanted in read.planned.wanted),
        pages=listing.pages,
        models=len(listing.entries),
        ended=listing.ended,
        answered_by=listing.answered_by.parameters if listing.answered_by else None,
        duplicates=listing.duplicates,
        strangers=evidence.count(Finding.STRANGERS),
        rescued=evidence.count(Finding.RESCUED),
        moved=evidence.count(Finding.MOVED),
        disordered=evidence.count(Finding.DISORDERED),
        examples={finding.value: ids for finding, ids in evidence.examples.items()},
        loop=evidence.loop,
        dropped=listing.dropped,
        attempts=tuple(read.attempts),
        failure=read.failure,
    )
