"""Text that may name a path goes into any file, whatever bytes the path holds."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests.errors import ErrorCode, StoreError
from manifests.legible import legible
from manifests.results import Failure, PlanRecord

ODD = os.fsdecode(b"out\xff")
"""A name that is no UTF-8."""


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_becomes_one_that_can_be_written(text: str) -> None:
    """The result is UTF-8, and sound text stays as it is."""
    shown = legible(text)
    assert shown.encode().decode() == shown
    assert legible(shown) == shown
    assert (shown == text) is not any("\ud800" <= letter <= "\udfff" for letter in text)


def test_errors_and_records_can_be_written_whatever_path_they_name() -> None:
    """An error that names such a path, its failure and its plan all become JSON."""
    error = StoreError(f"{ODD} is full", next_step=f"free {ODD}")
    failure = Failure(code=ErrorCode.STORE_ERROR, cause=ODD, next_step=error.next_step)
    plan = PlanRecord(filters=1, queries=1, out=ODD, flags=f" --out {ODD}")
    assert (str(error), error.next_step) == ("out\\udcff is full", "free out\\udcff")
    assert Failure.model_validate_json(failure.model_dump_json()) == failure
    assert plan.model_dump()["out"] == "out\\udcff"


def test_what_is_no_text_is_refused_as_before() -> None:
    """Only text is made legible; a number is no cause."""
    with pytest.raises(ValidationError):
        Failure.model_validate({"code": "STORE_ERROR", "cause": 1, "next_step": ""})
