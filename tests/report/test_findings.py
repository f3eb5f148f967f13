"""What a person is told to type meets what the run met, and is one command to a shell."""

from __future__ import annotations

import shlex

import pytest

from manifests.errors import ErrorCode
from manifests.report.findings import reproduce, typed
from manifests.results import Failure, Outcome, State


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
