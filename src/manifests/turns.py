"""Decide which listings of a plan are read side by side: some of each source, in their order."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping

    from manifests.models import Query

__all__ = ["Turns", "in_turn"]


class Turns:
    """Listings of which each takes its turn after those that may answer it."""

    def __init__(self, after: Mapping[Query, Collection[Query]], *, most: int) -> None:
        """Begin with none under way.

        Args:
            after: in the order in which they take their turn, each listing with those of which
                the end must come first; what is no key itself is not waited for.
            most: listings of one source that are under way at once, at most.
        """
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._ready: dict[str, deque[Query]] = {query.source: deque() for query in after}
        self._ahead: dict[Query, int] = {}
        self._behind: dict[Query, list[Query]] = defaultdict(list)
        for query, others in after.items():
            ahead = after.keys() & set(others)
            for other in ahead:
                self._behind[other].append(query)
            # One that waits has no place: enough of them would keep from it what they wait for.
            if ahead:
                self._ahead[query] = len(ahead)
            else:
                self._ready[query.source].append(query)

    def begin(self) -> Iterator[Query]:
        """Yield the listings whose turn it is; from then on they are under way."""
        for source, ready in self._ready.items():
            while ready and self._under_way[source] < self._most:
                self._under_way[source] += 1
                yield ready.popleft()

    def end(self, query: Query) -> None:
        """Note that a listing is under way no more; those that waited for it alone come next.

        What it has answered costs no request, so that nobody waits long behind them.
        """
        self._under_way[query.source] -= 1
        for behind in reversed(self._behind.pop(query, [])):
            self._ahead[behind] -= 1
            if not self._ahead[behind]:
                self._ready[query.source].appendleft(behind)


async def in_turn(turns: Turns, work: Callable[[Query], Awaitable[None]]) -> None:
    """Do *work* on every listing in its turn; it may be cancelled at any time."""

    async def one(query: Query) -> None:
        await work(query)
        turns.end(query)
        begin()

    def begin() -> None:
        for query in turns.begin():
            tasks.start_soon(one, query)

    async with anyio.create_task_group() as tasks:
        begin()
