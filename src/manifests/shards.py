"""Hold which share of a run was made where, when several machines make one run together."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from manifests.models import Record
from manifests.moments import Moment
from manifests.traffic import HostRecord

__all__ = ["MOST_SHARDS", "ShardPart", "ShardRecord"]

MOST_SHARDS: Final = 256
"""More would each make next to nothing, and all ask the same two hosts."""


class ShardPart(Record):
    """Which shard of how many something belongs to."""

    number: int = Field(ge=1)
    """From 1."""
    of: int = Field(ge=1, le=MOST_SHARDS)
    """How many shards make a run together."""
    definitions: str
    """SHA-256 of all filters as they were defined, in hexadecimal: shards of others don't mix."""

    @model_validator(mode="after")
    def is_one_of_them(self) -> Self:
        """Refuse a number beyond the last.

        Raises:
            ValueError: it is.
        """
        if self.number > self.of:
            raise ValueError("there are not so many shards")
        return self

    @property
    def name(self) -> str:
        """As a person says it: `shard 2 of 4`."""
        return f"shard {self.number} of {self.of}"


class ShardRecord(Record):
    """What one shard brought into a merged run."""

    number: int
    filters: int
    """How many filters are its."""
    run: str | None = None
    """Id of its run; None for a shard that was lost, of which nothing else is known either."""
    started: Moment | None = None
    seconds: float | None = None
    ended_by: str | None = None
    """`completion`, `deadline`, or the name of a signal."""
    requests: int = 0
    platform: str | None = None
    """Where it was made."""
    hosts: tuple[HostRecord, ...] = ()
    """How it treated each host, by its own clock; shards know nothing of each other's pace."""
