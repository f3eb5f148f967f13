"""Hold what is known of one host by all that share its budget, and write it as text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

__all__ = ["NEVER", "Member", "State", "read_state", "write_state"]

NEVER = -1_000_000.0
"""A time before all others."""
FAR: Final = 1e12
"""Seconds or counts that no state comes to: beyond, sums of them are no numbers any more."""
SHAPE: Final = ConfigDict(extra="forbid", allow_inf_nan=False)

Time: TypeAlias = Annotated[float, Field(ge=-FAR, le=FAR)]
Amount: TypeAlias = Annotated[float, Field(ge=0, le=FAR)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=FAR)]


@dataclass(slots=True, kw_only=True)
class Member:
    """One process."""

    __pydantic_config__ = SHAPE

    seen: Time = 0.0
    busy: Count = 0
    want: Count = 0
    last: Time = NEVER
    """When it was last granted a start."""

    @property
    def demand(self) -> int:
        """Places in flight that it could use."""
        return self.busy + self.want


@dataclass(slots=True, kw_only=True)
class State:
    """One host; all times but `born` are seconds since then, of the keeper's own clock."""

    __pydantic_config__ = SHAPE

    born: Time
    """Seconds since the epoch of the clock."""
    epoch: str
    """Name of this life; all that was known is lost where another begins."""
    seen: Time = 0.0
    """The last word of any process."""
    members: dict[str, Member] = field(default_factory=dict)
    quiet: Time = 0.0
    """Until when nothing is granted, so that all who know of an earlier life can report."""
    rate: Amount = 0.0
    """R, starts a second of all together; 0 for no bound."""
    tat: Time = NEVER
    """When the next start is due by R."""
    grew: Time = 0.0
    """When R last grew."""
    flow: Amount = 0.0
    """Good answers, each fading with the time since."""
    flow_at: Time = 0.0
    began: Time = NEVER
    """When the first good answer came."""
    limit: Amount = 4.0
    """Attempts in flight that the host was found to bear; it begins small, as `Window` does."""
    shrunk: bool = False
    """Whether a refusal ever cut the limit; then it grows slowly."""
    cuts: Count = 0
    """Remedies of this spell of refusals that went to the limit."""
    cut_at: Time = NEVER
    refused_at: Time = NEVER
    hold: Time = NEVER
    """Until when the host is left alone."""
    ill_since: Time = -1.0
    """-1 when it is well."""
    probe_at: Time = NEVER
    probe: str = ""
    """The process whose probe is under way."""
    remaining: Annotated[int, Field(ge=-1, le=FAR)] = -1
    """Requests left of a counted window; -1 where none is known."""
    reset: Time = 0.0
    """When that window ends."""
    window: Time = NEVER
    """When it began, as far as that was seen."""
    period: Amount = 0.0
    largest: Count = 0
    told: bool = False
    """Whether an answer has told of this window."""


def write_state(state: State) -> str:
    """Return a state as JSON."""
    return json.dumps(asdict(state))


STATE: Final = TypeAdapter(State)


def read_state(text: str) -> State:
    """Return the state that `write_state`, or the script of `budget_script.py`, wrote.

    Raises:
        ValueError: the text is no such state, or one of times that lie ahead of it.
    """
    state = STATE.validate_json(text)
    # What fades since then would grow beyond all numbers.
    if state.flow_at > state.seen:
        raise ValueError("no state of a shared budget")
    return state
