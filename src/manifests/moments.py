"""Hold what a moment is in a file: one that every reader takes for the same point in time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

__all__ = ["Instant", "Moment", "instant", "moment"]

FIRST_YEAR, LAST_YEAR = 1000, 9000
"""Between which no other zone, length of a run or age of a page leads out of the calendar."""


def moment(text: str) -> str:
    """Return *text* if it is a moment, so that whoever reads a record can rely on it.

    Raises:
        ValueError: it is no ISO 8601, names no zone, or lies near an end of the calendar.
    """
    instant(datetime.fromisoformat(text))
    return text


def instant(when: datetime) -> datetime:
    """Return *when* if it can be compared with now, told in any zone, and reckoned with.

    Raises:
        ValueError: it names no zone, or no clock ever showed it.
    """
    if when.tzinfo is None:
        raise ValueError("no zone is given")
    if not FIRST_YEAR <= when.year <= LAST_YEAR:
        raise ValueError("no run was made in that year")
    return when


Instant: TypeAlias = Annotated[datetime, AfterValidator(instant)]
"""A moment of our own notes, decoded."""

Moment: TypeAlias = Annotated[
    str, AfterValidator(moment), Field(json_schema_extra={"format": "date-time"})
]
"""ISO 8601 with its zone; ours are in UTC, to the second."""
