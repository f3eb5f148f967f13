"""Decide when an attempt is overdue, and whether a copy of it is worth its place."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from manifests.fetch.latency import Latencies

if TYPE_CHECKING:
    from manifests.fetch.task import Flight

__all__ = ["HARD_LIMIT", "Overdue"]

MEMORY = 128
KNOWN_FROM = 8
"""Answers that the 95th percentile is taken of, and those before which it is a guess."""
SHORTEST = 2.0
"""Seconds; nothing younger is overdue."""
FIRST_LIMIT, HARD_LIMIT = 30.0, 100.0
"""Seconds until an attempt is cut off, before and after the host's latency is known."""
COPIES_REMEMBERED = 16
DOUBT = 2
"""How many more copies may lose than win before they count as a waste."""
CHECK_AGAIN = 0.5
"""Seconds after which an overdue attempt that could not be parked is looked at again."""


class Overdue:
    """An attempt is overdue after max(2 s, 2·p95) of the good answers' latencies.

    It then leaves the window but is listened to still, while a copy is sent; the first good answer
    wins. Copies go to the front of the work as long as they don't lose more often than they win,
    and what is overdue may be abandoned while they win twice as often.

    Source: Dean and Barroso, "The Tail at Scale" (hedged requests), but the late one gives its
    place back: a stuck proxy that keeps its place costs more than the tail it has.
    """

    def __init__(self) -> None:
        self._latencies = Latencies()
        self._checks: list[tuple[float, int, Flight]] = []
        self._copies: deque[bool] = deque(maxlen=COPIES_REMEMBERED)

    @property
    def is_known(self) -> bool:
        """Whether enough good answers came to call one late."""
        return len(self._latencies) >= KNOWN_FROM

    @property
    def time_limit(self) -> float:
        """Seconds after which an attempt that starts now is cut off."""
        return HARD_LIMIT if self.is_known else FIRST_LIMIT

    @property
    def copies_pay(self) -> bool:
        """Whether copies have answered first at least as often as what they copied."""
        wins = sum(self._copies)
        return wins + DOUBT >= len(self._copies) - wins

    @property
    def copies_win(self) -> bool:
        """Whether copies have answered first in half of the pages that had one, or in none yet."""
        return 2 * sum(self._copies) >= len(self._copies)

    @property
    def originals_lose(self) -> bool:
        """Whether copies win so often that what is overdue is rather lost than slow."""
        wins = sum(self._copies)
        return 0 < wins >= 2 * (len(self._copies) - wins)

    def answered(self, seconds: float) -> None:
        """Learn from a good answer."""
        self._latencies.add(seconds, keep=MEMORY)

    def settled(self, *, copy_won: bool) -> None:
        """Learn which answered first where a page had copies."""
        self._copies.append(copy_won)

    def limit(self) -> float:
        """Return the seconds after which an attempt is overdue; inf while that isn't known."""
        if not self.is_known:
            return float("inf")
        return max(SHORTEST, 2 * self._latencies.quantile(0.95))

    def watch(self, flight: Flight, *, now: float, after: float = SHORTEST) -> None:
        """Look at *flight* again after that many seconds."""
        heapq.heappush(self._checks, (now + after, flight.attempt, flight))

    def next_check(self) -> float:
        """Return when `late` has something to look at; inf when never."""
        while self._checks and not is_awaited(self._checks[0][2]):
            heapq.heappop(self._checks)
        return self._checks[0][0] if self._checks else float("inf")

    def late(self, *, now: float) -> list[Flight]:
        """Return the attempts that are overdue; each is returned once, or watched again."""
        found: list[Flight] = []
        while self._checks and self._checks[0][0] <= now:
            flight = heapq.heappop(self._checks)[2]
            if not is_awaited(flight):
                continue
            left = flight.sent + self.limit() - now
            if left <= 0:
                found.append(flight)
            else:
                self.watch(flight, now=now, after=min(left, SHORTEST))
        return found


def is_awaited(flight: Flight) -> bool:
    """Tell whether an attempt is under way and in the window."""
    return not flight.is_parked and flight in flight.task.flights
