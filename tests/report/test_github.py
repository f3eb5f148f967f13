"""GitHub Actions gets annotations that it shows, and outputs that it reads, whatever they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ErrorCode
from manifests.report.github import MOST_ANNOTATIONS, output_lines, outputs, render
from manifests.report.story import tell
from manifests.results import Outcome, PlanRecord, RunRecord, State

if TYPE_CHECKING:
    from tests.report.conftest import MakesFailed, MakesRun

FRESH = Outcome(source="civitai", filter="filter/z", state=State.FRESH)


def commands(record: RunRecord) -> list[str]:
    """Return the commands of a run."""
    return render(tell(record)).decode().splitlines()


def read_outputs(data: bytes) -> dict[str, str]:
    """Return what GitHub's runner reads from the file."""
    found = {}
    lines = iter(data.decode().split("\n"))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value: list[str] = []
            while (following := next(lines)) != delimiter:
                value.append(following)
            found[name] = "\n".join(value)
    return found


def test_a_failure_is_an_annotation(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """It has the code and how many filters it met as title, and cause and command as message."""
    record = make_run(*make_failed("filter/x", "filter/y", cause="100% ill: a, b"))
    (line,) = commands(record)
    title, _, message = line.partition(" of civitai::")
    assert title == "::error title=API_ERROR%3A 2 filters"
    assert message.split("%0A") == [
        "100%25 ill: a, b",
        "next: run it again",
        "see one: manifests test-filter civitai:filter/x",
    ]


def test_what_is_allowed_to_fail_is_a_warning(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """A step that succeeds shows no error."""
    plan = PlanRecord(filters=2, queries=1, max_failed=0.5)
    (line,) = commands(make_run(*make_failed("filter/x"), FRESH, plan=plan))
    assert line.startswith("::warning title=")


def test_all_is_well(make_run: MakesRun) -> None:
    """Where nothing failed, nothing is said."""
    assert commands(make_run(FRESH)) == []


@pytest.mark.parametrize("kinds", [MOST_ANNOTATIONS, MOST_ANNOTATIONS + 1, 40])
def test_there_are_no_more_than_are_shown(
    make_run: MakesRun, make_failed: MakesFailed, kinds: int
) -> None:
    """GitHub shows ten; when there are more kinds of failure the last one counts the rest."""
    outcomes = [
        each for n in range(kinds) for each in make_failed(f"filter/{n}", next_step=f"try {n}")
    ]
    lines = commands(make_run(*outcomes))
    assert len(lines) == MOST_ANNOTATIONS
    rest = kinds - MOST_ANNOTATIONS + 1
    more = f"::error title={rest} further kinds of failure%2C {rest} filters::"
    assert lines[-1].startswith(more) is (kinds > MOST_ANNOTATIONS)


def test_a_code_of_two_parts_is_one_title(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """What the terminal shows on two lines is one here."""
    (outcome,) = make_failed("filter/x", code=ErrorCode.MAX_RETRIES_EXCEEDED)
    assert outcome.failure is not None
    failure = outcome.failure.model_copy(update={"last_code": ErrorCode.TIMEOUT})
    (line,) = commands(make_run(outcome.model_copy(update={"failure": failure})))
    assert line.startswith("::error title=MAX_RETRIES_EXCEEDED (TIMEOUT)%3A 1 filter of civitai::")


def test_the_outputs(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """Steps that follow learn what became of the run, and whether there is anything to commit."""
    written = ("civitai-models.json", "civitai-filter-z.json", "status.json")
    found = outputs(tell(make_run(FRESH, *make_failed("filter/x"), written=written)))
    assert found == {
        "exit_code": "3",
        "verdict": "1 of 2 filters failed, more than allowed: 2 of 2 manifests stand in manifests/:"
        " 1 new, 1 kept stale — 0 requests in 12 s",
        "run": "20260801T120000Z-0000",
        "filters": "2",
        "failed": "1",
        "fresh": "1",
        "unchanged": "0",
        "stale": "1",
        "quarantined": "0",
        "missing": "0",
        "changed": "2",
        "requests": "0",
    }


def test_a_run_that_found_nothing_new_has_nothing_to_commit(make_run: MakesRun) -> None:
    """That the status was written is no change."""
    assert outputs(tell(make_run(FRESH, written=("status.json",))))["changed"] == "0"


VALUES = st.text(st.sampled_from("END_<=\nab"), max_size=20)


@given(values=st.dictionaries(st.sampled_from(["run", "verdict", "failed"]), VALUES))
def test_outputs_are_read_as_they_were(values: dict[str, str]) -> None:
    """No value ends early, or adds an output of its own."""
    assert read_outputs(output_lines(values)) == values
