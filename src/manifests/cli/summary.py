"""Sum up a run for a person: the failures by code with a command each, and one line of verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table

from manifests.cli.consoles import cell, say
from manifests.cli.notestream import event_log
from manifests.report.exits import ExitCode
from manifests.report.findings import (
    failure_groups,
    headline,
    oddities,
    reproduce,
    shown_code,
    verdict,
)
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from manifests.report.story import Story
    from manifests.results import Failure, Outcome, RunRecord

__all__ = ["print_end", "print_summary"]

WIDE = 72
"""Columns that a table of failures needs, or its cells break in the middle of words."""


def print_end(console: Console, story: Story, *, quiet: bool) -> None:
    """Tell how a run ended: sum it up for people, or end the event log.

    Args:
        console: stderr.
        story: the run.
        quiet: whether to tell only of what failed or is odd: cron sends mail for every line.
    """
    if log := event_log(console):
        log.end(story, quiet=quiet)
        return
    if quiet and all_is_well(story):
        return
    print_summary(
        console,
        story.record,
        story.exit_code,
        out=Path(story.out),
        max_failed=story.max_failed,
        flags=story.flags,
    )


def all_is_well(story: Story) -> bool:
    """Tell whether there is nothing in a run that a person needs to look at."""
    is_odd = next(oddities(story.record), None) is not None
    return story.exit_code is ExitCode.OK and not story.record.failures and not is_odd


def print_summary(
    console: Console, record: RunRecord, code: ExitCode, *, out: Path, max_failed: float, flags: str
) -> None:
    """Print the failures, the oddities and the verdict of a run.

    Args:
        console: where people read.
        record: the run.
        code: the exit code that it deserves.
        out: the output folder.
        max_failed: the allowed share of failures, from 0 to 1.
        flags: what to add to a command so that it meets the same upstream and definitions.
    """
    if groups := failure_groups(record):
        console.print(failure_table(groups) if console.width >= WIDE else failure_list(groups))
        for _, outcomes in groups:  # not in the table, whose cells would break what is copied
            say(console, f"see one: {reproduce(outcomes[0], flags)}")
    for line in oddities(record):
        say(console, line, style="yellow", is_prose=True)
    say(console, headline(record, out), style="bold", is_prose=True)
    for line in verdict(record, code, max_failed=max_failed):
        say(console, line, style="red" if code else "yellow", is_prose=True)


def failure_list(groups: Sequence[tuple[Failure, list[Outcome]]]) -> Group:
    """Return the failures one below the other, for a terminal without room for columns."""
    parts: list[RenderableType] = [cell("What failed", style="italic")]
    for failure, outcomes in groups:
        what = f"{shown_code(failure)}: {counted(len(outcomes), 'filter')}".replace("\n", " ")
        parts.append(cell(what, style="red"))
        parts.append(Padding(cell(reason(failure, outcomes)), (0, 0, 1, 2)))
    return Group(*parts)


def failure_table(groups: Sequence[tuple[Failure, list[Outcome]]]) -> Table:
    """Return the failures by code, with why and what next."""
    table = Table(box=box.SIMPLE_HEAD, title="What failed", title_justify="left", pad_edge=False)
    table.add_column("code", style="red", overflow="fold")
    table.add_column("filters", justify="right")
    table.add_column("why, and what next", overflow="fold", ratio=1)
    for failure, outcomes in groups:
        why = cell(reason(failure, outcomes))
        table.add_row(cell(shown_code(failure)), f"{len(outcomes):,}", why)
    return table


def reason(failure: Failure, outcomes: Sequence[Outcome]) -> str:
    """Return whose failures these are, why, and what next: two sources may fail by one code."""
    return f"{outcomes[0].source}: {failure.cause}\nnext: {failure.next_step}"
