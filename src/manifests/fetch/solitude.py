"""Keep to a cautious part of a host's budget while nobody can be asked for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifests.fetch.signals import Quota

__all__ = ["Solitude"]

INF = float("inf")
SLACK = 0.1
"""Seconds after the end of a counted window."""


class Solitude:
    """The n-th part of what n processes had together: places in flight, and starts a second.

    Of a counted window only what all others can't have in flight is spent.
    """

    def __init__(self, *, alive: int, ceiling: int, rate: float) -> None:
        """Begin.

        Args:
            alive: processes that shared the budget when it was last heard of.
            ceiling: attempts in flight that they might reach together.
            rate: their starts a second; 0 for no bound.
        """
        self._places = max(1, ceiling // alive)
        self._others = ceiling
        self._gap = alive / rate if rate > 0 else 0.0
        self._next = -INF
        self._closed_until = -INF

    def opens_at(self, *, in_flight: int) -> float:
        """Return when the next request may start; inf while all places are taken."""
        if in_flight >= self._places:
            return INF
        return max(self._next, self._closed_until)

    def started(self, *, now: float) -> None:
        """Count a start."""
        self._next = max(self._next, now - self._gap) + self._gap

    def heard(self, quota: Quota, *, now: float) -> None:
        """Learn what is left of a counted window."""
        if quota.remaining <= self._others:
            self._closed_until = max(self._closed_until, now + quota.reset + SLACK)
