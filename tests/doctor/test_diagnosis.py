"""Findings are counted, ordered, and harmless whatever stands in them."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from manifests.doctor.diagnosis import (
    Check,
    Diagnosis,
    Finding,
    Group,
    Level,
    failed,
    ok,
    refused,
    summary,
    warned,
)
from manifests.errors import ErrorCode, StoreError
from manifests.store.canonical import encode

ALL_WELL = ok(Check.TOOL, "well")
ODD = warned(Check.OUT, "odd", "look")
BAD = failed(Check.CANARY, "bad", "mend", source="civitai", code=ErrorCode.TIMEOUT)


def diagnosis(*findings: Finding, offline: bool = False) -> Diagnosis:
    """Return a diagnosis with these findings."""
    started = "2026-08-01T12:00:00Z"
    return Diagnosis.of(findings, tool="1", started=started, seconds=1.25, offline=offline)


@pytest.mark.parametrize(
    ("findings", "expected", "has_failed"),
    [
        ((ALL_WELL,), "1 ok in 1.2 s", False),
        ((ALL_WELL, ODD), "1 ok, 1 warning in 1.2 s", False),
        ((ALL_WELL, ODD, ODD), "1 ok, 2 warnings in 1.2 s", False),
        ((BAD,), "0 ok, 1 failure in 1.2 s", True),
        ((ALL_WELL, ODD, BAD, BAD), "1 ok, 1 warning, 2 failures in 1.2 s", True),
    ],
)
def test_a_summary(findings: tuple[Finding, ...], expected: str, *, has_failed: bool) -> None:
    """Counts have their plurals, what is none is left out, and only failures are failures."""
    found = diagnosis(*findings)
    assert summary(found) == expected
    assert found.has_failed is has_failed


def test_who_asked_nobody_says_so() -> None:
    """A look without network does not pass for one with it."""
    assert summary(diagnosis(ALL_WELL, offline=True)).endswith("; no upstream was asked")


def test_the_order_is_that_of_the_groups() -> None:
    """Findings of a group stand together, in the order in which they came."""
    found = diagnosis(ODD, BAD, ALL_WELL, BAD)
    assert [each.group for each in found.findings] == [
        *(Group.TOOL, Group.UPSTREAM, Group.UPSTREAM, Group.FILES)
    ]


def test_each_check_has_a_group() -> None:
    """No group is without checks, and each check stands in one."""
    assert {check.group for check in Check} == set(Group)


def test_an_error_is_a_failure_in_its_own_words() -> None:
    """Cause and next step of an expected error are taken over."""
    found = refused(Check.OUT, StoreError("full", next_step="free space"))
    assert (found.level, found.found, found.next_step) == (Level.FAIL, "full", "free space")


@given(st.text())
def test_no_text_is_harmful(text: str) -> None:
    """Whatever stands in a file or an answer, a line is one line and turns no direction."""
    for found in (ok(Check.TOOL, text), warned(Check.TOOL, text, text)):
        assert found.found.isprintable()
        assert found.next_step.isprintable()
        assert len(found.found) <= 601
        encode(found.model_dump(mode="json"))


def test_the_shape_is_that_of_its_schema() -> None:
    """What `--json` prints fits the published schema, and nothing else does."""
    schema = Diagnosis.model_json_schema(by_alias=True, mode="serialization")
    validator = Draft202012Validator(schema)
    told = orjson.loads(
        encode(diagnosis(ALL_WELL, ODD, BAD).model_dump(mode="json", by_alias=True))
    )
    assert list(validator.iter_errors(told)) == []
    assert told["schema"] == 1
    assert told["counts"] == {"ok": 1, "warn": 1, "fail": 1}
    assert told["findings"][1] == {
        "check": "canary",
        "group": "upstream",
        "level": "fail",
        "source": "civitai",
        "found": "bad",
        "next_step": "mend",
        "code": "TIMEOUT",
        "timings": {},
    }
    told["findings"][0]["level"] = "fine"
    assert list(validator.iter_errors(told)) != []
