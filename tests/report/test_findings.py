"""What a person is told to type meets what the run met, and is one command to a shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from manifests.errors import ErrorCode
from manifests.report.exits import ExitCode
from manifests.report.findings import reproduce, typed, verdict
from manifests.results import Failure, Outcome, State
from manifests.traffic import Circuit, HostNote, HostRecord

if TYPE_CHECKING:
    from tests.report.conftest import MakesRun


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("", ["manifests", "retry"]),
        (" --sandbox --out o", ["manifests", "retry", "--sandbox", "--out", "o"]),
        (" --config f.toml", ["manifests", "--config", "f.toml", "retry"]),
        (
            " --config 'my file.toml' --out 'a;b'",
            ["manifests", "--config", "my file.toml", "retry", "--out", "a;b"],
        ),
        (
            " --config '--out' --state '$x'",
            ["manifests", "--config", "--out", "retry", "--state", "$x"],
        ),
    ],
)
def test_options_are_repeated_where_they_belong(flags: str, words: list[str]) -> None:
    """The settings file goes before the command, all else behind it, in a shell's quotes."""
    assert shlex.split(typed("retry", flags)) == words


def test_a_hostile_name_stays_one_word() -> None:
    """The name of a filter is one argument, whatever it holds, and so is a settings file."""
    failure = Failure(code=ErrorCode.NOT_FOUND, cause="gone", next_step="look")
    outcome = Outcome(
        source="civitai", filter="filter/$(x) y", state=State.MISSING, failure=failure
    )
    command = reproduce(outcome, " --config 'a b; c'")
    assert shlex.split(command) == [
        *("manifests", "--config", "a b; c", "test-filter", "civitai:filter/$(x) y")
    ]


def host(circuit: Circuit, *notes: HostNote) -> HostRecord:
    """Return how the host of `civitai` was treated."""
    return HostRecord(
        source="civitai", requests=9, refused=0, abandoned=0, most_in_flight=4, most_parked=0,
        openings=1, circuit=circuit, window=4, notes=notes,
    )  # fmt: skip


OPENED = HostNote(at=1, kind="open", seconds=8, why="HTTP 503\x1b[2J")
PROBED = HostNote(at=9, kind="half-open", seconds=0, why="a probe")


@pytest.mark.parametrize(
    ("record", "code", "said"),
    [
        (
            host("open", OPENED, PROBED),
            ErrorCode.DEADLINE_EXCEEDED,
            "civitai was down until then: HTTP 503\\x1b[2J; see: manifests doctor",
        ),
        (
            host("half-open"),
            ErrorCode.CANCELLED,
            "civitai was down until then; see: manifests doctor",
        ),
        (host("closed", OPENED, PROBED), ErrorCode.DEADLINE_EXCEEDED, None),
        (host("open", OPENED), ErrorCode.CIRCUIT_OPEN, None),
    ],
)
def test_a_host_that_was_down_is_named(
    make_run: MakesRun, record: HostRecord, code: ErrorCode, said: str | None
) -> None:
    """Filters whose turn never came don't hide that their host was down; others tell it alone."""
    failure = Failure(code=code, cause="cut short", next_step="run again")
    outcome = Outcome(source="civitai", filter="filter/a", state=State.STALE, failure=failure)
    run = make_run(outcome).model_copy(update={"ended_by": "deadline", "hosts": (record,)})
    lines = list(verdict(run, ExitCode.TOO_MANY_FAILED, max_failed=1.0))
    assert lines == [
        "ended early by the deadline; what was complete is published",
        *([said] if said else []),
        "exit code 3",
    ]
