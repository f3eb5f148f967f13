"""Read all listings of a plan at once: each waits for the broader ones that may answer it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import anyio

from manifests.events import FilterSettled
from manifests.listings import Listing, Reading, derive, select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from manifests.events import Reporter
    from manifests.fetch.fetcher import Fetched, ReadPage
    from manifests.models import Query
    from manifests.planner import Plan, PlannedQuery
    from manifests.results import Attempt, Failure
    from manifests.sources.base import Request, Source

__all__ = ["FetchesPages", "ListingReader", "ReadQuery"]


class FetchesPages(Protocol):
    """Brings pages of one host; failures come back as values."""

    async def fetch(self, request: Request, read: ReadPage, *, log: list[Attempt]) -> Fetched:
        """Return the page that answers *request*, or why there is none."""
        ...


@dataclass(kw_only=True)
class ReadQuery:
    """What has come of one planned query so far; it grows while pages come."""

    planned: PlannedQuery
    listing: Listing
    failure: Failure | None = None
    is_settled: bool = False
    """Whether nothing more will come: it was read as far as needed, derived, or it failed."""
    attempts: list[Attempt] = field(default_factory=list)


class ListingReader:
    """Reads the listings of one plan; what is cut short stays as far as it was read."""

    def __init__(
        self,
        plan: Plan,
        *,
        sources: Mapping[str, Source],
        fetchers: Mapping[str, FetchesPages],
        reporter: Reporter,
        is_published: Callable[[str, str], bool],
    ) -> None:
        self._plan = plan
        self._sources = sources
        self._fetchers = fetchers
        self._reporter = reporter
        self._is_published = is_published
        self._settled = {planned.query: anyio.Event() for planned in plan.queries}
        self.results: dict[Query, ReadQuery] = {
            planned.query: ReadQuery(planned=planned, listing=Reading(planned).listing())
            for planned in plan.queries
        }
        """Query → what has come of it; whole even when `read_all` is cancelled."""

    async def read_all(self) -> None:
        """Read all listings; it may be cancelled at any time."""
        async with anyio.create_task_group() as tasks:
            for planned in self._plan.queries:
                tasks.start_soon(self._read, self.results[planned.query])

    async def _read(self, result: ReadQuery) -> None:
        for broad in result.planned.broader:
            await self._settled[broad].wait()
        complete = self._complete_broader(result.planned)
        if complete is None:
            await self._read_pages(result)
        else:
            source = self._sources[result.planned.query.source]
            result.listing = derive(source, complete, result.planned.query)
        result.is_settled = True
        self._settled[result.planned.query].set()
        self._tell(result)

    def _complete_broader(self, planned: PlannedQuery) -> Listing | None:
        listings = [self.results[broad].listing for broad in planned.broader]
        return next((listing for listing in listings if listing.ended), None)

    async def _read_pages(self, result: ReadQuery) -> None:
        query = result.planned.query
        source, fetcher = self._sources[query.source], self._fetchers[query.source]
        reading = Reading(result.planned)
        while result.failure is None and not reading.is_done:
            fetched = await fetcher.fetch(
                source.request(query, reading.cursor),
                lambda reply: source.read(query, reply),
                log=result.attempts,
            )
            if fetched.page:
                result.failure = reading.add(fetched.page)
                result.listing = reading.listing()
            else:
                result.failure = fetched.failure

    def _tell(self, result: ReadQuery) -> None:
        info = self._sources[result.planned.query.source].info
        for wanted in result.planned.wanted:
            failed = result.failure and select(result.listing, wanted, info) is None
            path = wanted.filter.path
            self._reporter(
                FilterSettled(
                    source=info.name,
                    filter=path,
                    failure=result.failure if failed else None,
                    keeps_old=self._is_published(info.name, path),
                )
            )
