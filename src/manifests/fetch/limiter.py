"""Bound what is in flight to one host, and when the next request may start."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from manifests.clock import Clock
    from manifests.fetch.signals import Signal
    from manifests.settings import Pace

__all__ = ["FixedLimiter", "Limiter"]


class Limiter(Protocol):
    """Decides for one host when a request may start; the seam for an adaptive controller."""

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait until one attempt may start, and count it as in flight while the block lasts.

        A slot is held by a request in flight only: give it back before waiting for a retry.
        """
        ...

    def observe(self, signal: Signal, *, seconds: float) -> float:
        """Learn what an attempt met and how long it took.

        Returns:
            Seconds for which the whole host now waits; 0 when it doesn't.
        """
        ...


class FixedLimiter:
    """Never more than N in flight, never two starts closer than the delay, one pause for all.

    The check and the count are one step: who waits for a start holds the gate, so that nobody can
    slip between looking and counting, however the tasks are scheduled.
    """

    def __init__(self, pace: Pace, *, clock: Clock) -> None:
        self._pace = pace
        self._clock = clock
        self._slots = anyio.CapacityLimiter(pace.concurrency)
        self._gate = anyio.Lock()
        self._next_start = float("-inf")
        self._held_until = float("-inf")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait until one attempt may start, and count it as in flight while the block lasts."""
        async with self._slots:
            await self._wait_for_start()
            yield

    def observe(self, signal: Signal, *, seconds: float) -> float:
        """Hold the whole host for a pause that it announced.

        Returns:
            Seconds for which the host now waits; 0 when it doesn't.
        """
        del seconds  # a fixed pace learns nothing from them
        now = self._clock.monotonic()
        if signal.pause:
            longer = signal.pause * (1 + 0.1 * self._clock.random.random())
            self._held_until = max(self._held_until, now + longer)
        return max(0.0, self._held_until - now)

    async def _wait_for_start(self) -> None:
        async with self._gate:
            # A pause may be announced while this waits, so the time is looked at again.
            while (wait := self._earliest() - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            self._next_start = self._clock.monotonic() + self._pace.delay

    def _earliest(self) -> float:
        return max(self._next_start, self._held_until)
