"""Say what processes that share one budget for a host ask of it, and what it answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, Protocol, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

from manifests.errors import ManifestsError

__all__ = ["Ask", "Budget", "BudgetLostError", "Reply", "key_of", "read_reply"]

Amount: TypeAlias = Annotated[float, Field(ge=0)]


class BudgetLostError(ManifestsError):
    """Whoever keeps the budget can't be asked now; a later try may succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a process tells since its last word, and how many starts it would like.

    What it has in flight is told as it stands, not as a change: a lost word costs nothing, and a
    budget that was forgotten knows it again.
    """

    member: str
    """Name of the process, drawn by chance."""
    busy: int = 0
    """Attempts under way, with the leases that it still holds."""
    want: int = 0
    """Attempts that it could start now, if it were let."""
    ceiling: int = 8
    """Attempts in flight that all processes together may reach, at most."""
    epoch: str = ""
    """The life of the budget that it knows; empty before the first answer."""
    at: float = -1.0
    """The keeper's time when this was said, or a little before, in seconds of that life: words may
    come late. -1 before the first answer."""
    rate: float = 0.0
    """Starts a second that it knows as the budget's; 0 for none."""
    good: int = 0
    """Good answers since its last word."""
    failed: int = 0
    """Answers that blame the host."""
    lost: int = 0
    """Attempts that ended without a word about the quota."""
    refused: float = -1.0
    """Seconds since that request was sent which the host refused last; -1 for none."""
    hold: float = 0.0
    """Seconds for which the host is to be left alone, as this process heard."""
    ill: float = -1.0
    """Seconds until the next probe of a host that was just found ill; -1 where it was not."""
    quota: tuple[tuple[int, float, float], ...] = ()
    """What answers said of a counted window: requests left, seconds to its end, and how many
    seconds ago the request was sent."""
    leaves: bool = False
    """Whether this is its last word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the budget allows, and what others told it; times are seconds from now."""

    __pydantic_config__ = ConfigDict(extra="ignore", allow_inf_nan=False)

    epoch: str
    """The life of the budget: a new one begins where all was forgotten."""
    at: Amount = 0.0
    """The keeper's time, in seconds of that life."""
    granted: Annotated[int, Field(ge=0)] = 0
    """Starts that are leased."""
    delay: Amount = 0.0
    """Until the first of them."""
    wait: Amount = 1.0
    """Until it is worth asking again, where none is leased."""
    hold: Amount = 0.0
    """Until the pause of the host ends."""
    rate: Amount = 0.0
    """Starts a second of all processes together; 0 when no rate is known to be too much."""
    alive: Annotated[int, Field(ge=1)] = 1
    """Processes that were heard lately."""
    ill: float = -1.0
    """Seconds for which the host has been ill; -1 when it is well."""
    probe: Amount = 0.0
    """Until an ill host is probed."""


REPLY: Final = TypeAdapter(Reply)


def read_reply(text: str) -> Reply:
    """Return the answer that stands as JSON; what a later version adds to it is no harm.

    Raises:
        ValueError: it is none, or tells of times and numbers that are none.
    """
    return REPLY.validate_json(text)


class Budget(Protocol):
    """Whoever keeps the budget of each host for several processes."""

    @property
    def name(self) -> str:
        """Where it is kept, without any secret."""
        ...

    async def exchange(self, key: str, ask: Ask) -> Reply:
        """Tell and ask, as one step that no other process comes between.

        Args:
            key: the host, as `key_of` names it.
            ask: what to tell and to ask for.

        Raises:
            BudgetLostError: nobody answers.
        """
        ...


def key_of(host: str) -> str:
    """Return the name of a host's budget: it tells neither endpoint nor who asks."""
    return hashlib.sha256(host.encode()).hexdigest()[:32]
