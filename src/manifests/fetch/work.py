"""Name what goes into a host's rate controller and what comes out: pages, decisions, state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable

    from manifests.fetch.signals import Signal
    from manifests.traffic import Circuit

__all__ = [
    "Abandon",
    "Decision",
    "GiveUp",
    "HostState",
    "LearnedPace",
    "Reason",
    "Start",
    "Verdict",
    "Work",
]

Reason: TypeAlias = Literal["retries", "circuit", "permanent", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One page that somebody waits for."""

    key: int
    """Unique within the run."""
    job: Hashable
    """The listing it belongs to: failures and 429s are counted by it."""
    expected: float | None = None
    """Pages that the listing is expected to need from here on; None counts as long."""


@dataclass(frozen=True, slots=True)
class Start:
    """Send it now."""

    attempt: int
    """Never used again."""
    work: Work
    timeout: float
    """Hard limit of this attempt in seconds; when it passes, the attempt ends with TIMEOUT."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Cancel the attempt and forget it; nothing more will be said of it."""

    attempt: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The page fails for good; its attempts, if any are left, have been abandoned."""

    work: Work
    signal: Signal
    """What it met last, or what stopped its host."""
    reason: Reason


Decision: TypeAlias = Start | Abandon | GiveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the end of an attempt means for its page."""

    accepted: bool = False
    """Whether the answer is taken: the page is done."""
    abandon: tuple[Abandon, ...] = ()
    """Other attempts of a page that is done or given up."""
    wait: float = 0.0
    """Seconds of back-off that the attempt earned its page."""
    given_up: GiveUp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """How a host is treated at a moment, for progress and record."""

    window: float
    """How many attempts may be in flight, parked ones apart."""
    in_flight: int
    """Attempts that count against the window."""
    parked: int
    """Overdue attempts that are still listened to."""
    waiting: int
    """Pages that no attempt is under way for, or that wait for a copy."""
    rate: float | None = None
    """Starts a second; None when no rate is known to be too much."""
    held_until: float | None = None
    """When the pause that the host earned or announced ends; None when there is none."""
    breaker: Circuit = "closed"
    probe_at: float | None = None
    """When an open breaker lets the next probe through."""
    quota_remaining: int | None = None
    """Requests left of the host's counted window; None when it counts none."""
    quota_reset: float | None = None
    """When that window ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPace:
    """What a run found out about a host, for a cautious start of the next one."""

    window: float
    """The window at the end."""
    latency: float | None = None
    """Seconds that a good answer takes when nobody queues; None when too few came."""
    rate: float | None = None
    """The rate at the end, in starts a second; None when the host never refused one."""
