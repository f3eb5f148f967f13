"""Hold which numbers a run may come to, and read its record: what counts further breaks readers."""

from __future__ import annotations

from typing import Final

from pydantic_core import from_json

from manifests.results import RunRecord

__all__ = ["is_countable", "read_run"]

MOST_COUNT: Final = 2**53
MOST_SECONDS: Final = 1e10
"""Three centuries; a run can't end in the year 10,000."""


def read_run(data: bytes) -> RunRecord:
    """Return the run record that JSON holds.

    Raises:
        ValueError: it holds none; it is pydantic's `ValidationError` where the shape is wrong.
    """
    record = RunRecord.model_validate_json(data)
    if not is_countable(from_json(data)):
        raise ValueError("it counts further than any run")
    return record


def is_countable(value: object) -> bool:
    """Tell whether all numbers in decoded JSON are such as a run may come to.

    Formats have no words for others: JSON of ours ends at 64 bits, and the calendar at year 9999.
    """
    if isinstance(value, dict):
        return all(map(is_countable, value.values()))
    if isinstance(value, list):
        return all(map(is_countable, value))
    if isinstance(value, float):
        return abs(value) < MOST_SECONDS
    return not isinstance(value, int) or abs(value) < MOST_COUNT
