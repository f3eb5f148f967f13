"""Hold what a moment is in a file: a text that every reader takes for the same point in time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

__all__ = ["Moment", "moment"]


def moment(text: str) -> str:
    """Return *text* if it is a moment, so that whoever reads a record can rely on it.

    Raises:
        ValueError: it is no ISO 8601, or names no zone.
    """
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no zone is given")
    return text


Moment: TypeAlias = Annotated[
    str, AfterValidator(moment), Field(json_schema_extra={"format": "date-time"})
]
"""ISO 8601 with its zone; ours are in UTC, to the second."""
