"""Answer from pages that were kept, as far as they are young enough or upstream still vouches.

Only pages that their source could read are kept, and none ever stands in for a failure: whatever
comes out of here is what upstream gave, at a time that is told.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, Protocol

from anyio.lowlevel import checkpoint

from manifests.errors import PageError, StoreError
from manifests.events import Noted
from manifests.fetch.fetcher import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping
    from datetime import datetime

    from manifests.events import Reporter
    from manifests.fetch.fetcher import Conditions, FetchesPages, ReadPage
    from manifests.sources.base import Page, Reply, Request
    from manifests.traffic import Attempt

__all__ = ["CachePolicy", "CachedPages", "KeepsPages", "KeptPage", "page_key"]

CONDITIONS: Final = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
"""Header of an answer → the header that asks whether it still holds (RFC 9110 §13.1)."""

REVISED: Final = frozenset({"etag", "last-modified", "link"})
"""Headers of a 304 that replace those of the kept page (RFC 9110 §15.4.5)."""


class KeptPage(Protocol):
    """A good answer of an earlier time."""

    @property
    def reply(self) -> Reply:
        """The answer."""
        ...

    @property
    def fetched_at(self) -> datetime:
        """When upstream gave it, or last said that it still holds."""
        ...


class KeepsPages(Protocol):
    """Keeps the last good answer under each key; whatever it does, it may raise `StoreError`."""

    def newest(self, key: str) -> KeptPage | None:
        """Return the answer kept under *key*, if there is one."""
        ...

    def put(self, key: str, reply: Reply, *, now: datetime) -> None:
        """Keep a good answer."""
        ...

    def refresh(self, key: str, headers: Mapping[str, str], *, now: datetime) -> None:
        """Note that a kept answer still holds, with its headers of today."""
        ...

    def drop(self, key: str) -> None:
        """Forget an answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """Whose pages they are, and which of them may be used."""

    endpoint: str
    """Scheme, host and port, without a trailing slash."""
    auth: Literal["anonymous", "token"]
    """How the host is asked; what it shows to one it may not show to the other."""
    usable_since: datetime | None = None
    """Pages fetched since then answer without a request; None allows none."""
    revalidate: bool = True
    """Whether upstream is asked if an older page still holds, where it gave a mark of it."""


class NoPages:
    """Keeps nothing, in place of a store that failed."""

    def newest(self, key: str) -> KeptPage | None:
        """Return None, whatever *key* is."""
        del key
        return None

    def put(self, key: str, reply: Reply, *, now: datetime) -> None:
        """Let it go."""

    def refresh(self, key: str, headers: Mapping[str, str], *, now: datetime) -> None:
        """Let it go."""

    def drop(self, key: str) -> None:
        """Have nothing to forget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Reads answers on their way, and remembers which of them gave which page."""

    read: ReadPage
    kept: KeptPage | None
    """The answer that the request's conditions name."""
    pages: list[tuple[Page, Reply]] = field(default_factory=list)

    def __call__(self, reply: Reply) -> Page:
        """Read an answer; for one that came without a body, the kept one."""
        if self.kept and reply.not_modified:
            revised = {name: reply.headers[name] for name in REVISED & reply.headers.keys()}
            reply = replace(self.kept.reply, headers={**self.kept.reply.headers, **revised})
        page = self.read(reply)
        self.pages.append((page, reply))
        return page

    def keep(self, page: Page, store: KeepsPages, *, key: str, now: datetime) -> None:
        """Keep the answer that gave *page*."""
        for given, reply in self.pages:
            if given is page and self.kept and reply.body is self.kept.reply.body:
                store.refresh(key, reply.headers, now=now)
            elif given is page:
                store.put(key, reply, now=now)


class CachedPages:
    """Brings the pages of one host, and asks it only for those that are not kept."""

    def __init__(
        self,
        inner: FetchesPages,
        store: KeepsPages,
        policy: CachePolicy,
        *,
        now: Callable[[], datetime],
        reporter: Reporter,
    ) -> None:
        self._inner = inner
        self._store = store
        self._policy = policy
        self._now = now
        self._reporter = reporter

    async def fetch(
        self,
        request: Request,
        read: ReadPage,
        *,
        log: list[Attempt],
        job: Hashable = None,
        expected: float | None = None,
    ) -> Fetched:
        """Return the page that answers *request*, and when upstream gave it.

        Args:
            request: what to ask for.
            read: reads a good body; it may raise `PageError`, and what it refuses is not kept.
            log: takes every attempt as it ends; a page that is kept costs none.
            job: the listing that the page belongs to.
            expected: pages that the listing needs from here on, if anyone knows.
        """
        await checkpoint()  # a listing that is kept as a whole must not keep others from running
        key = page_key(request, self._policy)
        kept, page = self._recall(key, read)
        if kept and page and self._is_fresh(kept):
            return Fetched(page=page, fetched_at=kept.fetched_at)

        reading = Reading(read=read, kept=kept)
        asked = replace(request, conditions=conditions(kept) if kept else ())
        fetched = await self._inner.fetch(asked, reading, log=log, job=job, expected=expected)
        if fetched.page is None:
            return fetched

        now = self._now()
        with self._tolerant() as store:
            reading.keep(fetched.page, store, key=key, now=now)
        return replace(fetched, fetched_at=now)

    def forget(self, request: Request) -> None:
        """Drop a kept page: it was read well, but its listing turned out to be no good."""
        with self._tolerant() as store:
            store.drop(page_key(request, self._policy))

    def _recall(self, key: str, read: ReadPage) -> tuple[KeptPage, Page] | tuple[None, None]:
        """Return a kept answer that can be of use, with its page as its source reads it today."""
        with self._tolerant() as store:
            kept = store.newest(key)
            if kept and self._is_of_use(kept):
                try:
                    return kept, read(kept.reply)
                except PageError:
                    store.drop(key)
        return None, None

    def _is_of_use(self, kept: KeptPage) -> bool:
        return self._is_fresh(kept) or (self._policy.revalidate and conditions(kept) != ())

    def _is_fresh(self, kept: KeptPage) -> bool:
        since = self._policy.usable_since
        # A page of the future is one from before the clock was set back: its age is unknown.
        return since is not None and since <= kept.fetched_at <= self._now()

    @contextmanager
    def _tolerant(self) -> Iterator[KeepsPages]:
        """Lend the store; once it fails, do without, and say so."""
        try:
            yield self._store
        except StoreError as error:
            self._store = NoPages()
            message = f"pages are neither kept nor looked up any more: {error.cause}"
            self._reporter(Noted(message=f"{message}; {error.next_step}"))


def conditions(kept: KeptPage) -> Conditions:
    """Return the headers that ask whether a page still holds; none, if it bears no mark."""
    marks = ((kept.reply.headers.get(mark, ""), header) for mark, header in CONDITIONS)
    # What upstream sent in another alphabet can't be sent back in a header.
    return tuple(
        (header, mark) for mark, header in marks if mark.isascii() and mark.isprintable() and mark
    )


def page_key(request: Request, policy: CachePolicy) -> str:
    """Return what tells a page from all others: where, as whom and for what one asks.

    A token is no part of it, nor are the conditions of a request.
    """
    parts = [
        request.source,
        policy.endpoint,
        policy.auth,
        request.path,
        sorted(request.parameters),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
