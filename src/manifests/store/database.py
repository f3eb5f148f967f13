"""Open the state database and speak SQL to it: the one home of sqlite3.

A database that is broken or that the disk refuses costs what it remembered, never a run.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from pydantic import ValidationError

from manifests.errors import StoreError
from manifests.models import Record
from manifests.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from manifests.store.schema import Migrations

__all__ = ["DATABASE_FILE", "Database", "Opened", "Value", "open_database"]

Value: TypeAlias = str | int | float | bytes | None
"""What a column holds."""

RecordT = TypeVar("RecordT", bound=Record)

DATABASE_FILE: Final = "state.sqlite3"

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another process that writes, at most."""

NEXT_STEPS: Final = {
    sqlite3.SQLITE_FULL: "free space on the disk of {folder}, then run again",
    sqlite3.SQLITE_READONLY: "make {folder} and its files writable for this user, then run again",
    sqlite3.SQLITE_CANTOPEN: "make {folder} and its files writable for this user, then run again",
    sqlite3.SQLITE_BUSY: "wait for the other run that uses {folder}, then run again",
}
"""What to do about some of what the machine refuses, by sqlite's code."""

BROKEN: Final = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
)
"""Codes that blame what the file holds: it lacks a table, or breaks a rule that we keep."""


class BrokenDatabaseError(StoreError):
    """The file is no database that this version can use, whatever the disk does."""


class Number(Record):
    """One fact about a whole file."""

    value: int


class Check(Record):
    """One line of sqlite's check of a whole file."""

    quick_check: str


class Database:
    """One connection, for the thread that opened it; a refusal comes as a `StoreError`."""

    def __init__(self, connection: sqlite3.Connection, *, path: Path | None) -> None:
        connection.row_factory = sqlite3.Row
        self._connection = connection
        self._path = path

    @property
    def is_lasting(self) -> bool:
        """Whether what is kept here outlives the process."""
        return self._path is not None

    def execute(self, sql: str, *parameters: Value) -> int:
        """Run one statement; return the number of rows that it changed.

        Raises:
            StoreError: the database or the disk refused.
        """
        with self._translated():
            return self._connection.execute(sql, parameters).rowcount

    def execute_all(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each of *rows*.

        Raises:
            StoreError: the database or the disk refused.
        """
        with self._translated():
            self._connection.executemany(sql, rows)

    def read(self, kind: type[RecordT], sql: str, *parameters: Value) -> tuple[RecordT, ...]:
        """Return the rows of a query as records whose fields are named like its columns.

        Raises:
            StoreError: the database or the disk refused, or a row is no such record.
        """
        with self._translated():
            rows = self._connection.execute(sql, parameters).fetchall()
            return tuple(kind.model_validate(dict(row)) for row in rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that the block writes, or nothing of it; one within another joins it.

        Raises:
            StoreError: the database or the disk refused.
        """
        if self._is_in_transaction():
            yield
            return

        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        finally:
            # A full disk makes sqlite roll back by itself, in the midst of a statement.
            if self._is_in_transaction():
                self.execute("ROLLBACK")

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk.

        Raises:
            StoreError: the database or the disk refused.
        """
        with self._translated():
            # Each step frees one page, and `execute` takes but one where no rows come.
            self._connection.executescript("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Close the connection; the file is then whole by itself."""
        self._connection.close()

    def _is_in_transaction(self) -> bool:
        return self._connection.in_transaction

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:  # ours, and not the disk's
            raise
        except sqlite3.Error as error:
            raise refusal(error, self._path) from error
        except ValidationError as error:
            raise broken(self._path, f"{error.error_count()} values make no sense") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A database that can be used, and what a person should know about how it came to be."""

    database: Database
    warnings: tuple[str, ...] = ()


def open_database(folder: Path, *, now: datetime, migrations: Migrations = MIGRATIONS) -> Opened:
    """Open the database in a state folder; both are made where there are none.

    A file that is corrupt, or made by a newer version, is set aside under the name
    `state.sqlite3.broken-<stamp>`, and a new one begins. Where the disk takes no file at all, the
    database lives in memory for as long as the process does.

    Args:
        folder: the state folder.
        now: the time of day, for the name of a file that is set aside.
        migrations: the steps of the schema.
    """
    path = folder / DATABASE_FILE
    try:
        with disk_translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return open_or_begin_anew(path, migrations, now=now)
    except StoreError as error:
        warning = f"{error.cause}: nothing is remembered beyond this run; {error.next_step}"
        return Opened(database=connect(None, migrations), warnings=(warning,))


def open_or_begin_anew(path: Path, migrations: Migrations, *, now: datetime) -> Opened:
    """Open a database file, or set it aside and open a new one when it is broken."""
    try:
        return Opened(database=connect(path, migrations))
    except BrokenDatabaseError as error:
        aside = path.with_name(f"{path.name}.broken-{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}")
        with disk_translated(path.parent):
            set_aside(path, aside)
        warning = f"{error.cause}: it was set aside as {aside.name}, and a new one begins"
        return Opened(database=connect(path, migrations), warnings=(warning,))


def set_aside(path: Path, aside: Path) -> None:
    """Rename a database file, and the log beside it, which would spoil the next one."""
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.replace(f"{aside}{suffix}")


def connect(path: Path | None, migrations: Migrations) -> Database:
    """Return a database that was checked and brought up to date; in memory, without a path."""
    try:
        connection = sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    database = Database(connection, path=path)
    try:
        if path:
            check(database, path)
        configure(database)
        migrate(database, path, migrations)
    except StoreError:
        database.close()
        raise
    return database


def check(database: Database, path: Path) -> None:
    """Look through the whole file before anything else is asked: about 0.2 s for each GiB.

    Raises:
        StoreError: it is broken, or can't be read.
    """
    # Another process writes, or one was killed: then the file need not be whole by itself.
    has_log = Path(f"{path}-wal").exists()
    problem = database.read(Check, "PRAGMA quick_check(1)")[0].quick_check
    if problem != "ok":
        raise broken(path, problem)
    # sqlite takes what a cut took from the last page for zeros, and finds nothing amiss.
    sql = "SELECT page_size AS value FROM pragma_page_size"
    page_size = database.read(Number, sql)[0].value
    with disk_translated(path.parent):
        size = path.stat().st_size
    if size % page_size and not has_log:
        raise broken(path, "its end is cut off")


def configure(database: Database) -> None:
    """Choose how the file is written."""
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # Readers and one writer at a time, also across processes; a kill costs nothing committed, and
    # a power cut at most the last seconds (sqlite.org/wal.html).
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA foreign_keys = ON")


def migrate(database: Database, path: Path | None, migrations: Migrations) -> None:
    """Take the steps of the schema that the database lacks, all or none."""
    with database.transaction():
        sql = "SELECT user_version AS value FROM pragma_user_version"
        version = database.read(Number, sql)[0].value
        if version > len(migrations):
            raise broken(path, f"a newer version of this tool made it: schema {version}")
        for statement in chain.from_iterable(migrations[version:]):
            database.execute(statement)
        # Written even when it stays: a disk that is full or read-only shows it here.
        database.execute(f"PRAGMA user_version = {len(migrations)}")


def refusal(error: sqlite3.Error, path: Path | None) -> StoreError:
    """Return what an error of sqlite's means, and what to do about it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if path is None or code in BROKEN:
        return broken(path, str(error))
    step = NEXT_STEPS.get(code, "check the disk of {folder}, then run again")
    return StoreError(f"{path} can't be used ({error})", next_step=step.format(folder=path.parent))


def broken(path: Path | None, why: str) -> BrokenDatabaseError:
    """Return the error of a database in which something makes no sense."""
    step = "run again: a file that is broken is set aside, and a new one begins"
    return BrokenDatabaseError(f"{path or 'the state in memory'} is broken ({why})", next_step=step)


@contextmanager
def disk_translated(folder: Path) -> Iterator[None]:
    """Turn the refusal of a folder into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{folder} can't be used ({error.strerror})",
            next_step=f"make {folder} a folder that this user can write to, then run again",
        ) from error
