"""Carry out `manifests runs`: list the runs that are remembered, show one, forget some."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.table import Table

from manifests.cli.consoles import cell, say
from manifests.cli.summary import print_summary
from manifests.clock import Clock
from manifests.errors import SettingsError, StoreError
from manifests.recording import iso
from manifests.report.story import PastRun, tell
from manifests.store.canonical import encode
from manifests.store.database import open_database
from manifests.store.history import History
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rich.console import Console

    from manifests.report.story import Story
    from manifests.results import RunRecord
    from manifests.store.history import RunSummary

__all__ = [
    "find_run",
    "opened_history",
    "past_runs",
    "print_run",
    "print_runs",
    "print_story",
    "prune_runs",
    "stored_record",
]

LATEST = "latest"


@contextmanager
def opened_history(state: Path, out: Path) -> Iterator[History]:
    """Yield the history of one output folder.

    Raises:
        SettingsError: there is none.
    """
    if not state.is_dir():
        raise SettingsError(
            f"{state}/ remembers nothing: there is no such folder",
            next_step="run manifests generate first, or name the folder with --state DIR",
        )
    opened = open_database(state, now=Clock().wall())
    for warning in opened.warnings:
        typer.echo(f"warning: {warning}", err=True)
    try:
        yield History(opened.database, out=out)
    finally:
        opened.database.close()


def find_run(history: History, name: str, *, or_else: str = "means") -> str:
    """Return the id of the run that *name* means: an id, its beginning, or `latest`.

    Args:
        history: of one output folder.
        name: what a person typed.
        or_else: what is said of a name, before how many runs it could mean.

    Raises:
        SettingsError: no run, or several, are meant.
    """
    known = history.runs()
    runs = [each.run for each in known if each.ended]
    meant = runs[:1] if name == LATEST else [each for each in runs if each.startswith(name)]
    if not meant:
        refuse_unended(name, {each.run for each in known})
    if len(meant) != 1:
        raise SettingsError(
            f"{name!r} {or_else} {counted(len(meant), 'run')}", next_step="see them: manifests runs"
        )
    return meant[0]


def refuse_unended(name: str, begun: Collection[str]) -> None:
    """Say that a run is known, but has no end, where that is why a name means none.

    Raises:
        SettingsError: it is so.
    """
    if name == LATEST:
        raise SettingsError("no run has ended yet", next_step="make one: manifests generate")
    if name in begun:
        cause = f"run {name} is under way, or was killed, and has left no record"
        raise SettingsError(cause, next_step="choose another: manifests runs")


def stored_record(name: str, state: Path, out: Path) -> RunRecord:
    """Return the record of the run that *name* means.

    Raises:
        SettingsError: no run, or several, are meant, or nothing is remembered.
        StoreError: the record can't be read.
    """
    with opened_history(state, out) as history:
        record = history.record(find_run(history, name))
    if record is None:
        raise SettingsError(f"run {name!r} left no record", next_step="see: manifests runs")
    return record


def print_runs(console: Console, state: Path, out: Path, *, as_json: bool) -> None:
    """Print the runs, newest first."""
    with opened_history(state, out) as history:
        runs = history.runs()
    if as_json:
        console.file.write(encode([each.model_dump(mode="json") for each in runs]).decode())
        return
    table = Table("run", "ended by", "took", "requests", "manifests", box=box.SIMPLE_HEAD)
    for each in runs:
        table.add_row(*(cell(text) for text in cells(each)))
    console.print(table)
    say(console, counted(len(runs), "run"), style="bold")


def cells(run: RunSummary) -> tuple[str, ...]:
    """Return a run as a row of the list."""
    return (
        run.run,
        run.ended_by or "still running, or killed",
        "" if run.seconds is None else duration(run.seconds),
        "" if run.requests is None else str(run.requests),
        ", ".join(f"{count} {state}" for state, count in run.states.items()),
    )


def print_run(console: Console, name: str, state: Path, out: Path, *, as_json: bool) -> None:
    """Print one run: its summary as it was shown then, or its whole record."""
    record = stored_record(name, state, out)
    if as_json:
        console.file.write(encode(record.model_dump(mode="json", by_alias=True)).decode())
        return
    print_story(console, tell(record, out=str(out)))


def print_story(console: Console, story: Story) -> None:
    """Print a run as its end was summed up then."""
    record = story.record
    say(console, f"run {record.run}, manifests {record.environment.tool}", style="bold")
    print_summary(
        console,
        record,
        story.exit_code,
        out=Path(story.out),
        max_failed=story.max_failed,
        flags=story.flags,
    )


def past_runs(state: Path, out: Path) -> tuple[PastRun, ...]:
    """Return the runs of one output folder in one line each, newest first.

    They are the background of a report, so that a history that can't be read has none.
    """
    if not state.is_dir():
        return ()
    try:
        with opened_history(state, out) as history:
            runs = history.runs()
    except StoreError:
        return ()
    return tuple(
        PastRun(started=iso(each.started), **each.model_dump(exclude={"started", "ended"}))
        for each in runs
    )


def prune_runs(state: Path, out: Path, *, keep: int) -> str:
    """Forget all but the last *keep* runs, and return what a person reads of it."""
    with opened_history(state, out) as history:
        return f"{counted(history.prune(keep=keep), 'run')} forgotten"
