"""A state database is looked at without a trace."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - makes what no version of ours would write
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from manifests.store.database import DATABASE_FILE, open_database
from manifests.store.history import History
from manifests.store.inspection import DatabaseFacts, inspect_database
from manifests.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder with a database that remembers one run."""
    database = open_database(tmp_path / "state", now=NOON).database
    History(database, out=tmp_path / "out").begin("a-run", now=NOON)
    database.close()
    return tmp_path / "state"


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return name → bytes and time of change of each file."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*")}


def test_no_database_is_made(tmp_path: Path) -> None:
    """Where there is none, there is none afterwards."""
    assert inspect_database(tmp_path / "state") == DatabaseFacts()
    assert list(tmp_path.iterdir()) == []


def test_a_sound_one(state: Path) -> None:
    """Version and runs are told, and no byte, no time and no file has changed."""
    before = everything(state)
    found = inspect_database(state)
    assert (found.schema_version, found.runs) == (len(MIGRATIONS), 1)
    assert found.bytes == (state / DATABASE_FILE).stat().st_size
    assert (found.refusal, found.is_in_use) == (None, False)
    assert everything(state) == before


def test_one_in_use(state: Path, tmp_path: Path) -> None:
    """What a run is about to write is read with its log, and the run goes on."""
    database = open_database(state, now=NOON).database
    history = History(database, out=tmp_path / "out")
    history.begin("another", now=NOON)
    found = inspect_database(state)
    assert (found.runs, found.is_in_use, found.refusal) == (2, True, None)
    history.begin("a-third", now=NOON)
    database.close()
    assert inspect_database(state).runs == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no database at all" * 100, "broken"), (b"", ""), (None, "its end is cut off")],
)
def test_a_broken_one(state: Path, content: bytes | None, words: str) -> None:
    """What can't be read is told, and neither mended nor set aside; an empty file is a new one."""
    path = state / DATABASE_FILE
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    before = everything(state)
    found = inspect_database(state)
    assert bool(found.refusal) == bool(words)
    assert found.refusal is None or words in found.refusal.cause
    assert everything(state) == before


def test_one_of_a_newer_version(state: Path) -> None:
    """A schema that this version does not know is refused."""
    with closing(sqlite3.connect(state / DATABASE_FILE)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA user_version = 99")
    found = inspect_database(state)
    assert found.refusal is not None
    assert "newer version of this tool made it: schema 99" in found.refusal.cause


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """What is no file can't be opened, and says so."""
    (tmp_path / DATABASE_FILE).mkdir()
    found = inspect_database(tmp_path)
    assert found.refusal is not None
    assert "can't be used" in found.refusal.cause


def test_what_was_set_aside(state: Path) -> None:
    """Broken ones of earlier runs are counted with their size."""
    for name in ("b", "a"):
        (state / f"{DATABASE_FILE}.broken-{name}").write_bytes(b"12345")
    found = inspect_database(state)
    assert found.set_aside == tuple(f"{DATABASE_FILE}.broken-{name}" for name in "ab")
    assert (found.set_aside_bytes, found.runs) == (10, 1)
