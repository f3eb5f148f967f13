"""Tell a run in the words of GitHub Actions: annotations, and outputs for the steps that follow."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from manifests.report.exits import ExitCode
from manifests.report.findings import failure_groups, headline, reproduce, shown_code
from manifests.report.plain import plain
from manifests.results import State
from manifests.store.names import STATUS_FILE
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.report.story import Story
    from manifests.results import Failure, Outcome

__all__ = ["MOST_ANNOTATIONS", "output_lines", "outputs", "render"]

MOST_ANNOTATIONS: Final = 10
"""GitHub shows ten errors and ten warnings of a step, and drops the rest without a word."""


def render(story: Story) -> bytes:
    """Return the failures as workflow commands, one for each kind of failure.

    They are errors where the run failed as a whole, else warnings. Source of the syntax and its
    escapes: GitHub's documentation of workflow commands, and `command.ts` of its toolkit.
    """
    level = "warning" if story.exit_code is ExitCode.OK else "error"
    groups = failure_groups(story.record)
    shown = groups if len(groups) <= MOST_ANNOTATIONS else groups[: MOST_ANNOTATIONS - 1]
    lines = [annotation(story, *group, level=level) for group in shown]
    if rest := groups[len(shown) :]:
        filters = sum(len(outcomes) for _, outcomes in rest)
        title = f"{counted(len(rest), 'further kind')} of failure, {counted(filters, 'filter')}"
        lines.append(command(level, title=title, message="see the summary of the job"))
    return "".join(f"{line}\n" for line in lines).encode()


def annotation(story: Story, failure: Failure, outcomes: list[Outcome], *, level: str) -> str:
    """Return the annotation of failures that are alike."""
    code = " ".join(shown_code(failure).split())
    title = f"{code}: {counted(len(outcomes), 'filter')} of {plain(outcomes[0].source)}"
    message = "\n".join(
        [
            plain(failure.cause),
            f"next: {plain(failure.next_step)}",
            f"see one: {reproduce(outcomes[0], story.flags)}",
        ]
    )
    return command(level, title=title, message=message)


def command(level: str, *, title: str, message: str) -> str:
    """Return one workflow command, escaped by GitHub's rules."""
    named = escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={named}::{escaped(message)}"


def escaped(text: str) -> str:
    """Return the message of a command; percent signs first, as they escape the others."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def outputs(story: Story) -> dict[str, str]:
    """Return name → value of the outputs of the step, each on one line.

    `changed` counts the published files that have new bytes: 0 means that there is nothing to
    commit, so `status.json`, which every run writes, is not among them.
    """
    record = story.record
    counts = record.counts
    sentence = f"{story.title}: {headline(record, PurePath(story.out))}"
    return {
        "exit_code": str(story.exit_code.value),
        "verdict": plain(sentence, most=1000),
        "run": plain(record.run),
        "filters": str(len(record.outcomes)),
        "failed": str(len(record.failures)),
        **{state.value: str(counts[state]) for state in State},
        "changed": str(sum(name != STATUS_FILE for name in record.written)),
        "requests": str(record.requests),
    }


def output_lines(values: Mapping[str, str]) -> bytes:
    """Return outputs as `GITHUB_OUTPUT` takes them, whatever the values hold.

    A delimiter that no line of the value equals can't be closed early, however it was made.
    """
    lines = []
    for name, value in values.items():
        delimiter = "END"
        while delimiter in value:
            delimiter += "_"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(lines).encode()
