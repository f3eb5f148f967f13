"""Audit the pages of a listing: models no one asked for, ways in a circle, ground that moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.models import Query
from manifests.results import Failure

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from manifests.models import Model, Stats
    from manifests.sources.base import Entry, Judge, Page, Request, Source

__all__ = [
    "MOST_IDLE_PAGES",
    "Audit",
    "Evidence",
    "Finding",
    "Inspected",
    "is_ignored",
    "mismatch",
    "pagination_failure",
]

MOST_IDLE_PAGES = 3
"""Pages in a row without a new model that end a listing, new as their cursors may be."""

EXAMPLES = 3


class Finding(StrEnum):
    """What an audit may find out about a model, as the query record names it."""

    DUPLICATES = "duplicates"
    STRANGERS = "strangers"
    RESCUED = "rescued"
    MOVED = "moved"
    DISORDERED = "disordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the pages of one listing showed; `results.QueryRecord` tells what each word means."""

    counts: Mapping[Finding, int] = field(default_factory=dict)
    """How many times each thing was found; what is not here was never found."""
    examples: Mapping[Finding, tuple[str, ...]] = field(default_factory=dict)
    """The first ids of each, without repetitions."""
    loop: tuple[int, int] | None = None
    """Numbers of two pages, from 1, that named the same successor."""

    def count(self, finding: Finding) -> int:
        """Return how many times a thing was found."""
        return self.counts.get(finding, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A page without its strangers, or why its listing is not what was asked for."""

    entries: tuple[Entry, ...] = ()
    failure: Failure | None = None


class Audit:
    """Looks at the pages of one listing in their order; without a source it trusts each model."""

    def __init__(self, query: Query, source: Source | None = None) -> None:
        self._query = query
        self._source = source
        self._judges = tuple(source.judges(query)) if source else ()
        self._ranking = source.ranking(query) if source else None
        self._found: dict[Finding, list[str]] = {}
        self._cursors: dict[str, int] = {}
        self._idle: list[int] = []
        self._loop: tuple[int, int] | None = None
        self._last_rank: int | None = None

    def inspect(self, entries: Sequence[Entry]) -> Inspected:
        """Return the models of the next page that belong to the listing.

        Upstream ignores tags and parameters that it does not know, and then lists just anything.
        """
        self._compare_ranks(entries)
        strangers = {
            entry.model.id: what
            for entry in entries
            if (what := mismatch(self._judges, entry.model)) is not None
        }
        if not strangers:
            return Inspected(entries=tuple(entries))
        self._note(Finding.STRANGERS, strangers)
        models = len({entry.model.id for entry in entries})
        if is_ignored(len(strangers), models):
            return Inspected(failure=ignored_failure(strangers, models))
        return Inspected(entries=tuple(e for e in entries if e.model.id not in strangers))

    def fold(self, first: Stats, again: Entry) -> None:
        """Take note of a model that is listed again, and of counters that moved in between."""
        self._note(Finding.DUPLICATES, [again.model.id])
        if first != again.stats:
            self._note(Finding.MOVED, [again.model.id])

    def follow(self, cursor: str, *, page: int, fresh: int, known: int) -> Failure | None:
        """Tell why the successor of a page can't be read, if it leads in a circle.

        Args:
            cursor: where the page says that the next one starts.
            page: its number, from 1.
            fresh: how many of its models no page had listed before.
            known: how many of its models an earlier page, or itself, had listed already.
        """
        before = self._cursors.setdefault(cursor, page)
        if before != page:
            self._loop = before, page
            return pagination_failure(f"the cursor of page {page} repeats an earlier one")
        # An empty page proves nothing, neither that the listing moves nor that it stands still.
        if fresh:
            self._idle.clear()
        elif known:
            self._idle.append(page)
        if len(self._idle) < MOST_IDLE_PAGES:
            return None
        pages = ", ".join(map(str, self._idle))
        return pagination_failure(f"pages {pages} held no new model, though their cursors were new")

    def lost_at(self, cursor: str) -> Request | None:
        """Return the request for the model that the page at *cursor* will leave out, if any."""
        return self._source.lost_at(self._query, cursor) if self._source else None

    def rescue(self, request: Request, page: Page, *, known: Container[str]) -> list[Entry]:
        """Return the models that *request* brought back; what else came with them is left out.

        Args:
            request: what `lost_at` named.
            page: the answer.
            known: ids of the models that the listing holds already.
        """
        query = Query(source=request.source, parameters=request.parameters)
        judges = tuple(self._source.judges(query)) if self._source else ()
        found = [
            entry
            for entry in page.entries
            if entry.model.id not in known and mismatch(judges, entry.model) is None
        ]
        self._note(Finding.RESCUED, (entry.model.id for entry in found))
        return found

    def evidence(self) -> Evidence:
        """Return all that was found so far."""
        return Evidence(
            counts={finding: len(ids) for finding, ids in self._found.items()},
            examples={
                finding: tuple(dict.fromkeys(ids))[:EXAMPLES]
                for finding, ids in self._found.items()
            },
            loop=self._loop,
        )

    def _compare_ranks(self, entries: Sequence[Entry]) -> None:
        """Note the models that outrank the end of the page before: they climbed in between."""
        if self._ranking is None:
            return
        ranks = [self._ranking(entry.stats) for entry in entries]
        known = [rank for rank in ranks if rank is not None]
        last = self._last_rank
        if last is not None:
            pairs = zip(entries, ranks, strict=True)
            climbed = (each.model.id for each, rank in pairs if rank is not None and rank > last)
            self._note(Finding.DISORDERED, climbed)
        if known:
            self._last_rank = known[-1]

    def _note(self, finding: Finding, ids: Iterable[str]) -> None:
        noted = list(ids)
        if noted:
            self._found.setdefault(finding, []).extend(noted)


def mismatch(judges: Iterable[Judge], model: Model) -> str | None:
    """Return the first complaint about *model*, or None where no one has any."""
    for judge in judges:
        what = judge(model)
        if what is not None:
            return what
    return None


def is_ignored(strangers: int, models: int) -> bool:
    """Tell whether so many strangers among a page's models mean that upstream did not listen.

    More than half of the models must be, and one alone counts only where it is all there is.
    """
    return strangers * 2 > models and (strangers > 1 or models == 1)


def ignored_failure(strangers: Mapping[str, str], models: int) -> Failure:
    """Return the failure of a listing of other models than were asked for.

    Args:
        strangers: id → what was asked for and the model is not, such as `no LORA`.
        models: how many models the page holds in all.
    """
    verb = "models are" if models > 1 else "model is"
    what = " or ".join(dict.fromkeys(strangers.values()))
    shown = [*strangers][:EXAMPLES] + ["…"] * (len(strangers) > EXAMPLES)
    return Failure(
        code=ErrorCode.FILTER_IGNORED,
        cause=f"{len(strangers)} of {models} {verb} {what}: {', '.join(shown)}",
        next_step=(
            "look at the filter's parameters with `manifests test-filter`: upstream ignores"
            " what it does not know, such as a misspelt tag"
        ),
    )


def pagination_failure(cause: str) -> Failure:
    """Return the failure of a listing that can't be read on."""
    return Failure(
        code=ErrorCode.PAGINATION_ERROR,
        cause=cause,
        next_step="run again later; if it stays, narrow the filter or lower its limit",
    )
