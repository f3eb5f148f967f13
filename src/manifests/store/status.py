"""Tell how fresh each published manifest is, as `status.json` says it to those who watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from pydantic import Field

from manifests.errors import ErrorCode
from manifests.models import Record
from manifests.results import Outcome, State

__all__ = ["FilterStatus", "Freshness", "Status", "fold", "next_status", "status_key"]

Freshness: TypeAlias = Literal["fresh", "stale", "missing", "quarantined"]

_FRESHNESS: Final[Mapping[State, Freshness]] = {
    State.FRESH: "fresh",
    State.UNCHANGED: "fresh",
    State.STALE: "stale",
    State.QUARANTINED: "quarantined",
    State.MISSING: "missing",
}


class FilterStatus(Record):
    """How fresh what is published for one filter is."""

    state: Freshness
    last_success: str | None = None
    """When it was last made, or made again and found unchanged; ISO 8601, UTC."""
    stale_since: str | None = None
    """When the first of the runs that failed since then was; None while it is fresh."""
    code: ErrorCode | None = None
    """Why the last run failed."""
    consecutive_failures: int = 0


class Status(Record):
    """What `status.json` holds: the one published file that every run writes."""

    schema_version: Literal[1] = Field(
        default=1, validation_alias="schema", serialization_alias="schema"
    )
    run: str
    """Id of the run that wrote it."""
    tool: str
    """Version of the tool."""
    updated: str
    """ISO 8601, UTC."""
    auth: Mapping[str, Literal["anonymous", "token"]]
    """Source → how it was asked."""
    upstream: Mapping[str, str]
    """Source → the endpoint that was asked."""
    filters: Mapping[str, FilterStatus] = Field(default_factory=dict)
    """Source and path, as in `civitai:filter/x` → its freshness."""


def status_key(source: str, path: str) -> str:
    """Return the name under which a filter stands in `status.json`."""
    return f"{source}:{path}"


def next_status(previous: FilterStatus | None, outcome: Outcome, *, now: str) -> FilterStatus:
    """Return what *outcome* makes of the status that a filter had before, if it had one.

    Args:
        previous: as the last run left it.
        outcome: what became of the filter in this run.
        now: ISO 8601, UTC.
    """
    if outcome.state.is_current:
        return FilterStatus(state=_FRESHNESS[outcome.state], last_success=now)

    before = previous or FilterStatus(state="fresh")
    return FilterStatus(
        state=_FRESHNESS[outcome.state],
        last_success=before.last_success,
        stale_since=before.stale_since or now,
        code=outcome.failure.code if outcome.failure else None,
        consecutive_failures=before.consecutive_failures + 1,
    )


def fold(
    previous: Mapping[str, FilterStatus], outcomes: Iterable[Outcome], *, now: str
) -> dict[str, FilterStatus]:
    """Return *previous* with the entries of all filters of this run brought up to date."""
    statuses = dict(previous)
    for outcome in outcomes:
        key = status_key(outcome.source, outcome.filter)
        statuses[key] = next_status(previous.get(key), outcome, now=now)

    return statuses
