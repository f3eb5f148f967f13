"""Tell a stored run as the event log that `--log-format json` would have written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.report.eventlines import (
    AttemptLine,
    CircuitLine,
    EndedLine,
    HeldLine,
    JudgedLine,
    PlannedLine,
    SampleLine,
    SettledLine,
    encode_line,
    moment,
)
from manifests.report.findings import verdict
from manifests.results import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from manifests.report.eventlines import AnyLine
    from manifests.report.story import Story
    from manifests.results import Failure, Outcome, QueryRecord, RunRecord
    from manifests.traffic import HostNote

__all__ = ["last_lines", "render"]

JUDGED_LATER = {ErrorCode.QUARANTINED, ErrorCode.STORE_ERROR}
"""What befalls a filter after its candidate was there."""
JUDGED_FIELDS = set(JudgedLine.model_fields) - {"at", "elapsed", "event"}
"""Of an outcome, under the same names."""


def render(story: Story) -> bytes:
    """Return the event log of a run: its lines, in the order of time."""
    record = story.record
    lines: list[AnyLine] = [planned(record)]
    # The sort is stable, so that lines of one moment keep the order of the record.
    lines += sorted((*attempts(record), *hosts(record), *settled(record)), key=lambda x: x.elapsed)
    lines += last_lines(story)
    return "".join(encode_line(line) for line in lines).encode("ascii")


def at(record: RunRecord, elapsed: float) -> str:
    """Return the moment so many seconds after a run began."""
    return moment(datetime.fromisoformat(record.started) + timedelta(seconds=elapsed))


def planned(record: RunRecord) -> PlannedLine:
    """Return what the run set out to do."""
    return PlannedLine(
        at=at(record, 0),
        elapsed=0,
        run=record.run,
        filters=len(record.outcomes),
        queries=record.plan.queries if record.plan else len(record.queries),
    )


def attempts(record: RunRecord) -> Iterator[AttemptLine]:
    """Yield the end of each request."""
    for query in record.queries:
        for attempt in query.attempts:
            ended = round(attempt.started + attempt.seconds, 3)
            fields = attempt.model_dump(exclude={"started"})
            yield AttemptLine(at=at(record, ended), elapsed=ended, source=query.source, **fields)


def hosts(record: RunRecord) -> Iterator[AnyLine]:
    """Yield what each host was allowed, its pauses, and what its circuit did."""
    for host in record.hosts:
        for sample in host.samples:
            fields = sample.model_dump(exclude={"at"})
            when = at(record, sample.at)
            yield SampleLine(at=when, elapsed=sample.at, source=host.source, **fields)
        for note in host.notes:
            yield noted(record, host.source, note)


def noted(record: RunRecord, source: str, note: HostNote) -> HeldLine | CircuitLine:
    """Return one pause of a host, or one change of its circuit."""
    when = at(record, note.at)
    if note.kind == "hold":
        return HeldLine(at=when, elapsed=note.at, source=source, seconds=note.seconds, why=note.why)
    return CircuitLine(
        at=when,
        elapsed=note.at,
        source=source,
        circuit=note.kind,
        seconds=note.seconds,
        why=note.why,
    )


def settled(record: RunRecord) -> Iterator[SettledLine]:
    """Yield the moment at which the listing of each filter was read, as far as the record tells."""
    moments = settlements(record)
    for outcome in record.outcomes:
        elapsed, failure = moments.get((outcome.source, outcome.filter), 0.0), early(outcome)
        yield SettledLine(
            at=at(record, elapsed),
            elapsed=elapsed,
            source=outcome.source,
            filter=outcome.filter,
            failure=failure,
            keeps_old=failure is not None and outcome.previous is not None,
        )


def early(outcome: Outcome) -> Failure | None:
    """Return the failure of a filter that was known when its listing was read."""
    failure = outcome.failure
    return failure if failure and failure.code not in JUDGED_LATER else None


def settlements(record: RunRecord) -> Mapping[tuple[str, str], float]:
    """Return when each filter was settled: when its listing ended, or the broader one did.

    A listing without any request is answered by kept pages, at once.
    """
    ends = {(query.source, query.parameters): end(query) for query in record.queries}
    return {
        (query.source, path): ends.get(
            (query.source, query.answered_by or query.parameters), end(query)
        )
        for query in record.queries
        for path in query.filters
    }


def end(query: QueryRecord) -> float:
    """Return the seconds from the run's start to the last answer for a listing."""
    ends = (attempt.started + attempt.seconds for attempt in query.attempts)
    return round(max(ends, default=0.0), 3)


def last_lines(story: Story) -> Iterator[JudgedLine | EndedLine]:
    """Yield what has become of each filter, and of the run; live and stored logs end alike."""
    record = story.record
    elapsed = record.seconds
    when = at(record, elapsed)
    for outcome in record.outcomes:
        fields = outcome.model_dump(include=JUDGED_FIELDS)
        yield JudgedLine(at=when, elapsed=elapsed, **fields)
    sent = [attempt for query in record.queries for attempt in query.attempts]
    yield EndedLine(
        at=when,
        elapsed=elapsed,
        run=record.run,
        ended_by=record.ended_by,
        exit_code=story.exit_code.value,
        verdict=tuple(verdict(record, story.exit_code, max_failed=story.max_failed)),
        seconds=record.seconds,
        states={state: record.counts[state] for state in State if record.counts[state]},
        requests=len(sent),
        retries=sum(attempt.number > 1 for attempt in sent),
        bytes=sum(attempt.bytes for attempt in sent),
        waited=round(sum(attempt.wait for attempt in sent), 3),
    )
