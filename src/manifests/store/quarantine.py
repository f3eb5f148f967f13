"""Keep the candidates that were not believed, so that a person may still publish them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.errors import StoreError
from manifests.models import Record
from manifests.moments import Instant
from manifests.store.canonical import DamagedFileError
from manifests.store.columns import folder_name, pack, stamp, unpack
from manifests.store.verdict import Streak

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from manifests.store.database import Database
    from manifests.store.names import Key

__all__ = ["Held", "Quarantine", "damaged"]


class Held(Record):
    """What is known of a candidate that is held back."""

    source: str
    filter: str
    rule: str
    """The rule of the gate that held it back."""
    since: Instant
    """When the first of the runs in a row was in which that rule held the filter back."""
    runs: int
    """How many runs that were."""
    run: str
    """The last of them: the one that made the candidate."""

    @property
    def key(self) -> Key:
        """Source and path."""
        return self.source, self.filter


class BodyRow(Record):
    """A candidate as its table holds it."""

    body: bytes


class Quarantine:
    """For each filter of one output folder the last candidate that was held back, if any."""

    def __init__(self, database: Database, *, out: Path) -> None:
        self._database = database
        self._out = folder_name(out)

    def put(self, key: Key, body: bytes, *, rule: str, run: str, now: datetime) -> None:
        """Keep a candidate in place of an earlier one; the same rule prolongs the streak.

        Args:
            key: source and path of its filter.
            body: what publishing it needs.
            rule: the rule that holds it back.
            run: the run that made it.
            now: when that was.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = """
            INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, 1, ?, ?)
            ON CONFLICT (out, source, filter) DO UPDATE SET
                since = CASE WHEN rule = excluded.rule THEN since ELSE excluded.since END,
                runs = CASE WHEN rule = excluded.rule THEN runs + (run != excluded.run) ELSE 1 END,
                rule = excluded.rule, run = excluded.run, body = excluded.body
        """
        self._database.execute(sql, self._out, *key, rule, stamp(now), run, pack(body))

    def held(self) -> tuple[Held, ...]:
        """Return what is held back, by source and path.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = """
            SELECT source, filter, rule, since, runs, run FROM quarantine
            WHERE out = ? ORDER BY source, filter
        """
        return self._database.read(Held, sql, self._out)

    def streaks(self) -> dict[Key, Streak]:
        """Return the runs in a row in which one rule held a filter back, by source and path.

        Raises:
            StoreError: the database or the disk refused.
        """
        return {
            each.key: Streak(rule=each.rule, runs=each.runs, since=each.since)
            for each in self.held()
        }

    def body(self, key: Key) -> bytes | None:
        """Return the candidate held back for a filter; None when there is none.

        It stays until it is dropped: publishing it may fail.

        Raises:
            StoreError: the database or the disk refused, or the candidate is damaged.
        """
        sql = "SELECT body FROM quarantine WHERE out = ? AND source = ? AND filter = ?"
        for row in self._database.read(BodyRow, sql, self._out, *key):
            try:
                return unpack(row.body)
            except DamagedFileError as error:
                raise damaged(key, error) from error
        return None

    def drop(self, keys: Iterable[Key]) -> None:
        """Forget the candidates and streaks of filters that were made and believed, or accepted.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = "DELETE FROM quarantine WHERE out = ? AND source = ? AND filter = ?"
        self._database.execute_all(sql, [(self._out, *key) for key in keys])


def damaged(key: Key, error: DamagedFileError) -> StoreError:
    """Return the error of a candidate that is there, but can't be read."""
    name = ":".join(key)
    return StoreError(
        f"the candidate held back for {name} is damaged: {error}",
        next_step=f"make it again: manifests generate --only {name}",
    )
