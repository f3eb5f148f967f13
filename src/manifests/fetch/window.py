"""Decide how many requests may be in flight, from the latency of good answers."""

from __future__ import annotations

from manifests.fetch.latency import Latencies

__all__ = ["Window"]

START = 4.0
FLOOR = 2.0
MEMORY = 16
"""Latencies that the quantile is taken of at least, fewer being a guess; else two windows' worth.

Of 12 answers the first quantile was half of the usual one in a run of eighty, and W stayed small.
"""
QUANTILE = 0.25
"""Low, since the upper part of a healthy host's latencies is its slow pages, not its queue."""
FIRST_QUANTILE = 0.35
"""Of the first answers, among which the quick are too many: the others are still on their way."""
GROWS_BELOW, CUTS_ABOVE = 1.7, 2.5
"""Ratios of the quantile now to that without a queue."""
QUICK = 1.4
"""Ratio up to which a single answer came too soon to have queued; only such a one adds to W."""
CUT = 0.7
DOWN, UP, UP_AT_FLOOR = 0.2, 0.002, 0.02
"""Shares by which the memory moves an answer."""
RAMP = 2.0
"""Growth a quick answer until the first cut."""
REFUSED_RAMP = 0.05
"""Growth an answer after the host refused, with a 429, what was in flight: that is no queue."""


class Window:
    """W, the attempts that may be in flight: grows until the host queues, then shrinks.

    With q = the 25th percentile of the last max(16, 2W) latencies and base = a slow memory of q
    (down by a fifth of the way, up by 0.2 % an answer), while W is in use: q/base > 2.5 → W·0.7, at
    least 2, once a round trip. q/base ≤ 1.7 → each answer within 1.4·base adds 2 to W until the
    first cut, then 1/W; when a 429 cut it, any answer adds 0.05. For q lags by a window's worth of
    answers, in which W would run far beyond what the host bears; but in a queue no single answer is
    quick. At W < 3 base rises by 2 %: there, we are not the queue. A slow failure counts as a
    latency too, for a good answer would have taken as long at least.

    Sources: the idea of TCP Vegas and Netflix's Gradient2Limit (concurrency-limits), with a low
    quantile in place of the minimum, which a heavy tail biases.
    """

    def __init__(self, *, ceiling: int, start: float = START, usual: float | None = None) -> None:
        self._ceiling = float(ceiling)
        self._floor = min(FLOOR, self._ceiling)
        self.size = self._clamped(start)
        self._base: float | None = None
        self._usual = usual
        self._latencies = Latencies()
        self._growth: float | None = None
        self._cut_at = float("-inf")
        self._frozen_until = float("-inf")
        self._is_ramping = True
        self._failed_quickly = False

    @property
    def latency(self) -> float | None:
        """Seconds that a good answer takes when nobody queues; None before the first."""
        return self._base

    @property
    def round_trip(self) -> float:
        """Seconds that a good answer takes now."""
        return self._latencies.quantile(QUANTILE) if self._latencies else 1.0

    @property
    def can_shrink(self) -> bool:
        """Whether it is larger than the floor."""
        return self.size > self._floor

    def has_room(self, in_flight: int) -> bool:
        """Tell whether one more may be in flight."""
        return in_flight < int(self.size)

    def is_quick(self, seconds: float) -> bool:
        """Tell whether an attempt took no longer than a good answer does when nobody queues."""
        return seconds <= self._usual_now

    def answered(self, seconds: float, *, sent: float, in_use: bool, now: float) -> None:
        """Learn from a good answer.

        Args:
            seconds: how long it took.
            sent: when it was asked for; what was asked before the last cut says nothing about it.
            in_use: whether as many were in flight as may be.
            now: the time.
        """
        self._remember(seconds)
        known = len(self._latencies) >= MEMORY
        ratio = self._compare(self._latencies.quantile(QUANTILE)) if known else 1.0
        if ratio > CUTS_ABOVE:
            if in_use and sent > self._cut_at:
                self._cut(self.size * CUT, now=now)
                self._growth = None
        elif ratio <= GROWS_BELOW and in_use and now >= self._frozen_until:
            self._grow(seconds)

    def failed(self, seconds: float) -> None:
        """Learn from a failure: unless it came at once, a good answer had taken as long."""
        self._failed_quickly = self.is_quick(seconds)
        if self._latencies and not self._failed_quickly:
            self._remember(seconds)

    def refused(self, in_flight: int, *, now: float) -> None:
        """Shrink to what was in flight when the host refused more."""
        self._cut(float(in_flight), now=now)
        self._growth = REFUSED_RAMP

    def restart(self) -> None:
        """Begin small again after the host was ill; its latency without a queue stays known.

        Where it failed at once it was out: W is 4 at most and grows fast, and the latencies of late
        are forgotten, as the last good answers were the slowest of those on their way. Where it
        failed slowly it may have been us: W is 2 and grows with care.
        """
        self._is_ramping = self._failed_quickly
        if self._failed_quickly:
            self._latencies = Latencies()
        self.size = min(self.size, self._clamped(START if self._failed_quickly else FLOOR))
        self._growth = None

    def penalised(self, *, frozen_until: float, now: float) -> None:
        """Halve after a long pause that the host imposed, and don't grow for a while."""
        self._cut(self.size / 2, now=now)
        self._frozen_until = max(self._frozen_until, frozen_until)

    def _remember(self, seconds: float) -> None:
        self._latencies.add(seconds, keep=max(MEMORY, int(2 * self.size)))

    def _compare(self, now: float) -> float:
        if self._base is None:
            now = self._latencies.quantile(FIRST_QUANTILE)
            # Where it takes longer than it used to, the rest may be a queue that others make.
            self._base = min(now, GROWS_BELOW * self._usual) if self._usual else now
        elif now < self._base:
            self._base += DOWN * (now - self._base)
        else:
            self._base *= 1 + (UP_AT_FLOOR if int(self.size) <= self._floor else UP)
        return now / self._base if self._base > 0 else 1.0

    @property
    def _usual_now(self) -> float:
        return self.round_trip if self._base is None else self._base

    def _grow(self, seconds: float) -> None:
        if self._growth is not None:
            step = self._growth
        elif seconds > QUICK * self._usual_now:
            return
        else:
            step = RAMP if self._is_ramping else 1 / self.size
        self.size = self._clamped(self.size + step)

    def _cut(self, size: float, *, now: float) -> None:
        self.size = self._clamped(min(size, self.size))
        self._cut_at = now
        self._is_ramping = False

    def _clamped(self, size: float) -> float:
        return min(self._ceiling, max(self._floor, size))
