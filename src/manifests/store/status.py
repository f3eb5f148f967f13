"""Tell how fresh each published manifest is, as `status.json` says it to those who watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import Field

from manifests.errors import ErrorCode
from manifests.models import Record
from manifests.results import Outcome, State
from manifests.shards import ShardPart

if TYPE_CHECKING:
    from manifests.models import Manifest
    from manifests.store.names import Key

__all__ = [
    "Age",
    "FilterStatus",
    "Freshness",
    "Status",
    "ages",
    "believed_success",
    "fold",
    "next_status",
    "status_key",
]

Freshness: TypeAlias = Literal["fresh", "stale", "missing", "quarantined"]

_FRESHNESS: Final[Mapping[State, Freshness]] = {
    State.FRESH: "fresh",
    State.UNCHANGED: "fresh",
    State.STALE: "stale",
    State.QUARANTINED: "quarantined",
    State.MISSING: "missing",
}

SKEW: Final = timedelta(minutes=5)
"""How far the clocks of two machines may be apart before one is called wrong."""


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
    shard: ShardPart | None = Field(default=None, exclude_if=lambda part: part is None)
    """Which part of a run made the set; left out where it is a whole one."""
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
        # What is made of kept pages is as old as the oldest of them.
        return FilterStatus(state=_FRESHNESS[outcome.state], last_success=outcome.as_of or now)

    before = previous or FilterStatus(state="fresh")
    return FilterStatus(
        state=_FRESHNESS[outcome.state],
        last_success=before.last_success,
        stale_since=before.stale_since or now,
        code=outcome.failure.code if outcome.failure else None,
        consecutive_failures=before.consecutive_failures + 1,
    )


def believed_success(status: FilterStatus | None, *, now: datetime) -> str:
    """Return when a filter was last made, as its status says it; empty when that can't be."""
    moment = status.last_success if status else None
    seconds, _ = _since(moment, now)
    return moment if moment and seconds is not None else ""


def fold(
    previous: Mapping[str, FilterStatus], outcomes: Iterable[Outcome], *, now: str
) -> dict[str, FilterStatus]:
    """Return *previous* with the entries of all filters of this run brought up to date."""
    statuses = dict(previous)
    for outcome in outcomes:
        key = status_key(outcome.source, outcome.filter)
        statuses[key] = next_status(previous.get(key), outcome, now=now)

    return statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old what is published for one filter is."""

    source: str
    path: str
    state: Freshness | Literal["unknown"]
    """`unknown` where a manifest is published of which the status says nothing."""
    count: int | None
    """Models in its published manifest; None where there is none."""
    seconds: float | None
    """Since its last success; None where that is not known, or not to be believed."""
    doubt: str | None = None
    """Why its last success is not believed, in one line."""
    status: FilterStatus | None = None
    """As it stands in `status.json`."""

    def is_older(self, max_age: float) -> bool:
        """Tell whether it may be older than so many seconds; what is not known may be."""
        return self.count is None or self.seconds is None or self.seconds > max_age


def ages(
    status: Status | None, manifests: Mapping[Key, Manifest], *, now: datetime
) -> tuple[Age, ...]:
    """Return the age of all filters that are published or known, by source and path.

    Args:
        status: what `status.json` holds; None where there is none.
        manifests: what is published, by source and path.
        now: the time of day, with its zone.
    """
    known = dict(status.filters) if status else {}
    keys = {status_key(*key): key for key in manifests}
    keys |= {name: _key(name) for name in known.keys() - keys.keys()}
    found = (_age(key, known.get(name), manifests.get(key), now) for name, key in keys.items())
    return tuple(sorted(found, key=lambda age: (age.source, age.path)))


def _key(name: str) -> Key:
    source, _, path = name.partition(":")
    return source, path


def _age(key: Key, status: FilterStatus | None, manifest: Manifest | None, now: datetime) -> Age:
    seconds, doubt = _since(status.last_success, now) if status else (None, None)
    state = status.state if status else "unknown"
    # A manifest that was removed by hand is missing, whatever the last run left behind.
    return Age(
        source=key[0],
        path=key[1],
        state=state if manifest else "missing",
        count=len(manifest.model_ids) if manifest else None,
        seconds=seconds,
        doubt=doubt,
        status=status,
    )


def _since(moment: str | None, now: datetime) -> tuple[float | None, str | None]:
    """Return the seconds since a moment, or why they are not known."""
    if moment is None:
        return None, None

    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return None, f"its last success, {moment!r}, is no time"

    # A time without a zone was not written by us; ours are all in UTC.
    passed = now - (then if then.tzinfo else then.replace(tzinfo=UTC))
    if passed < -SKEW:
        return None, f"its last success, {moment}, lies ahead: was the clock set back?"

    return max(passed.total_seconds(), 0.0), None
