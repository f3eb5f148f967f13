"""Sum up a run for a person: the failures by code with a command each, and one line of verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from manifests.cli.consoles import cell, say
from manifests.report.findings import (
    failure_groups,
    headline,
    oddities,
    reproduce,
    shown_code,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from manifests.report.exits import ExitCode
    from manifests.results import Failure, Outcome, RunRecord

__all__ = ["print_summary"]


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
        console.print(failure_table(groups))
        for _, outcomes in groups:  # not in the table, whose cells would break what is copied
            say(console, f"see one: {reproduce(outcomes[0], flags)}")
    for line in oddities(record):
        say(console, line, style="yellow")
    say(console, headline(record, out), style="bold")
    for line in verdict(record, code, max_failed=max_failed):
        say(console, line, style="red" if code else "yellow")


def failure_table(groups: Sequence[tuple[Failure, list[Outcome]]]) -> Table:
    """Return the failures by code, with why and what next."""
    table = Table(box=box.SIMPLE_HEAD, title="What failed", title_justify="left", pad_edge=False)
    table.add_column("code", style="red", overflow="fold")
    table.add_column("filters", justify="right")
    table.add_column("why, and what next", overflow="fold", ratio=1)
    for failure, outcomes in groups:
        lines = [failure.cause, f"next: {failure.next_step}"]
        table.add_row(cell(shown_code(failure)), str(len(outcomes)), cell("\n".join(lines)))
    return table
