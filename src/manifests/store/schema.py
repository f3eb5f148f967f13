"""Say which tables the state database has, as the steps from each version of it to the next."""

from __future__ import annotations

from typing import Final, TypeAlias

__all__ = ["MIGRATIONS", "Migrations"]

Migrations: TypeAlias = tuple[tuple[str, ...], ...]
"""The statements of each step; a database of version N has taken the first N."""

_FIRST: Final = (
    # Several outputs may share one state folder, hence `out`: the folder that a run published to.
    # `id` counts begun runs: unlike their starts, it also sorts after a clock was set back.
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        out TEXT NOT NULL,
        run TEXT NOT NULL,
        started TEXT NOT NULL,
        pages_since TEXT NOT NULL,
        ended TEXT,
        ended_by TEXT,
        seconds REAL,
        requests INTEGER,
        states TEXT NOT NULL DEFAULT '{}',
        dry_run INTEGER NOT NULL DEFAULT 0,
        record BLOB,
        UNIQUE (out, run)
    )
    """,
    """
    CREATE TABLE outcomes (
        run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        source TEXT NOT NULL,
        filter TEXT NOT NULL,
        state TEXT NOT NULL,
        count INTEGER,
        PRIMARY KEY (run_id, source, filter)
    ) WITHOUT ROWID
    """,
    # Most manifests stay as they are from run to run, so that each order of ids is kept once.
    """
    CREATE TABLE contents (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        body BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE manifests (
        run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        source TEXT NOT NULL,
        filter TEXT NOT NULL,
        content INTEGER NOT NULL,
        PRIMARY KEY (run_id, source, filter)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE models (
        run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        source TEXT NOT NULL,
        content INTEGER NOT NULL,
        PRIMARY KEY (run_id, source)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE listings (
        out TEXT NOT NULL,
        source TEXT NOT NULL,
        parameters TEXT NOT NULL,
        pages INTEGER NOT NULL,
        run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        PRIMARY KEY (out, source, parameters)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX listings_by_run ON listings (run_id)",
    """
    CREATE TABLE paces (
        host TEXT PRIMARY KEY,
        "window" REAL NOT NULL,
        latency REAL,
        rate REAL,
        saved TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE quarantine (
        out TEXT NOT NULL,
        source TEXT NOT NULL,
        filter TEXT NOT NULL,
        rule TEXT NOT NULL,
        since TEXT NOT NULL,
        runs INTEGER NOT NULL,
        run TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (out, source, filter)
    )
    """,
    # The body comes last: whoever asks for sizes and times must not read through it.
    """
    CREATE TABLE pages (
        key TEXT PRIMARY KEY,
        fetched_at TEXT NOT NULL,
        run TEXT,
        size INTEGER NOT NULL,
        headers TEXT NOT NULL,
        body BLOB NOT NULL
    )
    """,
    "CREATE INDEX pages_by_age ON pages (fetched_at, size)",
    "CREATE INDEX pages_by_run ON pages (run, fetched_at)",
)

_MODELS_IN_PARTS: Final = (
    """
    CREATE TABLE models_in_parts (
        run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        source TEXT NOT NULL,
        part INTEGER NOT NULL,
        content INTEGER NOT NULL,
        PRIMARY KEY (run_id, source, part)
    ) WITHOUT ROWID
    """,
    "INSERT INTO models_in_parts SELECT run_id, source, 0, content FROM models",
    "DROP TABLE models",
    "ALTER TABLE models_in_parts RENAME TO models",
)

MIGRATIONS: Final[Migrations] = (_FIRST, _MODELS_IN_PARTS)
"""Only ever added to: databases of every earlier version are still out there."""
