"""Decide how often a page is tried, and how long it waits between two tries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["Patience"]

RISK = 0.001
"""Pages that chance alone may cost, over all pages of a run."""
FEWEST, MOST = 4, 8
REFUSED = 4
"""Tries of a page that is refused while others pass: nearly always for its own sake. With one more
there was no page more in 240 simulated runs behind a bucket."""
BASE, CAP = 1.0, 10.0
"""Ceilings of the first wait and of every wait, seconds."""


class Patience:
    """So many tries n that N·pⁿ < 0.001 for N pages and the failure share p seen; 4 ≤ n ≤ 8.

    The wait before the next try is uniform in [0, min(10 s, 1 s·2^(failures-1))].
    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
    """

    def __init__(self, *, random: random.Random, most: int = MOST) -> None:
        self._random = random
        self._most = most
        self._pages = 0
        self._ended = 0
        self._failed = 0

    @property
    def failure_share(self) -> float:
        """The share of ended attempts that failed, one failure of ten being assumed at first."""
        return (self._failed + 1) / (self._ended + 10)

    @property
    def tries(self) -> int:
        """How many attempts a page may have."""
        needed = math.log(RISK / max(1, self._pages)) / math.log(self.failure_share)
        return min(self._most, max(FEWEST, math.ceil(needed)))

    @property
    def tries_refused(self) -> int:
        """How many attempts a page may have that meets a 429 of its own."""
        return min(self._most, REFUSED)

    def page_came(self) -> None:
        """Count one more page that could be lost."""
        self._pages += 1

    def attempt_ended(self, *, failed: bool) -> None:
        """Learn how an attempt ended while the host was up."""
        self._ended += 1
        self._failed += failed

    def wait(self, failures: int) -> float:
        """Return the seconds before the next try of a page that failed so often."""
        ceiling = min(CAP, BASE * 2.0 ** (max(1, failures) - 1))
        return self._random.uniform(0, ceiling)
