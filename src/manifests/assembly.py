"""Assemble what was read: a candidate or a failure for each filter, an entry for each model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.audit import Finding
from manifests.errors import ErrorCode
from manifests.fetch.advice import next_step
from manifests.listings import select
from manifests.reading import MAY_PASS
from manifests.results import Failure, QueryRecord
from manifests.store.entrylog import Gathered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from manifests.listings import Candidate
    from manifests.models import Filter, Query
    from manifests.planner import Plan, PlannedQuery
    from manifests.reading import ReadQuery
    from manifests.sources.base import Entry, SourceInfo
    from manifests.stopping import EndedBy
    from manifests.traffic import Attempt

__all__ = ["Made", "assemble", "collect_entries", "record_queries"]

STEADY = 3
"""So many failures in a row, with nothing else after them, are more than bad luck."""


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
    ill = {source: trouble(attempts) for source, attempts in attempts_by_source(results).items()}
    for planned in plan.queries:
        read = results[planned.query]
        last = trouble(read.attempts, least=STEADY) or ill.get(planned.query.source)
        for wanted in planned.wanted:
            candidate = select(read.listing, wanted, infos[wanted.filter.source])
            failure = None
            if candidate is None:
                info = infos[wanted.filter.source]
                failure = read.failure or cut_short(ended_by, last=last, info=info)
            yield Made(filter=wanted.filter, read=read, candidate=candidate, failure=failure)


def attempts_by_source(results: Mapping[Query, ReadQuery]) -> dict[str, list[Attempt]]:
    """Return source → all attempts at its listings."""
    found: dict[str, list[Attempt]] = defaultdict(list)
    for query, read in results.items():
        found[query.source] += read.attempts
    return found


def trouble(attempts: Iterable[Attempt], *, least: int = 1) -> Attempt | None:
    """Return the last attempt where it and those before it failed as upstream's illnesses do.

    Attempts that we gave up by ourselves tell nothing, and fewer than *least* may be bad luck.
    """
    heard = [each for each in attempts if each.code is not ErrorCode.CANCELLED]
    last = sorted(heard, key=lambda each: each.started + each.seconds)[-STEADY:]
    return last[-1] if len(last) >= least and all(each.code in MAY_PASS for each in last) else None


def cut_short(ended_by: EndedBy, *, last: Attempt | None, info: SourceInfo) -> Failure:
    """Return the failure of a listing that was still being read when the run was ended.

    Args:
        ended_by: what ended it.
        last: how upstream answered until then, if that was ill: more time would not have helped.
        info: of the source.
    """
    if ended_by == "deadline":
        code, cause = ErrorCode.DEADLINE_EXCEEDED, "the deadline of the run came first"
        step = "run again; if it stays short, with a longer --deadline"
    else:
        code, cause = ErrorCode.CANCELLED, f"{ended_by} ended the run first"
        step = "run again; what was published stays"
    if last is None or last.code is None:
        return Failure(code=code, cause=cause, next_step=step)
    return Failure(
        code=code,
        cause=f"{cause}; until then {last.cause}",
        next_step=next_step(last.code, info),
        status=last.status,
        last_code=last.code,
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
