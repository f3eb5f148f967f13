"""Describe the lines of the event log: one JSON object for each thing that happens in a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, RootModel

from manifests.errors import ErrorCode
from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    HostSampled,
    Noted,
    RunPlanned,
)
from manifests.models import Record
from manifests.results import Failure, State
from manifests.traffic import Circuit

if TYPE_CHECKING:
    from datetime import datetime

    from manifests.events import Event

__all__ = [
    "AnyLine",
    "AttemptLine",
    "CircuitLine",
    "EndedLine",
    "ErrorLine",
    "EventLine",
    "HeldLine",
    "JudgedLine",
    "NoteLine",
    "PlannedLine",
    "SampleLine",
    "SettledLine",
    "encode_line",
    "line_of",
    "moment",
]


class Line(Record):
    """What every line has; names of events and fields are published, so none is renamed."""

    at: str
    """ISO 8601, UTC, to the millisecond."""
    elapsed: float
    """Seconds since the run began."""


class PlannedLine(Line):
    """The definitions are valid, and so many filters share so many listings."""

    event: Literal["run.planned"] = "run.planned"
    run: str
    """Id of the run; empty where its record will be kept nowhere."""
    filters: int
    queries: int


class AttemptLine(Line):
    """A request was answered or given up."""

    event: Literal["attempt.ended"] = "attempt.ended"
    source: str
    number: int
    """1 for the first try at a page."""
    url: str
    """As sent; tokens travel in a header and never stand here."""
    seconds: float
    """From sending until the last byte was read, or the attempt was given up."""
    status: int | None
    """HTTP status; null when there was no answer."""
    bytes: int
    """Size of the decoded body."""
    code: ErrorCode | None
    """Null when the answer was good."""
    cause: str
    wait: float
    """Seconds of back-off that this attempt earned its page."""


class HeldLine(Line):
    """A host asked for a pause: nothing is sent to it until then."""

    event: Literal["host.held"] = "host.held"
    source: str
    seconds: float
    """From now."""
    why: str


class CircuitLine(Line):
    """A host failed so much that only single probes go to it, or it answers again."""

    event: Literal["circuit.changed"] = "circuit.changed"
    source: str
    circuit: Circuit
    seconds: float
    """From now until the next probe; 0 while one is under way, and when all is well again."""
    why: str


class SampleLine(Line):
    """What a host is allowed at this moment, and what is under way."""

    event: Literal["host.sampled"] = "host.sampled"
    source: str
    window: float
    """Attempts that are allowed in flight."""
    rate: float | None
    """Starts a second that are allowed; null when the host never refused one for their rate."""
    in_flight: int
    waiting: int
    """Pages whose turn has not come."""


class SettledLine(Line):
    """The candidate of a filter is there, or is known not to come; nothing is judged yet."""

    event: Literal["filter.settled"] = "filter.settled"
    source: str
    filter: str
    failure: Failure | None
    keeps_old: bool
    """Whether a manifest published before stays in place of one that failed."""


class JudgedLine(Line):
    """The run is over, and this is what stands in the published set for a filter."""

    event: Literal["filter.judged"] = "filter.judged"
    source: str
    filter: str
    state: State
    count: int | None
    """Models in the manifest made in this run; null when none was made."""
    previous: int | None
    """Models in the manifest published before; null when there was none."""
    attempts: int
    waited: float
    """Seconds of back-off among those attempts."""
    failure: Failure | None


class NoteLine(Line):
    """Something that a person should know once."""

    event: Literal["note"] = "note"
    message: str


class ErrorLine(Line):
    """The command ends here, for something that it expected might be wrong."""

    event: Literal["error"] = "error"
    cause: str
    next_step: str
    """What to type or do next; may be empty."""
    exit_code: int


class EndedLine(Line):
    """The run is over; only what became of its reports may follow, as notes or an error."""

    event: Literal["run.ended"] = "run.ended"
    run: str
    ended_by: str
    """`completion`, `deadline`, or the name of a signal."""
    exit_code: int
    verdict: tuple[str, ...]
    """Why the exit code is what it is, for a person; empty when all is well."""
    seconds: float
    """How long the run took."""
    states: Mapping[State, int]
    """How many filters ended in each state."""
    requests: int
    retries: int
    """Requests for a page that had been asked for before."""
    bytes: int
    """Decoded bytes of all bodies."""
    waited: float
    """Seconds of back-off, over all pages."""


AnyLine: TypeAlias = (
    PlannedLine
    | AttemptLine
    | HeldLine
    | CircuitLine
    | SampleLine
    | SettledLine
    | JudgedLine
    | NoteLine
    | ErrorLine
    | EndedLine
)


class EventLine(RootModel[Annotated[AnyLine, Field(discriminator="event")]]):
    """One line of the event log; its field `event` tells which."""


LINES: Mapping[type[Event], type[AnyLine]] = {
    RunPlanned: PlannedLine,
    HostHeld: HeldLine,
    CircuitChanged: CircuitLine,
    FilterSettled: SettledLine,
}


def line_of(event: Event, *, at: str, elapsed: float) -> AnyLine | None:
    """Return the line for what happened in a run; None for what its end tells as well.

    Args:
        event: what happened.
        at: when, as ISO 8601.
        elapsed: seconds since the run began.
    """
    if isinstance(event, AttemptStarted):
        return None
    if isinstance(event, AttemptEnded):
        fields = event.attempt.model_dump(exclude={"started"})
        return AttemptLine(at=at, elapsed=elapsed, source=event.source, **fields)
    if isinstance(event, HostSampled):
        fields = event.sample.model_dump(exclude={"at"})
        return SampleLine(at=at, elapsed=elapsed, source=event.source, **fields)
    if isinstance(event, Noted):
        return NoteLine(at=at, elapsed=elapsed, message=event.message)
    # The rest have the fields of their lines, and under the same names.
    fields = {name: getattr(event, name) for name in event.__slots__}
    if "seconds" in fields:
        fields["seconds"] = round(fields["seconds"], 3)
    return LINES[type(event)](at=at, elapsed=elapsed, **fields)


def encode_line(line: AnyLine) -> str:
    """Return a line with its end, all of it ASCII.

    Escaped, no text of upstream's can break a line, drive a terminal or turn what is read around.
    """
    fields = line.model_dump(mode="json")
    return f"{json.dumps(fields, ensure_ascii=True, separators=(',', ':'))}\n"


def moment(when: datetime) -> str:
    """Return a moment as ISO 8601, in UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
