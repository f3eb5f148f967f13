"""Spend a host's counted quota so that its 429 never comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from manifests.fetch.signals import Quota

__all__ = ["QuotaGate"]

RESERVE = 0.05
"""Share of the quota kept for others, once it is seen that others use as much of it."""
AHEAD = 0.1
"""Share of the window before its reset when too small a rest is to be spent, lest some be left."""
JITTER = 2.0
"""Seconds after the reset in which a fleet returns, at most a tenth of the wait."""
ROUNDED_BY = 1.0
"""Seconds by which the time to a reset may be rounded up: it is told in whole ones."""


class QuotaGate:
    """Starts allowed = the lowest remaining count seen in this window - those in flight.

    At zero wait for the reset. When the pages that wait need more than is left, spend it evenly
    over the time to the reset; else don't wait. The reset is the earliest seen in the window, since
    `t` is rounded up and read late. So an answer may prove, before the known reset, that a new
    window began. One that was asked for before that tells of the window before, but may have been
    counted in the new one.

    Source: draft-ietf-httpapi-ratelimit-headers-09; hub-docs `rate-limits.md` (fixed windows).
    """

    def __init__(self, *, random: random.Random) -> None:
        self._random = random
        self.remaining: int | None = None
        self.reset_at = float("inf")
        self._began = float("-inf")
        self._period = 0.0
        self._largest = 0
        self._last_start = float("-inf")
        self._first_seen: int | None = None
        self._starts = 0
        self._is_shared = False
        self._slack = 0.0

    def observe(self, quota: Quota, *, sent: float, now: float) -> None:
        """Learn what a response says is left.

        Args:
            quota: its RateLimit header.
            sent: when the request was sent.
            now: the time.
        """
        self._roll_over(now)
        if sent + quota.reset - ROUNDED_BY > self.reset_at:
            self._begin(sent)
        if sent < self._began:
            self.lost()
            return
        self._period = max(self._period, quota.reset)
        self._largest = max(self._largest, quota.remaining + 1)
        if self._first_seen is None:
            self._open(quota, now=now)
        self.remaining = min(self.remaining or 0, quota.remaining)
        self.reset_at = min(self.reset_at, now + quota.reset)
        self._look_for_others(quota.remaining)

    def started(self, *, now: float) -> None:
        """Count a start."""
        self._roll_over(now)
        self._last_start = now
        self._starts += 1

    def lost(self) -> None:
        """Count as spent an attempt that ended without a word about the quota."""
        if self.remaining:
            self.remaining -= 1

    def opens_at(self, *, in_flight: int, waiting: int, now: float) -> float:
        """Return when the next request may start, as far as the quota goes."""
        self._roll_over(now)
        if self.remaining is None:
            return float("-inf")
        left = self.left(in_flight=in_flight)
        if left <= 0:
            return self.reset_at + self._slack
        if not self._is_short(waiting):
            return float("-inf")
        target = self.reset_at - AHEAD * self._period
        return self._last_start + (target - self._last_start) / (left + 1)

    def left(self, *, in_flight: int) -> int:
        """Return how many requests may start in this window."""
        reserve = int(RESERVE * self._largest) if self._is_shared else 0
        return (self.remaining or 0) - in_flight - reserve

    def spares(self, *, in_flight: int, waiting: int) -> bool:
        """Tell whether a request beside those of the pages that wait would cost none of them."""
        return self.remaining is None or waiting < self.left(in_flight=in_flight)

    def _is_short(self, waiting: int) -> bool:
        return waiting > (self.remaining or 0) + RESERVE * self._largest

    def _open(self, quota: Quota, *, now: float) -> None:
        self._first_seen = quota.remaining
        self.remaining = quota.remaining
        self.reset_at = now + quota.reset
        self._slack = self._random.uniform(0, min(0.1 * quota.reset, JITTER))

    def _look_for_others(self, remaining: int) -> None:
        # All of our own starts but the one that told of `_first_seen` may have been counted since.
        ours = (self._first_seen or 0) - (self._starts - 1)
        if ours - remaining > RESERVE * self._largest:
            self._is_shared = True

    def _roll_over(self, now: float) -> None:
        if self.remaining is not None and now >= self.reset_at + self._slack:
            self._begin(now)

    def _begin(self, now: float) -> None:
        self._began = now
        # Until an answer tells, the new window is believed to be as large as any before it.
        self.remaining = max(1, self._largest)
        self.reset_at = now + max(1.0, self._period)
        self._first_seen = None
        self._starts = 0
