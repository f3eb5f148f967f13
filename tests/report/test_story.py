"""A story says how a run is to be judged, by what its record says of itself."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ErrorCode
from manifests.report.exits import ExitCode
from manifests.report.story import MAX_FAILED, PAST_RUNS, PastRun, requoted, tell
from manifests.results import Failure, Outcome, PlanRecord, RunRecord, State

if TYPE_CHECKING:
    from tests.report.conftest import MakesFailed, MakesRun

GOOD = [
    Outcome(source="civitai", filter=f"filter/{n}", state=State.FRESH, count=1) for n in range(8)
]
FULL = Failure(code=ErrorCode.STORE_ERROR, cause="the disk is full", next_step="free space")


@pytest.mark.parametrize(
    ("max_failed", "judged_by", "code"),
    [(None, MAX_FAILED, 3), (0.5, 0.5, 0), (0.0, 0.0, 3)],
)
def test_a_run_is_judged_by_its_own_measure(
    make_run: MakesRun,
    make_failed: MakesFailed,
    max_failed: float | None,
    judged_by: float,
    code: int,
) -> None:
    """What was allowed to fail then decides later too; where nothing was said, the usual share."""
    plan = PlanRecord(filters=10, queries=10, max_failed=max_failed)
    story = tell(make_run(*GOOD, *make_failed("filter/x", "filter/y"), plan=plan))
    assert (story.max_failed, story.exit_code.value) == (judged_by, code)


def test_a_record_of_an_older_version_has_a_story(make_run: MakesRun) -> None:
    """Without a plan the folder is that of whoever asks, and commands get nothing added."""
    story = tell(make_run(*GOOD), out="here")
    assert (story.out, story.flags, story.exit_code) == ("here", "", ExitCode.OK)


def test_what_the_record_names_goes_before(make_run: MakesRun) -> None:
    """A story is the same wherever it is told: folder and flags are those of the run."""
    plan = PlanRecord(filters=1, queries=1, out="there", flags=" --sandbox --out there")
    story = tell(make_run(*GOOD, plan=plan), out="here")
    assert (story.out, story.flags) == ("there", " --sandbox --out there")


@pytest.mark.parametrize(
    ("flags", "safe"),
    [
        ("", ""),
        (" --sandbox", " --sandbox"),
        (" --out 'a folder'", " --out 'a folder'"),
        ("; rm -rf ~", " ';' rm -rf '~'"),
        ("$(reboot) `reboot`", " '$(reboot)' '`reboot`'"),
        ("--out 'open", ""),
    ],
)
def test_flags_are_arguments(flags: str, safe: str) -> None:
    """What a record adds to a command that is copied can't be a command of its own."""
    assert requoted(flags) == safe


@given(flags=st.text())
def test_flags_hold_no_line_of_their_own(flags: str) -> None:
    """Whatever a record says, the shell finds words, each of them one and the same."""
    safe = requoted(flags)
    assert safe == "" or shlex.join(shlex.split(safe)) == safe.removeprefix(" ")
    assert all(letter.isprintable() for letter in safe)


@pytest.mark.parametrize("is_known", [True, False])
def test_the_past_is_what_came_before(make_run: MakesRun, *, is_known: bool) -> None:
    """Runs that began later are no part of a run's story, nor those of long ago, nor itself.

    Two may begin in one second, and then only their order in the history tells which was first.
    """
    record = make_run(*GOOD)
    later = PastRun(run="20260801T120000Z-ffff", started="2026-08-01T12:00:00Z")
    itself = PastRun(run=record.run, started=record.started)
    twin = PastRun(run="20260801T120000Z-8888", started=record.started)
    before = [
        PastRun(run=f"2026{n:04}T000000Z-0000", started="2026-07-01T00:00:00Z")
        for n in range(700, 600, -1)
    ]
    runs = [later, itself, twin, *before] if is_known else [later, *before]
    expected = [twin, *before] if is_known else before
    assert tell(record, past=runs).past == tuple(expected[:PAST_RUNS])


@pytest.mark.parametrize(
    ("states", "fields", "title"),
    [
        ([State.FRESH, State.UNCHANGED], {}, "All is well"),
        ([State.FRESH] * 19 + [State.STALE], {}, "1 of 20 filters failed"),
        ([State.FRESH, State.STALE], {}, "1 of 2 filters failed, more than allowed"),
        ([State.MISSING], {}, "Nothing was made"),
        ([State.FRESH], {"ended_by": "SIGTERM"}, "Interrupted by SIGTERM"),
        ([State.FRESH], {"ended_by": "deadline"}, "All is well"),
        ([State.FRESH], {"refusal": FULL}, "Not every file could be written"),
    ],
)
def test_the_verdict_in_a_few_words(
    make_run: MakesRun, states: list[State], fields: dict[str, object], title: str
) -> None:
    """The title says the gravest of it."""
    outcomes = [
        Outcome(source="civitai", filter=f"filter/{n}", state=state)
        for n, state in enumerate(states)
    ]
    assert tell(make_run(*outcomes, **fields)).title == title


def test_a_record_reads_what_it_wrote(eventful: RunRecord) -> None:
    """The JSON under its published names is the record again."""
    assert RunRecord.model_validate_json(eventful.model_dump_json(by_alias=True)) == eventful
    assert RunRecord.model_validate_json(eventful.model_dump_json()) == eventful
