"""Hold what is known of a page on its way, and of each attempt at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifests.fetch.signals import Signal
    from manifests.fetch.work import Work

__all__ = ["Flight", "Task"]


@dataclass(slots=True, kw_only=True, eq=False)
class Task:
    """A page that somebody waits for, with what happened to it so far."""

    work: Work
    order: int
    """Its place among those that came."""
    flights: list[Flight] = field(default_factory=list)
    """Attempts that may still answer, the oldest first."""
    failures: int = 0
    failed_slowly: bool = False
    """Whether it failed after longer than a good answer takes: its own fault, or too much load."""
    pardons: int = 0
    """Abandoned attempts for whose lateness the host was blamed."""
    refused_at: float = float("inf")
    """When it last met a 429."""
    is_shunned: bool = False
    """Whether it met a 429 again after others had passed: then it's the page that is refused."""
    ticket: int = 0
    """The place in the queue that is valid now; 0 when it stands in none."""
    signal: Signal | None = None
    """What it met last."""

    @property
    def is_fresh(self) -> bool:
        """Whether nothing went wrong with it so far."""
        return self.signal is None


@dataclass(slots=True, kw_only=True, eq=False)
class Flight:
    """An attempt under way."""

    attempt: int
    task: Task
    sent: float
    is_copy: bool
    """Whether an older attempt of the page was still under way when it started."""
    is_probe: bool
    """Whether it was sent to see whether an ill host is well again."""
    ahead: int
    """How many others, parked ones too, the host had let in when this one was sent."""
    is_parked: bool = False
    """Whether it has left the window, being overdue."""
    is_blamed: bool = False
    """Whether its lateness was already counted as a failure of the host."""
