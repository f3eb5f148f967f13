"""Hold what is known of one host by all that share its budget, and write it as text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

__all__ = ["NEVER", "Member", "State", "read_state", "write_state"]

NEVER = -1_000_000.0
"""A time before all others."""


@dataclass(slots=True, kw_only=True)
class Member:
    """One process."""

    seen: float = 0.0
    busy: int = 0
    want: int = 0
    last: float = NEVER
    """When it was last granted a start."""

    @property
    def demand(self) -> int:
        """Places in flight that it could use."""
        return self.busy + self.want


@dataclass(slots=True, kw_only=True)
class State:
    """One host; all times but `born` are seconds since then, of the keeper's own clock."""

    born: float
    """Seconds since the epoch of the clock."""
    epoch: str
    """Name of this life; all that was known is lost where another begins."""
    seen: float = 0.0
    """The last word of any process."""
    members: dict[str, Member] = field(default_factory=dict)
    quiet: float = 0.0
    """Until when nothing is granted, so that all who know of an earlier life can report."""
    rate: float = 0.0
    """R, starts a second of all together; 0 for no bound."""
    tat: float = NEVER
    """When the next start is due by R."""
    grew: float = 0.0
    """When R last grew."""
    flow: float = 0.0
    """Good answers, each fading with the time since."""
    flow_at: float = 0.0
    began: float = NEVER
    """When the first good answer came."""
    limit: float = 4.0
    """Attempts in flight that the host was found to bear; it begins small, as `Window` does."""
    shrunk: bool = False
    """Whether a refusal ever cut the limit; then it grows slowly."""
    cuts: int = 0
    """Remedies of this spell of refusals that went to the limit."""
    cut_at: float = NEVER
    refused_at: float = NEVER
    hold: float = NEVER
    """Until when the host is left alone."""
    ill_since: float = -1.0
    """-1 when it is well."""
    probe_at: float = NEVER
    probe: str = ""
    """The process whose probe is under way."""
    remaining: int = -1
    """Requests left of a counted window; -1 where none is known."""
    reset: float = 0.0
    """When that window ends."""
    window: float = NEVER
    """When it began, as far as that was seen."""
    period: float = 0.0
    largest: int = 0
    told: bool = False
    """Whether an answer has told of this window."""


def write_state(state: State) -> str:
    """Return a state as JSON."""
    return json.dumps(asdict(state))


def read_state(text: str) -> State:
    """Return the state that `write_state`, or the script of `budget_script.py`, wrote.

    Raises:
        ValueError: the text is no such state.
    """
    try:
        found = json.loads(text)
        members = {name: Member(**each) for name, each in found.pop("members").items()}
        return State(members=members, **found)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("no state of a shared budget") from error
