"""Draw from earlier runs what the next one wants to know: counts, lengths of listings, paces."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import Field

from manifests.models import Query, Record
from manifests.moments import Instant
from manifests.results import State
from manifests.store.canonical import encode
from manifests.store.columns import FROM_JSON, folder_name, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from manifests.results import Outcome, QueryRecord
    from manifests.store.database import Database
    from manifests.store.names import Key

__all__ = ["HasPace", "Lessons", "Pace", "keep_listings", "keep_outcomes"]


class HasPace(Protocol):
    """What a run learned of how fast a host may be asked."""

    @property
    def window(self) -> float:
        """Requests in flight."""
        ...

    @property
    def latency(self) -> float | None:
        """Seconds that an answer takes when the host is at ease."""
        ...

    @property
    def rate(self) -> float | None:
        """Requests a second, at most; None where none was met."""
        ...


class Pace(Record):
    """What an earlier run learned of a host; no more than what makes sense."""

    window: float = Field(gt=0, le=1000, allow_inf_nan=False)
    latency: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    saved: Instant
    """When it was learned."""


class CountRow(Record):
    """How many models a filter had in one run."""

    source: str
    filter: str
    count: int


class ListingRow(Record):
    """How many pages a listing took in the last run that read it."""

    source: str
    parameters: Annotated[tuple[tuple[str, str], ...], FROM_JSON]
    pages: int


class Lessons:
    """What the runs of one output folder teach; the paces of hosts are those of all outputs."""

    def __init__(self, database: Database, *, out: Path) -> None:
        self._database = database
        self._out = folder_name(out)

    def counts(self, *, last: int = 10) -> dict[Key, tuple[int, ...]]:
        """Return how many models each filter had when it was last made and believed.

        Args:
            last: how many such runs of each filter to look back on; dry runs say nothing.

        Returns:
            Source and path → counts, oldest first.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = """
            SELECT source, filter, count FROM (
                SELECT source, filter, count, run_id, ROW_NUMBER() OVER (
                    PARTITION BY source, filter ORDER BY run_id DESC
                ) AS age
                FROM outcomes JOIN runs ON runs.id = run_id
                WHERE out = ? AND NOT dry_run AND state IN (?, ?) AND count IS NOT NULL
            ) WHERE age <= ? ORDER BY run_id
        """
        believed = (State.FRESH, State.UNCHANGED)
        counts: defaultdict[Key, list[int]] = defaultdict(list)
        for row in self._database.read(CountRow, sql, self._out, *believed, last):
            counts[row.source, row.filter].append(row.count)
        return {key: tuple(each) for key, each in counts.items()}

    def forget(self) -> None:
        """Forget all counts and lengths of listings; the runs themselves stay.

        Raises:
            StoreError: the database or the disk refused.
        """
        with self._database.transaction():
            self._database.execute(
                "DELETE FROM outcomes WHERE run_id IN (SELECT id FROM runs WHERE out = ?)",
                self._out,
            )
            self._database.execute("DELETE FROM listings WHERE out = ?", self._out)

    def pages(self) -> dict[Query, int]:
        """Return how many pages each listing took in the last run that read it well.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = "SELECT source, parameters, pages FROM listings WHERE out = ?"
        rows = self._database.read(ListingRow, sql, self._out)
        return {Query(source=row.source, parameters=row.parameters): row.pages for row in rows}

    def pace(self, host: str) -> Pace | None:
        """Return what was learned of a host; None when nothing was.

        Args:
            host: its endpoint, and whether it is asked with a token; never the token.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = 'SELECT "window", latency, rate, saved FROM paces WHERE host = ?'
        return next(iter(self._database.read(Pace, sql, host)), None)

    def save_paces(self, paces: Mapping[str, HasPace], *, now: datetime) -> None:
        """Keep what was learned of hosts, beside what is known of others.

        Raises:
            StoreError: the database or the disk refused.
        """
        self._database.execute_all(
            "INSERT OR REPLACE INTO paces VALUES (?, ?, ?, ?, ?)",
            [
                (host, pace.window, pace.latency, pace.rate, stamp(now))
                for host, each in paces.items()
                for pace in [
                    Pace(window=each.window, latency=each.latency, rate=each.rate, saved=now)
                ]
            ],
        )


def keep_outcomes(database: Database, run_id: int, outcomes: Iterable[Outcome]) -> None:
    """Keep what a run came to for each filter, in place of what was kept for it before.

    Raises:
        StoreError: the database or the disk refused.
    """
    database.execute("DELETE FROM outcomes WHERE run_id = ?", run_id)
    database.execute_all(
        "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)",
        [(run_id, each.source, each.filter, each.state, each.count) for each in outcomes],
    )


def keep_listings(
    database: Database, run_id: int, queries: Iterable[QueryRecord], *, out: str
) -> None:
    """Keep how long each listing was that a run read well; others keep what is known of them.

    Raises:
        StoreError: the database or the disk refused.
    """
    database.execute_all(
        "INSERT OR REPLACE INTO listings VALUES (?, ?, ?, ?, ?)",
        [
            (out, each.source, encode(each.parameters, compact=True).decode(), each.pages, run_id)
            for each in queries
            if each.pages and each.failure is None
        ],
    )
