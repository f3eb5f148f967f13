"""Remember the runs: which there were, what became of them, and which was cut short.

Several outputs may share one state folder, so a history speaks of one output's runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, TypeAdapter

from manifests.countable import read_run
from manifests.errors import StoreError
from manifests.models import Record
from manifests.moments import Instant
from manifests.results import RunRecord, State
from manifests.store.canonical import encode
from manifests.store.columns import FROM_JSON, folder_name, pack, stamp, unpack
from manifests.store.lessons import keep_listings, keep_outcomes
from manifests.store.snapshots import Snapshot, keep_snapshot, load_snapshot, sweep_contents

if TYPE_CHECKING:
    from pathlib import Path

    from manifests.store.database import Database

__all__ = ["History", "RunSummary", "Unfinished"]


RECORD: Final = TypeAdapter(RunRecord)
"""Writes a record as bytes at once; of ten thousand filters it is many."""


class RunSummary(Record):
    """One line of the list of runs."""

    run: str
    started: Instant
    ended: Instant | None = None
    """None while it runs, and for ever if it was killed."""
    ended_by: str | None = None
    """As its record says: `completion`, `deadline`, or the name of a signal."""
    seconds: float | None = None
    requests: int | None = None
    states: Annotated[Mapping[State, int], FROM_JSON] = Field(default_factory=dict)
    """How many filters ended in each state."""
    dry_run: bool = False


class Unfinished(Record):
    """A run that was killed or cut short, and whose pages the next one may use."""

    run: str
    started: Instant
    seen: Instant
    """When it gave its last sign of life: a page, its end, or at least its start."""
    pages_since: Instant
    """Pages fetched since then are its own, or those of the runs that it resumed."""


class Newest(Unfinished):
    """The last run that began, whatever became of it."""

    ended_by: str | None


class Identity(Record):
    """Which row a run is."""

    id: int


class RecordRow(Record):
    """A run's record as its table holds it."""

    record: bytes | None


class History:
    """The runs of one output folder, newest first."""

    def __init__(self, database: Database, *, out: Path) -> None:
        self._database = database
        self._out = folder_name(out)

    def begin(self, run: str, *, now: datetime, pages_since: datetime | None = None) -> None:
        """Note that a run has begun: without an end it is seen as killed.

        Args:
            run: its id.
            now: when it began.
            pages_since: the same of the run that it resumes; None when it resumes none.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = "INSERT OR IGNORE INTO runs (out, run, started, pages_since) VALUES (?, ?, ?, ?)"
        self._database.execute(sql, self._out, run, stamp(now), stamp(pages_since or now))

    def finish(self, record: RunRecord, snapshot: Snapshot, *, now: datetime) -> None:
        """Keep what became of a run, all or nothing of it.

        Args:
            record: the truth about it.
            snapshot: the published set as it left it.
            now: when it ended.

        Raises:
            StoreError: the database or the disk refused.
        """
        with self._database.transaction():
            self.begin(record.run, now=datetime.fromisoformat(record.started))
            self._keep_record(record, now)
            run_id = self._id(record.run)
            keep_outcomes(self._database, run_id, record.outcomes)
            keep_listings(self._database, run_id, record.queries, out=self._out)
            keep_snapshot(self._database, run_id, snapshot)

    def runs(self) -> tuple[RunSummary, ...]:
        """Return all runs, newest first.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = """
            SELECT run, started, ended, ended_by, seconds, requests, states, dry_run
            FROM runs WHERE out = ? ORDER BY id DESC
        """
        return self._database.read(RunSummary, sql, self._out)

    def record(self, run: str) -> RunRecord | None:
        """Return the record of a run; None when there is no such run, or it was killed.

        Raises:
            StoreError: the database or the disk refused, or the record can't be read.
        """
        sql = "SELECT record FROM runs WHERE out = ? AND run = ?"
        for row in self._database.read(RecordRow, sql, self._out, run):
            try:
                return read_run(unpack(row.record)) if row.record else None
            except ValueError as error:
                raise unreadable(run) from error
        return None

    def snapshot(self, run: str) -> Snapshot | None:
        """Return the set that a run left; None when there is no such run, or it was killed.

        Raises:
            StoreError: the database or the disk refused, or a part of the set can't be read.
        """
        sql = "SELECT id FROM runs WHERE out = ? AND run = ? AND ended IS NOT NULL"
        for row in self._database.read(Identity, sql, self._out, run):
            try:
                return load_snapshot(self._database, row.id)
            except ValueError as error:
                raise unreadable(run) from error
        return None

    def unfinished(self, *, since: datetime) -> Unfinished | None:
        """Return the last run if it was killed or cut short and still alive at *since*.

        A run that was completed leaves nothing to resume, nor does any run before it. Ask before
        the next one begins.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = """
            SELECT run, started, pages_since, ended_by, MAX(
                started,
                COALESCE(ended, started),
                COALESCE((SELECT MAX(fetched_at) FROM pages WHERE pages.run = runs.run), started)
            ) AS seen
            FROM runs WHERE out = ? ORDER BY id DESC LIMIT 1
        """
        for row in self._database.read(Newest, sql, self._out):
            if row.ended_by != "completion" and row.seen >= since:
                return Unfinished(**row.model_dump(exclude={"ended_by"}))
        return None

    def prune(self, *, keep: int) -> int:
        """Forget all runs but the last *keep*, with the bodies and pages that are theirs alone.

        Returns:
            How many runs were forgotten.

        Raises:
            StoreError: the database or the disk refused.
        """
        with self._database.transaction():
            sql = """
                DELETE FROM runs WHERE out = ? AND id NOT IN (
                    SELECT id FROM runs WHERE out = ? ORDER BY id DESC LIMIT ?
                )
            """
            forgotten = self._database.execute(sql, self._out, self._out, keep)
            self._database.execute(
                "DELETE FROM pages WHERE run IS NOT NULL AND run NOT IN (SELECT run FROM runs)"
            )
            sweep_contents(self._database)
        self._database.shrink()
        return forgotten

    def _id(self, run: str) -> int:
        sql = "SELECT id FROM runs WHERE out = ? AND run = ?"
        return self._database.read(Identity, sql, self._out, run)[0].id

    def _keep_record(self, record: RunRecord, now: datetime) -> None:
        sql = """
            UPDATE runs SET ended = ?, ended_by = ?, seconds = ?, requests = ?, states = ?,
                dry_run = ?, record = ?
            WHERE out = ? AND run = ?
        """
        self._database.execute(
            sql,
            stamp(now),
            record.ended_by,
            record.seconds,
            record.requests,
            encode({str(state): count for state, count in record.counts.items()}).decode(),
            record.dry_run,
            pack(RECORD.dump_json(record)),
            self._out,
            record.run,
        )


def unreadable(run: str) -> StoreError:
    """Return the error of a run that is known, but of which not all can be read."""
    return StoreError(
        f"what was kept of run {run} can't be read: it is damaged, or another version wrote it",
        next_step="choose another run, see: manifests runs",
    )
