"""Bring time and chance in from outside, so that every wait and every jitter can be tested."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Clock"]


def utc_now() -> datetime:
    """Return the wall-clock time with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The three ways in which a run meets time, and the one in which it meets chance."""

    monotonic: Callable[[], float] = anyio.current_time
    """Seconds of the event loop's clock, for intervals only."""
    wall: Callable[[], datetime] = utc_now
    """The time of day, for records and for dates in headers."""
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    """Wait that many seconds."""
    random: random.Random = field(default_factory=random.Random)
    """The source of jitter."""
