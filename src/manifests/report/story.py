"""Gather what every report of a run is made of: its record, its verdict, and the runs before it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from manifests.models import Record
from manifests.moments import Moment
from manifests.report.exits import ExitCode, exit_code
from manifests.report.plain import plain
from manifests.results import State
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from manifests.results import RunRecord

__all__ = ["MAX_FAILED", "PAST_RUNS", "PastRun", "Story", "tell"]

MAX_FAILED = 0.1
"""The share of failures that a run is judged by where its record says none."""
PAST_RUNS = 30
"""Earlier runs that a story tells of, at most."""
LONGEST_PATH = 4096
"""Characters of a flag; no system takes longer paths."""


class PastRun(Record):
    """An earlier run of the same output, in one line."""

    run: str
    started: Moment
    seconds: float | None = None
    """None for a run that was killed, as what follows."""
    ended_by: str | None = None
    """`completion`, `deadline`, or the name of a signal."""
    states: Mapping[State, int] = Field(default_factory=dict)
    """How many filters ended in each state."""
    requests: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that a format may tell of a run; equal stories make equal bytes."""

    record: RunRecord
    exit_code: ExitCode
    max_failed: float
    """Share of any one source's filters that might fail, from 0 to 1."""
    past: tuple[PastRun, ...] = ()
    """Runs of the same output that began before this one, newest first; none when none is known."""
    out: str = "manifests"
    """The output folder, as a person would name it."""
    flags: str = ""
    """What to add to a command so that it meets the same upstream; begins with a blank, if any."""

    @property
    def title(self) -> str:
        """The verdict in a few words, without a full stop."""
        total, failed = len(self.record.outcomes), len(self.record.failures)
        if self.exit_code is ExitCode.OK:
            return f"{failed} of {counted(total, 'filter')} failed" if failed else "All is well"
        if self.exit_code is ExitCode.TOO_MANY_FAILED:
            return f"{failed} of {counted(total, 'filter')} failed, more than allowed"
        if self.record.ended_by in {ExitCode.SIGINT.name, ExitCode.SIGTERM.name}:
            return f"Interrupted by {self.record.ended_by}"
        return "Not every file could be written" if self.record.refusal else "Nothing was made"


def tell(record: RunRecord, *, past: Iterable[PastRun] = (), out: str = "manifests") -> Story:
    """Return the story of a run.

    Args:
        record: the run; it says itself how it is to be judged and repeated.
        past: other runs of the same output, newest first; those that began later are left out.
        out: the output folder, where the record does not name it.
    """
    plan = record.plan
    share = plan.max_failed if plan else None
    max_failed = MAX_FAILED if share is None else share
    return Story(
        record=record,
        exit_code=exit_code(record, max_failed=max_failed),
        max_failed=max_failed,
        past=before(record, tuple(past))[:PAST_RUNS],
        out=plan.out if plan and plan.out else out,
        flags=requoted(plan.flags) if plan else "",
    )


def before(record: RunRecord, runs: tuple[PastRun, ...]) -> tuple[PastRun, ...]:
    """Return those of *runs*, newest first, that came before the run of *record*."""
    names = [each.run for each in runs]
    if record.run in names:
        return runs[names.index(record.run) + 1 :]
    return tuple(each for each in runs if each.started < record.started)


def requoted(flags: str) -> str:
    """Return flags as arguments and nothing else to a shell, whoever wrote the record."""
    try:
        words = [plain(word, most=LONGEST_PATH) for word in shlex.split(flags)]
    except ValueError:
        return ""
    return f" {shlex.join(words)}" if words else ""
