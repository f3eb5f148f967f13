"""Fold the records of several shards into that of the one run which they make together."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from manifests.recording import environment
from manifests.results import PlanRecord
from manifests.shards import ShardRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manifests.joining import Joined
    from manifests.preparing import Prepared
    from manifests.results import Environment, QueryRecord, RunRecord

__all__ = ["ended", "environment_of", "plan_of", "queries_of", "run_of", "shard_records", "span"]


def run_of(joined: Joined, now: datetime) -> str:
    """Return the id of the merged run: equal shards make equal ids, in the form of all others."""
    runs = [(number, record.run) for number, (_, record) in joined.finished.items()]
    tail = hashlib.sha256(repr((runs, joined.handed.first.part)).encode()).hexdigest()[:4]
    started, _ = span(joined, now)
    return f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{tail}"


def span(joined: Joined, now: datetime) -> tuple[datetime, datetime]:
    """Return when the first shard began and the last one ended; *now* where none was finished."""
    records = [record for _, record in joined.finished.values()]
    started = min((datetime.fromisoformat(each.started) for each in records), default=now)
    return started, max((ended(each) for each in records), default=now)


def ended(record: RunRecord) -> datetime:
    """Return when a shard was done."""
    return datetime.fromisoformat(record.started) + timedelta(seconds=record.seconds)


def environment_of(prepared: Prepared, joined: Joined) -> Environment:
    """Return where the merge is made, and as whom the shards asked; the least of them counts."""
    records = [record for _, record in joined.finished.values()]
    here = environment(prepared.settings.access)
    auth = {
        source: "token"
        if records and all(each.environment.auth.get(source) == "token" for each in records)
        else "anonymous"
        for source in here.auth
    }
    return here.model_copy(update={"auth": auth})


def plan_of(prepared: Prepared, joined: Joined, *, flags: str) -> PlanRecord:
    """Return what the shards set out to do, together."""
    plans = [record.plan for _, record in joined.finished.values()]
    expected = [plan.expected_requests if plan else None for plan in plans]
    known = [each for each in expected if each is not None]
    return PlanRecord(
        filters=len(prepared.filters),
        queries=len(prepared.plan.queries),
        expected_requests=sum(known) if known and len(known) == len(expected) else None,
        max_failed=prepared.settings.max_failed,
        out=str(prepared.settings.out),
        flags=flags,
    )


def queries_of(joined: Joined, started: datetime) -> Iterator[QueryRecord]:
    """Yield what became of each listing, its attempts by the time of the merged run."""
    for _, record in joined.finished.values():
        later = (datetime.fromisoformat(record.started) - started).total_seconds()
        for query in record.queries:
            attempts = tuple(
                each.model_copy(update={"started": round(each.started + later, 3)})
                for each in query.attempts
            )
            yield query.model_copy(update={"attempts": attempts})


def shard_records(joined: Joined) -> Iterator[ShardRecord]:
    """Yield what each shard brought, lost ones too."""
    for number in range(1, joined.handed.first.part.of + 1):
        filters = sum(each == number for each in joined.dealt.values())
        if number not in joined.finished:
            yield ShardRecord(number=number, filters=filters)
            continue
        _, record = joined.finished[number]
        yield ShardRecord(
            number=number,
            filters=filters,
            run=record.run,
            started=record.started,
            seconds=record.seconds,
            ended_by=record.ended_by,
            requests=record.requests,
            platform=record.environment.platform,
            hosts=record.hosts,
        )
