"""Look at a state database without a trace: nothing is made, mended, moved or written."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - `database.py` is full, and opens files to write to them
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from manifests.errors import StoreError
from manifests.store.database import DATABASE_FILE, Database, Number, broken, check, refusal
from manifests.store.schema import MIGRATIONS

__all__ = ["DatabaseFacts", "inspect_database"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What was seen of a state database."""

    bytes: int | None = None
    """Size of its file; None when there is none."""
    schema_version: int = 0
    runs: int = 0
    """Runs that it remembers."""
    is_in_use: bool = False
    """Whether it has a log beside it: a run writes, or was killed while it did."""
    refusal: StoreError | None = None
    """Why it can't be used."""
    set_aside: tuple[str, ...] = ()
    """Names of broken ones that earlier runs set aside."""
    set_aside_bytes: int = 0


def inspect_database(folder: Path) -> DatabaseFacts:
    """Look through the database of a state folder, which need not be there.

    Raises:
        OSError: the folder can't be read.
    """
    path = folder / DATABASE_FILE
    aside = sorted(folder.glob(f"{DATABASE_FILE}.broken-*"))
    facts = DatabaseFacts(
        bytes=path.stat().st_size if path.exists() else None,
        is_in_use=has_log(path),
        set_aside=tuple(each.name for each in aside),
        set_aside_bytes=sum(each.stat().st_size for each in aside),
    )
    if facts.bytes is None:
        return facts
    try:
        schema_version, runs = look_into(path)
    except StoreError as error:
        return replace(facts, refusal=error)
    return replace(facts, schema_version=schema_version, runs=runs)


def has_log(path: Path) -> bool:
    """Tell whether a database has its log beside it."""
    return Path(f"{path}-wal").exists()


def look_into(path: Path) -> tuple[int, int]:
    """Return a database's schema version, and how many runs it remembers.

    Raises:
        StoreError: it is broken, of a newer version, or can't be read.
    """
    # Without a log nobody writes; then `immutable` keeps sqlite from making files of its own.
    mode = "mode=ro" if has_log(path) else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=1.0)
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    with closing(connection):
        database = Database(connection, path=path)
        check(database, path)
        version = "SELECT user_version AS value FROM pragma_user_version"
        found = database.read(Number, version)[0].value
        if found > len(MIGRATIONS):
            raise broken(path, f"a newer version of this tool made it: schema {found}")
        runs = "SELECT count(*) AS value FROM runs" if found else "SELECT 0 AS value"
        return found, database.read(Number, runs)[0].value
