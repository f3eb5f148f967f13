"""Read a listing page by page until every filter that waits for it has its models, or it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from manifests.audit import Audit, Evidence, Finding, pagination_failure
from manifests.models import Manifest
from manifests.results import DroppedRecord
from manifests.sieve import Sieve, sift
from manifests.store.entrylog import EntryLog

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from manifests.models import Filter, Query, Stats
    from manifests.planner import PlannedQuery, Wanted
    from manifests.results import Failure, Funnel
    from manifests.sieve import Sifted
    from manifests.sources.base import Entry, Page, Request, Source, SourceInfo

__all__ = ["MOST_PAGES", "Candidate", "Listing", "Reading", "derive", "select"]

MOST_PAGES = 100
"""Pages of one listing, at most: a filter that needs more is a mistake that would eat the quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What was read of a query: distinct models in upstream's order."""

    query: Query
    entries: Collection[Entry]
    """A tuple, or a log of them that is not in memory."""
    ended: bool
    """Whether upstream said that there is no more."""
    pages: int = 0
    duplicates: int = 0
    dropped: tuple[DroppedRecord, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    """What its pages showed beside their models."""
    sifted: Mapping[str, Sifted] = field(default_factory=dict)
    """Path → what a filter got that waited for it; nothing where no page was read for it."""
    answered_by: Query | None = None
    """The broader listing that this one was derived from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A manifest that was made but not yet published, and how it came about."""

    filter: Filter
    manifest: Manifest
    funnel: Funnel

    @property
    def key(self) -> tuple[str, str]:
        """Source and path."""
        return self.filter.source, self.filter.path


class Reading:
    """A listing that is being read; it takes pages, and tells whether and where to go on."""

    def __init__(
        self,
        planned: PlannedQuery,
        source: Source | None = None,
        *,
        log: EntryLog | None = None,
    ) -> None:
        """Begin with nothing read.

        Args:
            planned: what is read, and for which filters.
            source: tells models of the listing from others; None trusts each.
            log: takes the models, so that they are not kept in memory.
        """
        self._planned = planned
        self._audit = Audit(planned.query, source)
        self._log = log
        self._fresh: list[Entry] = []
        self._known: dict[str, Stats] = {}
        self._dropped: list[DroppedRecord] = []
        self._sieves = [Sieve(wanted) for wanted in planned.wanted]
        self._hungry = [sieve for sieve in self._sieves if not sieve.is_full]
        self._pages = 0
        self._ended = False
        self.cursor: str | None = None
        """Where the next page starts."""
        self.lost: Request | None = None
        """What to ask for before the next page: the model that upstream skips at its cursor."""

    def add(self, page: Page) -> Failure | None:
        """Take what was asked for last; return why the listing can't be read on, if so."""
        self._dropped += (DroppedRecord(record=d.record, reason=d.reason) for d in page.dropped)
        failure = None
        if self.lost is None:
            failure = self._add_page(page)
        else:
            self._add_lost(self.lost, page)
        if self._log is not None:
            self._log.add(self._fresh)
            self._fresh.clear()
        return failure

    def _add_page(self, page: Page) -> Failure | None:
        self._pages += 1
        inspected, before = self._audit.inspect(page.entries), len(self._known)
        if inspected.failure:
            # An answer to another question makes no manifest, not even of the pages before it.
            self._forget()
            return inspected.failure
        for entry in inspected.entries:
            self._add_entry(entry)
        self.cursor = page.cursor
        # Short and empty pages with a successor are normal; only a missing cursor ends a listing.
        self._ended = page.cursor is None
        fresh = len(self._known) - before
        return self._check_cursor(fresh=fresh, known=len(inspected.entries) - fresh)

    def _add_lost(self, request: Request, page: Page) -> None:
        for entry in self._audit.rescue(request, page, known=self._known):
            self._add_entry(entry)
        self.lost = None

    @property
    def is_done(self) -> bool:
        """Whether no further page is needed."""
        return self._ended or not self._hungry

    def listing(self) -> Listing:
        """Return what has been read so far."""
        evidence = self._audit.evidence()
        return Listing(
            query=self._planned.query,
            entries=tuple(self._fresh) if self._log is None else self._log,
            ended=self._ended,
            pages=self._pages,
            duplicates=evidence.count(Finding.DUPLICATES),
            dropped=tuple(self._dropped),
            evidence=evidence,
            sifted=self._sifted() if self._pages else {},
        )

    def _sifted(self) -> dict[str, Sifted]:
        return {sieve.wanted.filter.path: sieve.sifted() for sieve in self._sieves}

    def _add_entry(self, entry: Entry) -> None:
        first = self._known.get(entry.model.id)
        if first is not None:
            self._audit.fold(first, entry)
            return
        self._known[entry.model.id] = entry.stats
        self._fresh.append(entry)
        for sieve in self._hungry:
            sieve.take(entry.model)
        # Whoever has enough is asked no more, nor does it look at a model too many.
        if any(sieve.is_full for sieve in self._hungry):
            self._hungry = [sieve for sieve in self._hungry if not sieve.is_full]

    def _forget(self) -> None:
        self._known.clear()
        self._fresh.clear()
        self._sieves.clear()
        if self._log is not None:
            self._log = self._log.sibling()

    def _check_cursor(self, *, fresh: int, known: int) -> Failure | None:
        if self.cursor is None or self.is_done:
            return None
        failure = self._audit.follow(self.cursor, page=self._pages, fresh=fresh, known=known)
        if failure:
            return failure
        if self._pages >= MOST_PAGES:
            return pagination_failure(f"{MOST_PAGES} pages did not hold enough models")
        self.lost = self._audit.lost_at(self.cursor)
        return None


def derive(source: Source, broad: Listing, narrow: Query) -> Listing:
    """Return the listing of *narrow* out of a complete one that covers it."""
    found = (entry for entry in broad.entries if source.answers(narrow, entry.model))
    entries = broad.entries.like(found) if isinstance(broad.entries, EntryLog) else tuple(found)
    return Listing(query=narrow, entries=entries, ended=True, answered_by=broad.query)


def select(listing: Listing, wanted: Wanted, info: SourceInfo) -> Candidate | None:
    """Return the manifest of a filter, or None when the listing broke off before it had enough."""
    found = listing.sifted.get(wanted.filter.path)
    if found is None or found.wanted is not wanted:
        found = sift(listing.entries, wanted)
    is_short = len(found.kept) < wanted.filter.limit
    if is_short and not listing.ended:
        return None
    manifest = Manifest(
        source=info.name,
        filter=wanted.filter.path,
        label=wanted.filter.label,
        models_file=info.models_file,
        model_ids=found.kept,
        complete=is_short,
    )
    return Candidate(filter=wanted.filter, manifest=manifest, funnel=found.funnel)
