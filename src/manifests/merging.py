"""Make one published set of what several shards made, judged as if one run had made it all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from manifests.accounting import stock_of, summed_up, take_stock
from manifests.assembly import Made, narrowest_first
from manifests.drafting import Draft, compose_release, hold_back, judge, settle_all, unlisted
from manifests.errors import DefinitionError, ErrorCode
from manifests.folding import (
    ended,
    environment_of,
    plan_of,
    queries_of,
    run_of,
    shard_records,
    span,
)
from manifests.listings import Candidate, Listing
from manifests.memory import Recalled
from manifests.reading import ReadQuery
from manifests.recording import iso
from manifests.results import Failure, Funnel, RunRecord
from manifests.runner import publish_draft, snapshot
from manifests.shardmodels import MODELS_FILE, read_listings
from manifests.store.canonical import DamagedFileError
from manifests.store.entrylog import Gathered
from manifests.store.publisher import MACHINE
from manifests.store.spool import Spool
from manifests.store.status import believed_success, status_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manifests.handover import Candidate as Handed
    from manifests.joining import Joined, ShardOutput
    from manifests.memory import Memory
    from manifests.planner import PlannedQuery, Wanted
    from manifests.preparing import Prepared
    from manifests.results import Outcome, QueryRecord
    from manifests.shardmodels import ReadListing
    from manifests.store.entrylog import EntryLog
    from manifests.store.names import Key
    from manifests.store.publisher import Disk

__all__ = ["Merge", "merge"]

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What is merged, and with what."""

    prepared: Prepared
    """The run of all shards together, as if it were made here; its output is the merged set."""
    joined: Joined
    now: datetime
    """The time of day, with its zone."""
    memory: Memory | None = None
    """What earlier runs have left, and this one leaves; None remembers nothing."""
    flags: str = ""
    """What to add to a command so that it meets the same upstream and definitions."""
    disk: Disk = MACHINE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a shard says of one filter."""

    outcome: Outcome
    candidate: Handed | None
    made: datetime
    """When the oldest of its pages was fetched, or at least when the shard was done."""


def merge(merge_: Merge) -> RunRecord:
    """Judge what the shards made, and publish it; failures are values in the record.

    The same shards merged again change nothing, not even the times in `status.json`.

    Raises:
        DefinitionError: the models of a shard can't be read; nothing was written.
        StoreError: the disk of temporary files refused; nothing was written.
    """
    prepared, before = merge_.prepared, merge_.prepared.published
    recalled = merge_.memory.recall() if merge_.memory else Recalled()
    run = run_of(merge_.joined, merge_.now)
    is_again = before.status is not None and before.status.run == run
    if is_again:
        # This run has prolonged its streaks already.
        recalled = replace(recalled, streaks={})
    draft = draft_of(merge_, recalled, run=run)
    unchanged = stock_of(before.catalogues)
    if prepared.settings.dry_run:
        return summed_up(draft.record, before=before, stock=unchanged)
    stock = take_stock(before.catalogues, draft.release.catalogues)
    record = publish_draft(
        prepared, draft, now=iso(merge_.now), disk=merge_.disk, keeps_status=is_again
    )
    record = summed_up(record, before=before, stock=unchanged if record.refusal else stock)
    if is_again:
        return record.model_copy(update={"changes": None})
    if merge_.memory:
        merge_.memory.finish(record, snapshot(prepared, draft, record), draft.held)
    return record


def draft_of(merge_: Merge, recalled: Recalled, *, run: str) -> Draft:
    """Return the next set and its record, made of what the shards made."""
    prepared, joined, spool = merge_.prepared, merge_.joined, Spool()
    made = tuple(made_of(merge_))
    judgement = judge(made, prepared, recalled, now=merge_.now)
    entries = entries_of(prepared, joined, spool)
    release = compose_release(prepared, made, judgement, entries, spool=spool)
    started, over = span(joined, merge_.now)
    record = RunRecord(
        run=run,
        started=iso(started),
        seconds=round((over - started).total_seconds(), 3),
        dry_run=prepared.settings.dry_run,
        environment=environment_of(prepared, joined),
        plan=plan_of(prepared, joined, flags=merge_.flags),
        outcomes=settle_all(prepared, made, judgement, release),
        queries=tuple(queries_of(joined, started)),
        shards=tuple(shard_records(joined)),
        unlisted=unlisted(prepared),
        damaged=prepared.published.damaged,
        orphans=tuple(f"{source}:{id_}" for source, id_ in release.orphans),
    )
    held = tuple(hold_back(made, judgement, entries))
    return Draft(record=record, made=made, release=release, held=held)


def made_of(merge_: Merge) -> Iterator[Made]:
    """Yield what the shards made of each filter."""
    found = dict(findings(merge_.joined))
    listings = {
        (query.source, query.parameters): query
        for _, record in merge_.joined.finished.values()
        for query in record.queries
    }
    for planned in merge_.prepared.plan.queries:
        query = listings.get((planned.query.source, planned.query.parameters))
        for wanted in planned.wanted:
            key = wanted.filter.source, wanted.filter.path
            if key in found:
                yield made_by_shard(merge_, planned, wanted, found[key], query)
            else:
                yield made_by_nobody(merge_.joined, planned, wanted)


def findings(joined: Joined) -> Iterator[tuple[Key, _Found]]:
    """Yield what the shards say, by source and path."""
    for output, record in joined.finished.values():
        manifests = {(each.source, each.filter): each for each in output.note.manifests}
        for outcome in record.outcomes:
            key = outcome.source, outcome.filter
            made = datetime.fromisoformat(outcome.as_of) if outcome.as_of else ended(record)
            yield key, _Found(outcome=outcome, candidate=manifests.get(key), made=made)


def made_by_shard(
    merge_: Merge,
    planned: PlannedQuery,
    wanted: Wanted,
    found: _Found,
    query: QueryRecord | None,
) -> Made:
    """Return a filter as its shard made it, unless what is published was made later."""
    key = wanted.filter.source, wanted.filter.path
    published = merge_.prepared.published.manifests.get(key)
    info = merge_.prepared.infos[wanted.filter.source]
    manifest = found.candidate.manifest(wanted.filter, info) if found.candidate else None
    made = found.made
    # As after a retry, or when shards of yesterday are merged once more.
    newest = last_success(merge_, key)
    if manifest and published and newest > made:
        manifest, made = published, newest
    funnel = found.outcome.funnel or Funnel(fetched=0, kept=0)
    candidate = None
    if manifest:
        candidate = Candidate(filter=wanted.filter, manifest=manifest, funnel=funnel)
    read = ReadQuery(
        planned=planned,
        listing=Listing(query=planned.query, entries=(), ended=bool(query and query.ended)),
        failure=found.outcome.failure,
        attempts=list(query.attempts) if query else [],
        as_of=made,
    )
    failure = None if candidate else found.outcome.failure
    return Made(filter=wanted.filter, read=read, candidate=candidate, failure=failure)


def last_success(merge_: Merge, key: Key) -> datetime:
    """Return when what is published of a filter was made; long ago where nobody knows."""
    status = merge_.prepared.published.status
    known = status.filters.get(status_key(*key)) if status else None
    moment = believed_success(known, now=merge_.now)
    if not moment:
        return LONG_AGO
    then = datetime.fromisoformat(moment)
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def made_by_nobody(joined: Joined, planned: PlannedQuery, wanted: Wanted) -> Made:
    """Return a filter whose shard was lost."""
    number = joined.dealt[wanted.filter.source, wanted.filter.path]
    shard = f"{number}/{joined.handed.first.part.of}"
    failure = Failure(
        code=ErrorCode.CANCELLED,
        cause=joined.lost[number],
        next_step=f"make it: manifests generate --shard {shard}, and merge all shards again",
    )
    read = ReadQuery(
        planned=planned,
        listing=Listing(query=planned.query, entries=(), ended=False),
        failure=failure,
    )
    return Made(filter=wanted.filter, read=read, failure=failure)


def entries_of(prepared: Prepared, joined: Joined, spool: Spool) -> dict[str, Gathered]:
    """Return source → models of all shards, in the order in which one run would take them."""
    found = {
        each.query: each.entries
        for output, _ in joined.finished.values()
        for each in listings_of(output, spool)
    }
    listings: dict[str, list[EntryLog]] = defaultdict(list)
    for planned in sorted(prepared.plan.queries, key=narrowest_first):
        if planned.query in found:
            listings[planned.query.source].append(found[planned.query])
    return {source: Gathered(listings[source]) for source in prepared.sources}


def listings_of(output: ShardOutput, spool: Spool) -> Iterator[ReadListing]:
    """Yield the listings of one shard.

    Raises:
        DefinitionError: their file can't be read, or is not the right one.
    """
    try:
        yield from read_listings(output.folder, output.note.models, spool)
    except (OSError, DamagedFileError) as error:
        raise DefinitionError(
            [f"{output.folder / MODELS_FILE} can't be used: {error}"],
            next_step="make the shard again, or leave it out; nothing was written",
        ) from error
