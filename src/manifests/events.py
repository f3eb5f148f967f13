"""Name what happens in a run while it happens, for whoever watches: a bar, a log, nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from manifests.results import Failure
    from manifests.traffic import Attempt, Circuit, HostSample

__all__ = [
    "AttemptEnded",
    "AttemptStarted",
    "CircuitChanged",
    "Event",
    "FilterSettled",
    "HostHeld",
    "HostSampled",
    "Noted",
    "Reporter",
    "RunPlanned",
    "silent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlanned:
    """The definitions are valid, and so many filters share so many listings."""

    filters: int
    queries: int
    run: str = ""
    """Id of the run; empty where its record will be kept nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """A request is on its way."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """A request was answered or given up."""

    source: str
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHeld:
    """A host asked for a pause: nothing is sent to it until then."""

    source: str
    seconds: float
    """From now."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitChanged:
    """A host failed so much that only single probes go to it, or it answers again."""

    source: str
    circuit: Circuit
    seconds: float
    """From now until the next probe; 0 while one is under way, and when all is well again."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSampled:
    """What a host is allowed has changed, or what is under way."""

    source: str
    sample: HostSample


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettled:
    """The candidate of a filter is there, or is known not to come."""

    source: str
    filter: str
    failure: Failure | None
    keeps_old: bool
    """Whether a manifest published before stays in place of one that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that a person should know once."""

    message: str
    passing: bool = False
    """Whether it is only news or advice, which `--quiet` hides; a warning never is."""


Event: TypeAlias = (
    RunPlanned
    | AttemptStarted
    | AttemptEnded
    | HostHeld
    | CircuitChanged
    | HostSampled
    | FilterSettled
    | Noted
)


class Reporter(Protocol):
    """Whoever watches a run; it must be quick, and must not raise."""

    def __call__(self, event: Event) -> None:
        """Take note of *event*."""
        ...


def silent(event: Event) -> None:
    """Watch nothing."""
