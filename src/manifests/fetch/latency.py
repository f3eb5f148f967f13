"""Remember the last latencies of a host, so that their quantiles are cheap to ask for."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

__all__ = ["Latencies"]


class Latencies:
    """The last latencies of good answers, in seconds."""

    def __init__(self) -> None:
        self._sorted: list[float] = []
        self._recent: deque[float] = deque()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._sorted)

    def add(self, seconds: float, *, keep: int) -> None:
        """Remember one more, and forget the oldest until so many are left."""
        while len(self._recent) >= keep:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(seconds)
        insort(self._sorted, seconds)

    def quantile(self, share: float) -> float:
        """Return the value below which that share of the latencies lies; there must be one."""
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]
