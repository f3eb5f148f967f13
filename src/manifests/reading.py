"""Read all listings of a plan at once: each waits for the broader ones that may answer it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from manifests.errors import ErrorCode
from manifests.events import FilterSettled, Noted
from manifests.listings import Listing, Reading, derive, select
from manifests.store.entrylog import EntryLog
from manifests.turns import Turns, in_turn
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.fetch.fetcher import FetchesPages
    from manifests.models import Filter, Query
    from manifests.planner import Plan, PlannedQuery
    from manifests.results import Failure
    from manifests.sources.base import Request, Source
    from manifests.store.spool import Spool
    from manifests.traffic import Attempt

__all__ = ["MOST_AT_ONCE", "ForgetsPages", "ListingReader", "ReadQuery", "SecondPass"]

MAY_PASS = frozenset(
    {
        ErrorCode.API_ERROR,
        ErrorCode.CIRCUIT_OPEN,
        ErrorCode.MALFORMED_RESPONSE,
        ErrorCode.MAX_RETRIES_EXCEEDED,
        ErrorCode.NETWORK_ERROR,
        ErrorCode.RATE_LIMIT,
        ErrorCode.TIMEOUT,
    }
)
"""Codes of failures that a later try may not meet."""

MOST_AT_ONCE = 500
"""Listings of one source that are under way at once: more than any host is asked for, so that it
may choose among them, and few enough not to count in memory."""

COOL_DOWN = 60.0
"""Seconds of rest before the second pass: half as long as a dead host was waited for."""


@runtime_checkable
class ForgetsPages(Protocol):
    """Brings pages that it may have kept, and can let go of them."""

    def forget(self, request: Request) -> None:
        """Drop the page that answers *request*: its listing turned out to be no good."""


@dataclass(kw_only=True)
class ReadQuery:
    """What has come of one planned query so far; it grows while pages come."""

    planned: PlannedQuery
    listing: Listing
    failure: Failure | None = None
    attempts: list[Attempt] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    """What its pages answer, kept ones included."""
    as_of: datetime | None = None
    """When its oldest page was fetched, if anyone looked."""
    reading: Reading | None = None
    """How far its pages were read; a second pass goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPass:
    """What it takes to read once more, at the end, what failed for reasons that may pass."""

    clock: Clock
    ends: float
    """When the run must be over, in monotonic seconds: there is no pass that begins later."""
    last_success: Callable[[Filter], str]
    """When a filter was last made, as ISO 8601; empty when it never was."""

    def staleness(self, planned: PlannedQuery) -> str:
        """Return what sorts the listing first whose stalest filter is the stalest."""
        return min((self.last_success(wanted.filter) for wanted in planned.wanted), default="")


class ListingReader:
    """Reads the listings of one plan; what is cut short stays as far as it was read."""

    def __init__(  # noqa: PLR0913 - all that reading needs, by name
        self,
        plan: Plan,
        *,
        sources: Mapping[str, Source],
        fetchers: Mapping[str, FetchesPages],
        reporter: Reporter,
        is_published: Callable[[str, str], bool],
        second_pass: SecondPass | None = None,
        expected: Mapping[Query, int] | None = None,
        spool: Spool | None = None,
    ) -> None:
        """Begin with nothing read.

        Args:
            plan: what to read.
            sources: all sources by name.
            fetchers: who brings the pages of each source.
            reporter: whoever watches.
            is_published: tells, by source and path, whether a filter's manifest is published.
            second_pass: what it takes to read once more what failed; None reads once.
            expected: listing → pages that it took before, as far as anyone knows.
            spool: takes the models that are read; None keeps them in memory.
        """
        self._spool = spool
        self._plan = plan
        self._sources = sources
        self._fetchers = fetchers
        self._reporter = reporter
        self._is_published = is_published
        self._second_pass = second_pass
        self._expected = expected or {}
        self.results: dict[Query, ReadQuery] = {
            planned.query: ReadQuery(planned=planned, listing=Reading(planned).listing())
            for planned in plan.queries
        }
        """Query → what has come of it; whole even when `read_all` is cancelled."""

    async def read_all(self) -> None:
        """Read all listings; it may be cancelled at any time."""
        after = {planned.query: planned.broader for planned in self._plan.queries}
        await in_turn(Turns(after, most=MOST_AT_ONCE), self._read)
        if self._second_pass:
            await self._read_again(self._second_pass)

    def forget(self, listing: Listing) -> None:
        """Let no later run answer a listing from kept pages: what they held is not believed.

        Else one bad answer would be found again and again, and count as often.
        """
        query = listing.answered_by or listing.query
        fetcher = self._fetchers[query.source]
        if isinstance(fetcher, ForgetsPages):
            for request in self.results[query].requests:
                fetcher.forget(request)

    async def _read(self, query: Query) -> None:
        result = self.results[query]
        complete = self._complete_broader(result.planned)
        if complete is None:
            await self._read_pages(result)
        else:
            source = self._sources[result.planned.query.source]
            result.listing = derive(source, complete.listing, result.planned.query)
            result.as_of = complete.as_of
        if not self._second_pass or not may_pass(result):
            self._settle(result)

    async def _read_again(self, second: SecondPass) -> None:
        """Read what failed once more, the stalest first, if there is time for it.

        A source of which nothing came at all is not asked again: it is down, and the next run will
        see whether it still is.
        """
        alive = {query.source for query, result in self.results.items() if result.listing.pages}
        is_late = second.clock.monotonic() + COOL_DOWN >= second.ends
        hopeful: list[ReadQuery] = []
        for query, result in self.results.items():
            if not may_pass(result):
                continue
            if is_late or query.source not in alive:
                self._settle(result)
            else:
                hopeful.append(result)
        if hopeful:
            await self._cool_down(len(hopeful), second.clock)
        hopeful.sort(key=lambda each: second.staleness(each.planned))
        turns = Turns({each.planned.query: () for each in hopeful}, most=MOST_AT_ONCE)
        await in_turn(turns, self._finish)

    async def _cool_down(self, count: int, clock: Clock) -> None:
        what = f"{counted(count, 'listing')} failed for reasons that may pass"
        self._reporter(Noted(message=f"{what}; one more try in {COOL_DOWN:g} s", passing=True))
        await clock.sleep(COOL_DOWN)

    async def _finish(self, query: Query) -> None:
        result = self.results[query]
        await self._read_pages(result)
        self._settle(result)

    def _complete_broader(self, planned: PlannedQuery) -> ReadQuery | None:
        results = (self.results[broad] for broad in planned.broader)
        return next((result for result in results if result.listing.ended), None)

    async def _read_pages(self, result: ReadQuery) -> None:
        query = result.planned.query
        source, fetcher = self._sources[query.source], self._fetchers[query.source]
        reading = result.reading or self._reading(result.planned, source)
        result.reading = reading
        failure = None
        while failure is None and not reading.is_done:
            request = reading.lost or source.request(query, reading.cursor)
            result.requests.append(request)
            fetched = await fetcher.fetch(
                request,
                lambda reply: source.read(query, reply),
                log=result.attempts,
                job=query,
                expected=self._pages_left(query, result.listing),
            )
            result.as_of = earliest(result.as_of, fetched.fetched_at)
            if fetched.page:
                failure = reading.add(fetched.page)
                result.listing = reading.listing()
                if failure:
                    self.forget(result.listing)
            else:
                failure = fetched.failure
        result.failure = failure
        if failure is None:
            result.reading = None  # what it knows of each model is of no more use

    def _reading(self, planned: PlannedQuery, source: Source) -> Reading:
        log = EntryLog(self._spool) if self._spool else None
        return Reading(planned, source, log=log)

    def _pages_left(self, query: Query, listing: Listing) -> float | None:
        known = self._expected.get(query)
        return None if known is None else max(1, known - listing.pages)

    def _settle(self, result: ReadQuery) -> None:
        """Tell of each filter that nothing more will come of its listing."""
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


def may_pass(result: ReadQuery) -> bool:
    """Tell whether a listing failed for a reason that a later try may not meet."""
    return result.failure is not None and result.failure.code in MAY_PASS


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the first of the moments that are known."""
    return min((moment for moment in moments if moment), default=None)
