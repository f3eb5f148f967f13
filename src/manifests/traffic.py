"""Hold what passed between a run and its hosts: each attempt, and how each host was treated."""

from __future__ import annotations

from typing import Literal, TypeAlias

from manifests.errors import ErrorCode
from manifests.models import Record

__all__ = ["Attempt", "Circuit", "HostNote", "HostRecord", "HostSample", "NoteKind"]

Circuit: TypeAlias = Literal["closed", "open", "half-open"]
"""Whether a host gets requests, none for a while, or a single probe."""
NoteKind: TypeAlias = Literal["hold", "open", "half-open", "closed"]
"""A pause, or the circuit that follows."""


class Attempt(Record):
    """One HTTP request with its result."""

    number: int
    """1 for the first try at a page."""
    url: str
    """As sent; tokens travel in a header and never stand here."""
    started: float
    """Seconds since the run began."""
    seconds: float
    """From sending until the last byte was read, or the attempt was given up."""
    status: int | None = None
    bytes: int = 0
    """Size of the decoded body."""
    code: ErrorCode | None = None
    """None when the answer was good."""
    cause: str = ""
    wait: float = 0.0
    """Seconds of back-off that this attempt earned its page."""


class HostSample(Record):
    """What a host was allowed at one moment, and what was under way."""

    at: float
    """Seconds since the run began."""
    window: float
    """Attempts that were allowed in flight."""
    rate: float | None = None
    """Starts a second that were allowed; None when the host never refused one for their rate."""
    in_flight: int
    """Attempts under way, overdue ones that were still listened to among them."""
    waiting: int
    """Pages whose turn had not come."""


class HostNote(Record):
    """A pause of a host, or a change of its circuit."""

    at: float
    """Seconds since the run began."""
    kind: NoteKind
    seconds: float
    """How long it was to last from then on; 0 for a circuit that closed or lets a probe through."""
    why: str


class HostRecord(Record):
    """How the host of one source was treated, and how it bore that."""

    source: str
    requests: int
    """Attempts sent, abandoned ones too."""
    refused: int
    """429s among their answers."""
    abandoned: int
    """Attempts that were cancelled, as another was answered first or their place was needed."""
    most_in_flight: int
    """The most attempts under way at once, overdue ones that were still listened to among them."""
    most_parked: int
    """The most overdue attempts that were listened to at once."""
    openings: int
    """How often the circuit opened."""
    circuit: Circuit
    """At the end, as what follows."""
    window: float
    """Attempts that were allowed in flight."""
    rate: float | None = None
    """Starts a second that were allowed; None when the host never refused one for their rate."""
    quota_remaining: int | None = None
    """Requests left of the host's counted window; None when it counts none."""
    samples: tuple[HostSample, ...] = ()
    """What it was allowed and what it did, over time; thinned out evenly when a run is long."""
    notes: tuple[HostNote, ...] = ()
    """Its pauses and what its circuit did, in the order of time."""
