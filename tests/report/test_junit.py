"""CI systems read a run as tests: what is not as upstream answered has failed, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from manifests.errors import ErrorCode
from manifests.report.junit import render, seconds_of
from manifests.report.plain import plain
from manifests.report.story import tell
from manifests.results import Outcome, QueryRecord, RunRecord, State
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.report.conftest import MakesFailed, MakesRun

SCHEMA = xmlschema.XMLSchema(Path(__file__).parents[1] / "data" / "junit.xsd")


def suites(record: RunRecord) -> ET.Element:
    """Return a run as its reader sees it, once it is known to be valid."""
    data = render(tell(record))
    SCHEMA.validate(data.decode().partition("\n")[2])
    return ET.fromstring(data)  # noqa: S314 - our own


def test_a_run_in_which_everything_happened_is_valid(eventful: RunRecord) -> None:
    """Each source is a suite and each filter a case, and the sums are right."""
    root = suites(eventful)
    assert [each.get("name") for each in root] == sorted({o.source for o in eventful.outcomes})
    cases = [(each.get("classname"), each.get("name")) for each in root.iter("testcase")]
    assert sorted(cases) == sorted((o.source, plain(o.filter)) for o in eventful.outcomes)
    for tag, total in (("failure", "failures"), ("error", "errors")):
        found = [len(list(suite.iter(tag))) for suite in root]
        assert [suite.get(total) for suite in root] == [str(count) for count in found]
        assert root.get(total) == str(sum(found))
    assert root.get("tests") == str(len(eventful.outcomes))


@pytest.mark.parametrize(
    ("state", "code", "tag", "type_"),
    [
        (State.STALE, ErrorCode.API_ERROR, "failure", "API_ERROR"),
        (State.MISSING, ErrorCode.CANCELLED, "failure", "CANCELLED"),
        (State.STALE, ErrorCode.CANCELLED, "skipped", None),
        (State.STALE, ErrorCode.DEADLINE_EXCEEDED, "failure", "DEADLINE_EXCEEDED"),
        (State.QUARANTINED, ErrorCode.QUARANTINED, "failure", "QUARANTINED"),
        (State.STALE, ErrorCode.STORE_ERROR, "error", "STORE_ERROR"),
        (State.MISSING, ErrorCode.STORE_ERROR, "error", "STORE_ERROR"),
    ],
)
def test_what_failed_how(
    make_run: MakesRun,
    make_failed: MakesFailed,
    *,
    state: State,
    code: ErrorCode,
    tag: str,
    type_: str | None,
) -> None:
    """Upstream's failures are failures, this machine's are errors, what nobody tried is skipped."""
    root = suites(make_run(*make_failed("filter/x", state=state, code=code)))
    (case,) = root.iter("testcase")
    assert [(each.tag, each.get("type")) for each in case] == [(tag, type_)]
    assert case[0].get("message") == f"{state}: HTTP 503: upstream is ill"
    assert root[0].get("skipped") == str(int(tag == "skipped"))


@pytest.mark.parametrize("state", [State.STALE, State.MISSING, State.QUARANTINED])
def test_a_failure_nobody_explained(make_run: MakesRun, state: State) -> None:
    """A case never passes for want of a reason."""
    root = suites(make_run(Outcome(source="civitai", filter="filter/x", state=state)))
    (case,) = root.iter("testcase")
    assert [(each.tag, each.get("type")) for each in case] == [("failure", state.value)]


def test_a_failure_says_what_to_type(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """Cause, what next and the command stand on lines of their own, with since when it is stale."""
    (outcome,) = make_failed("filter/x")
    since = outcome.model_copy(update={"stale_since": "2026-07-30T00:00:00Z"})
    (failure,) = suites(make_run(since)).iter("failure")
    assert (failure.text or "").splitlines() == [
        "API_ERROR",
        "HTTP 503: upstream is ill",
        "stale since 2026-07-30T00:00:00Z",
        "next: run it again",
        "see: manifests test-filter civitai:filter/x",
    ]


def test_a_run_of_nothing_is_valid(make_run: MakesRun) -> None:
    """Without filters there is no suite, and that is no error of the report's."""
    root = suites(make_run())
    assert (root.get("tests"), len(root)) == ("0", 0)


def test_a_suite_says_where_it_comes_from(make_run: MakesRun) -> None:
    """Run, exit code and how the source was asked are properties of the suite."""
    root = suites(make_run(Outcome(source="civitai", filter="filter/x", state=State.FRESH)))
    facts = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert facts == {
        "run": "20260801T120000Z-0000",
        "ended_by": "completion",
        "exit_code": "0",
        "tool": "0",
        "auth": "unknown",
        "endpoint": "unknown",
    }
    assert root[0].get("timestamp") == "2026-08-01T12:00:00"


def test_time_is_counted_once() -> None:
    """Filters that share a listing share its seconds, so that their sum is what it took."""
    attempts = tuple(
        Attempt(number=n, url="any", started=0, seconds=2, wait=1) for n in range(1, 3)
    )
    shared = QueryRecord(
        source="civitai", parameters=(), filters=("filter/x", "filter/y"), attempts=attempts
    )
    assert seconds_of([shared, shared.model_copy(update={"filters": ()})]) == {
        ("civitai", "filter/x"): 3.0,
        ("civitai", "filter/y"): 3.0,
    }
