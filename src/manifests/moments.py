"""Hold what a moment is in a file: a text that every reader takes for the same point in time."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

__all__ = ["Moment", "moment"]


def moment(text: str) -> str:
    """Return *text* if it is a moment, so that whoever reads a record can rely on it.

    Raises:
        ValueError: it is no ISO 8601, names no zone, or lies at an end of time.
    """
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("no zone is given")
    # There another zone, or the length of a run, would lead out of the calendar.
    if when.year in {MINYEAR, MAXYEAR}:
        raise ValueError("no run was made in that year")
    return text


Moment: TypeAlias = Annotated[
    str, AfterValidator(moment), Field(json_schema_extra={"format": "date-time"})
]
"""ISO 8601 with its zone; ours are in UTC, to the second."""
