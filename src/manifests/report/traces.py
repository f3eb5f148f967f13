"""Tell a run as a tree of spans, in the words of OpenTelemetry but without its library.

Attributes of requests follow its conventions for HTTP clients:
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from manifests.errors import ErrorCode
from manifests.report.exits import ExitCode
from manifests.report.findings import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from manifests.report.story import Story
    from manifests.results import QueryRecord, RunRecord
    from manifests.traffic import Attempt, HostNote

__all__ = ["Span", "SpanEvent", "Value", "safe_url", "trace_of"]

Value: TypeAlias = str | bool | int | float
"""Of an attribute."""

SECRET = re.compile(
    r"token|secret|password|passwd|signature|^(api|access)?_?key$|^sig$|^auth", re.IGNORECASE
)
"""Names of parameters whose values are nobody's business."""
REDACTED = "REDACTED"
BAD = 400
"""The least status that says so itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """Something that happened at one moment of a span."""

    name: str
    at: int
    """Nanoseconds since 1970, as all times here."""
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One piece of work, with the pieces that it is made of."""

    name: str
    kind: Literal["internal", "client"] = "internal"
    start: int
    end: int
    attributes: Mapping[str, Value]
    error: str | None = None
    """Why it failed, in one line; None when it did not."""
    events: tuple[SpanEvent, ...] = ()
    children: tuple[Span, ...] = field(default=())


def trace_of(story: Story) -> Span:
    """Return the span of a run: its listings are the children, their requests the grandchildren."""
    record = story.record
    reasons = verdict(record, story.exit_code, max_failed=story.max_failed)
    asked = (query for query in record.queries if query.attempts or query.failure)
    return Span(
        name="manifests run",
        start=nanoseconds(record, 0),
        end=nanoseconds(record, record.seconds),
        attributes={
            "manifests.run": record.run,
            "manifests.ended_by": record.ended_by,
            "manifests.exit_code": story.exit_code.value,
            "manifests.filters": len(record.outcomes),
            "manifests.requests": record.requests,
            **{f"manifests.filters.{state}": count for state, count in record.counts.items()},
        },
        error=None if story.exit_code is ExitCode.OK else "; ".join(reasons),
        events=tuple(host_events(record)),
        children=tuple(listing(record, query) for query in asked),
    )


def listing(record: RunRecord, query: QueryRecord) -> Span:
    """Return the span of one listing: from its first request until its last answer."""
    starts = (attempt.started for attempt in query.attempts)
    ends = (attempt.started + attempt.seconds for attempt in query.attempts)
    failure = query.failure
    return Span(
        name=f"listing {query.source}",
        start=nanoseconds(record, min(starts, default=0)),
        end=nanoseconds(record, max(ends, default=0)),
        attributes={
            "manifests.source": query.source,
            "manifests.filters": len(query.filters),
            "manifests.parameters": urlencode(query.parameters),
            "manifests.pages": query.pages,
            "manifests.models": query.models,
            "manifests.ended": query.ended,
            **({"error.type": failure.code.value} if failure else {}),
        },
        error=failure.cause if failure else None,
        events=tuple(backoffs(record, query)),
        children=tuple(request(record, query.source, attempt) for attempt in query.attempts),
    )


def backoffs(record: RunRecord, query: QueryRecord) -> Iterator[SpanEvent]:
    """Yield the waits before retries, each where it began."""
    for attempt in query.attempts:
        if attempt.wait:
            yield SpanEvent(
                name="backoff",
                at=nanoseconds(record, attempt.started + attempt.seconds),
                attributes={"manifests.seconds": attempt.wait, "manifests.cause": attempt.cause},
            )


def request(record: RunRecord, source: str, attempt: Attempt) -> Span:
    """Return the span of one request; one that was cancelled on purpose did not fail."""
    is_dropped = attempt.code is ErrorCode.CANCELLED
    return Span(
        name="GET",
        kind="client",
        start=nanoseconds(record, attempt.started),
        end=nanoseconds(record, attempt.started + attempt.seconds),
        attributes={
            "http.request.method": "GET",
            **url_attributes(attempt.url),
            **response_attributes(attempt),
            "manifests.source": source,
        },
        error=attempt.cause or attempt.code if attempt.code and not is_dropped else None,
    )


def response_attributes(attempt: Attempt) -> dict[str, Value]:
    """Return what came back, and which try it was."""
    found: dict[str, Value] = {"manifests.response.decoded_bytes": attempt.bytes}
    if attempt.number > 1:
        found["http.request.resend_count"] = attempt.number - 1
    if attempt.status is not None:
        found["http.response.status_code"] = attempt.status
    if attempt.code:
        found["manifests.code"] = attempt.code.value
        has_status = attempt.status is not None and attempt.status >= BAD
        found["error.type"] = str(attempt.status) if has_status else attempt.code.value
    return found


def url_attributes(url: str) -> dict[str, Value]:
    """Return what may be told of a URL; nothing when it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return {}
    found: dict[str, Value] = {"url.full": safe_url(url)}
    if parts.hostname:
        found["server.address"] = parts.hostname
    if port:
        found["server.port"] = port
    return found


def safe_url(url: str) -> str:
    """Return a URL without user and password, and without values of parameters that look secret.

    Tokens travel in a header; this is for endpoints and parameters that somebody made up.
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = parts.query
    if any(SECRET.search(name) for name, _ in pairs):
        query = urlencode(
            [(name, REDACTED if SECRET.search(name) else value) for name, value in pairs]
        )
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def host_events(record: RunRecord) -> Iterator[SpanEvent]:
    """Yield the pauses of all hosts, and what their circuits did, in the order of time."""
    notes = [(note, host.source) for host in record.hosts for note in host.notes]
    for note, source in sorted(notes, key=lambda each: each[0].at):
        yield host_event(record, source, note)


def host_event(record: RunRecord, source: str, note: HostNote) -> SpanEvent:
    """Return one pause, or one change of a circuit, under the name that the event log gives it."""
    is_hold = note.kind == "hold"
    return SpanEvent(
        name="host.held" if is_hold else "circuit.changed",
        at=nanoseconds(record, note.at),
        attributes={
            "manifests.source": source,
            "manifests.seconds": note.seconds,
            "manifests.why": note.why,
            **({} if is_hold else {"manifests.circuit": note.kind}),
        },
    )


def nanoseconds(record: RunRecord, elapsed: float) -> int:
    """Return the moment so many seconds after a run began, in nanoseconds since 1970."""
    began = round(datetime.fromisoformat(record.started).timestamp())
    return began * 10**9 + round(elapsed * 1e9)
