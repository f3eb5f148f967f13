"""Find the listings that took longest: where a run spends its time is seldom spread evenly."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifests.results import QueryRecord, RunRecord

__all__ = ["SlowListing", "slowest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowListing:
    """A listing, and what it cost."""

    name: str
    """Source and parameters: `civitai nsfw=true&sort=Newest`."""
    filters: int
    """How many it answers."""
    requests: int
    seconds: float
    """From the start of its first request to the end of its last one."""
    waited: float
    """Seconds of back-off among them."""


def slowest(record: RunRecord, *, most: int) -> list[SlowListing]:
    """Return the listings that took longest, the slowest first; those without a request took none.

    Args:
        record: of the run.
        most: how many, at most.
    """
    asked = (query for query in record.queries if query.attempts)
    found = heapq.nsmallest(most, asked, key=lambda query: (-took(query), query.parameters))
    return [
        SlowListing(
            name=f"{query.source} {'&'.join(map('='.join, query.parameters))}",
            filters=len(query.filters),
            requests=len(query.attempts),
            seconds=took(query),
            waited=sum(attempt.wait for attempt in query.attempts),
        )
        for query in found
    ]


def took(query: QueryRecord) -> float:
    """Return the seconds that a listing took from its first request to its last answer."""
    began = min(attempt.started for attempt in query.attempts)
    return max(attempt.started + attempt.seconds for attempt in query.attempts) - began
