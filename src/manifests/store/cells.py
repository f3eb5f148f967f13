"""Keep a few texts in a file that several processes of one machine change, one at a time."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - a connection that worker threads share, which `database.py` has not
from contextlib import closing, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from manifests.models import Record
from manifests.store.database import Database, disk_translated, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Cells", "open_cells"]

AnswerT = TypeVar("AnswerT")

BUSY_SECONDS: Final = 1.0
"""How long one change waits for those of other processes, at most."""
TABLE: Final = "CREATE TABLE IF NOT EXISTS cells (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
WRITE: Final = "INSERT INTO cells VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"


class Cell(Record):
    """One text."""

    value: str


class Cells:
    """Texts by key; may be used from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._database: Database | None = None

    def change(self, key: str, change: Callable[[str | None], tuple[str, AnswerT]]) -> AnswerT:
        """Replace a text by what *change* makes of it, as one step; return what else it says.

        Args:
            key: the text's name.
            change: takes the text, or None; called while no other process may change anything.

        Raises:
            StoreError: the file can't be used, or others keep it busy for a second.
        """
        with self._lock:
            database = self._database = self._database or connect(self._path)
            with database.transaction():
                found = database.read(Cell, "SELECT value FROM cells WHERE key = ?", key)
                text, answer = change(found[0].value if found else None)
                database.execute(WRITE, key, text)
            return answer

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None


def connect(path: Path) -> Database:
    """Return the database at *path*, made where there is none.

    Raises:
        StoreError: the disk refuses, or it is another kind of file.
    """
    with disk_translated(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    database = Database(connection, path=path)
    try:
        # Nothing here must outlive a power cut, and a commit need wait for no disk. No WAL: to
        # begin one takes a lock for which sqlite does not wait when several open the file at once.
        database.execute("PRAGMA journal_mode = PERSIST")  # no file is made and removed each time
        database.execute("PRAGMA synchronous = OFF")
        with database.transaction():
            database.execute(TABLE)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def open_cells(path: Path) -> Iterator[Cells]:
    """Yield the texts in the file at *path*, which is opened when it is first used."""
    with closing(Cells(path)) as cells:
        yield cells
