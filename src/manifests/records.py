"""Say what all records have in common that are checked when they are made."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["LATER", "Record"]

LATER: Final = ConfigDict(defer_build=True)
"""Makes what reads a type when it is first used: a run knows many types, and meets few of them."""


class Record(BaseModel):
    """A frozen record that knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", **LATER)
