"""Keep good pages, for the run that was cut short and for the next one: journal and cache in one.

A page is committed as it comes, so that a run that is killed loses none that it had read. Both
uses want the same of it: the newest good answer to a request, when it came, and no more than
fits. Who asks decides how old a page may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from manifests.models import Record
from manifests.moments import Instant
from manifests.sources.base import Reply
from manifests.store.canonical import DamagedFileError, encode
from manifests.store.columns import FROM_JSON, pack, stamp, unpack

if TYPE_CHECKING:
    from manifests.store.database import Database

__all__ = ["KeptPage", "PageLimits", "PageStore"]

KEPT_HEADERS: Final = frozenset({"content-type", "etag", "last-modified", "link"})
"""What reading a page again, or asking whether it has changed, needs of its headers."""

LOW_WATER: Final = 0.9
"""How much of the limit a full store keeps, so that not every page has to make room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """How much is kept, and for how long."""

    most_bytes: int = 256 * 1024**2
    """Of packed bodies and headers; sqlite needs about a twentieth more."""
    max_age: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPage:
    """A good answer of an earlier time."""

    reply: Reply
    fetched_at: datetime
    """When upstream gave it, or last said that it still holds."""
    run: str | None
    """The run to which it was given."""


class PageRow(Record):
    """A page as its table holds it."""

    fetched_at: Instant
    run: str | None
    headers: Annotated[Mapping[str, str], FROM_JSON]
    body: bytes


class Total(Record):
    """What all pages come to."""

    size: int


class PageStore:
    """The pages of all runs, outputs and hosts that share a state folder, oldest out first."""

    def __init__(
        self, database: Database, *, run: str | None = None, limits: PageLimits | None = None
    ) -> None:
        self._database = database
        self._run = run
        self._limits = limits or PageLimits()
        self._size: int | None = None
        """What all pages take, at most; None as long as nobody has looked."""

    def newest(self, key: str) -> KeptPage | None:
        """Return the last good answer kept under *key*; one that is damaged counts as none.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = "SELECT fetched_at, run, headers, body FROM pages WHERE key = ?"
        for row in self._database.read(PageRow, sql, key):
            try:
                body = unpack(row.body)
            except DamagedFileError:
                return None
            reply = Reply(body=body, headers=row.headers)
            return KeptPage(reply=reply, fetched_at=row.fetched_at, run=row.run)
        return None

    def put(self, key: str, reply: Reply, *, now: datetime) -> None:
        """Keep a good answer in place of an earlier one; a store that is full makes room.

        A store in memory keeps none: the pages would outlive nothing, and need the room twice.

        Raises:
            StoreError: the database or the disk refused.
        """
        # To pack a body anew takes as long as half of all that is done with its models.
        body = reply.packed if reply.packed is not None else pack(reply.body)
        headers = wanted_headers(reply.headers)
        size, low_water = len(body) + len(headers), int(LOW_WATER * self._limits.most_bytes)
        if size > low_water or not self._database.is_lasting:
            return

        sql = "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?)"
        with self._database.transaction():
            self._database.execute(sql, key, stamp(now), self._run, size, headers, body)
            self._make_room(size, low_water)

    def refresh(self, key: str, headers: Mapping[str, str], *, now: datetime) -> None:
        """Note that upstream calls a kept page unchanged, with its headers of today.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = """
            UPDATE pages SET fetched_at = ?, run = ?, headers = ?, size = length(body) + ?
            WHERE key = ?
        """
        kept = wanted_headers(headers)
        self._database.execute(sql, stamp(now), self._run, kept, len(kept), key)

    def drop(self, key: str) -> None:
        """Forget a page.

        Raises:
            StoreError: the database or the disk refused.
        """
        self._database.execute("DELETE FROM pages WHERE key = ?", key)

    def prune(self, *, now: datetime) -> int:
        """Forget what is too old, or dated after *now*; return the number of pages forgotten.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = "DELETE FROM pages WHERE fetched_at < ? OR fetched_at > ?"
        return self._database.execute(sql, stamp(now - self._limits.max_age), stamp(now))

    def size(self) -> int:
        """Return the bytes that all pages take, packed.

        Raises:
            StoreError: the database or the disk refused.
        """
        sql = "SELECT COALESCE(SUM(size), 0) AS size FROM pages"
        return self._database.read(Total, sql)[0].size

    def _make_room(self, added: int, low_water: int) -> None:
        # To add all sizes up for each page would take ten times as long for ten times the pages.
        self._size = self.size() if self._size is None else self._size + added
        if self._size > self._limits.most_bytes:
            self._size = self.size()  # pages that were replaced were counted twice
        if self._size > self._limits.most_bytes:
            self._keep_newest(low_water)
            self._size = self.size()

    def _keep_newest(self, most_bytes: int) -> None:
        sql = """
            DELETE FROM pages WHERE key IN (
                SELECT key FROM (
                    SELECT key, SUM(size) OVER (ORDER BY fetched_at DESC, key) AS total FROM pages
                ) WHERE total > ?
            )
        """
        self._database.execute(sql, most_bytes)


def wanted_headers(headers: Mapping[str, str]) -> str:
    """Return the headers worth keeping, as JSON."""
    kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS}
    return encode(kept, compact=True).decode()
