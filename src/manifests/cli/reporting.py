"""Write reports of a run: to the files that were asked for, to stdout, and to where CI looks."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer
from pydantic import ValidationError
from rich.console import Console

from manifests.cli.consoles import say
from manifests.cli.past import past_runs, print_story, stored_record
from manifests.countable import read_run
from manifests.errors import SettingsError, StoreError
from manifests.report.formats import format_named, format_of
from manifests.report.story import tell
from manifests.store.disk import MACHINE
from manifests.store.names import temporary_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.report.story import Story
    from manifests.results import RunRecord

__all__ = [
    "Report",
    "parse_reports",
    "rendered",
    "show_report",
    "stored_story",
    "tell_github",
    "write_reports",
    "write_whole",
]

TERMINAL: Final = "terminal"
PLAIN_WIDTH: Final = 120
"""Columns of a terminal's summary that goes into a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that was asked for."""

    path: Path
    form: str
    """Name of its format."""


def parse_reports(paths: Iterable[Path], *, form: str | None = None) -> tuple[Report, ...]:
    """Return the reports that are to be written, before anything is done.

    Args:
        paths: their files.
        form: name of the format of all; None goes by the suffix of each.

    Raises:
        SettingsError: there is no such format, or no file can be written there.
    """
    reports = tuple(Report(path=path, form=form or form_of(path)) for path in paths)
    for report in reports:
        check_format(report.form)
        check_place(report.path)
    return reports


def form_of(path: Path) -> str:
    """Return the name of the format that the suffix of a file stands for."""
    return TERMINAL if path.suffix.lower() == ".txt" else format_of(path).name


def check_format(form: str) -> None:
    """Refuse a format that there is not.

    Raises:
        SettingsError: naming the nearest one, and all that there are.
    """
    if form != TERMINAL:
        format_named(form)


def check_place(path: Path) -> None:
    """Refuse a report's place before the run rather than after it.

    Raises:
        SettingsError: its folder is not there, or it is a folder itself.
    """
    if path.is_dir():
        raise SettingsError(
            f"--report {path}: that is a folder",
            next_step=f"name a file in it: --report {path / 'run.json'}",
        )
    if not path.parent.is_dir():
        raise SettingsError(
            f"--report {path}: no file can be written there",
            next_step=f"make the folder first: mkdir -p {path.parent}",
        )


def rendered(story: Story, form: str) -> bytes:
    """Return a run in the format of that name."""
    if form != TERMINAL:
        return format_named(form).render(story)
    console = Console(file=StringIO(), width=PLAIN_WIDTH, no_color=True, highlight=False)
    with console.capture() as captured:
        print_story(console, story)
    return captured.get().encode()


def write_reports(reports: Iterable[Report], story: Story) -> None:
    """Write all reports of a run that can be written.

    Raises:
        StoreError: the disk refused one; it is that of the first one.
    """
    refused = []
    for report in reports:
        try:
            write_whole(report.path, rendered(story, report.form))
        except StoreError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that whoever reads it finds the old or the new one, never a part.

    A pipe or a device is written to as it is, and what a link points to is replaced, not the link.

    Raises:
        StoreError: the disk refuses.
    """
    target = Path(os.path.realpath(path))
    try:
        if is_special(target):
            target.write_bytes(data)
            return
        staged = target.with_name(temporary_name(target.name, MACHINE.token()))
        try:
            MACHINE.write(staged, data)
            MACHINE.replace_held(staged, target)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"--report {path}: {error.strerror or error}",
            next_step="give another FILE to --report; the run itself is as told above",
        ) from error


def is_special(path: Path) -> bool:
    """Tell whether there is something that is no regular file.

    Raises:
        OSError: nobody can tell.
    """
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def stored_story(run: str, *, state: Path, out: Path) -> Story:
    """Return the story of a run that is over.

    Args:
        run: its id, the beginning of that, `latest`, or the file of a run record.
        state: folder of what lasts from run to run.
        out: the output folder whose runs are meant.

    Raises:
        SettingsError: there is no such run, or the file holds none.
        StoreError: its record can't be read.
    """
    path = Path(run)
    is_file = path.suffix.lower() == ".json" or path.is_file()
    record = read_record(path) if is_file else stored_record(run, state, out)
    return tell(record, past=past_runs(state, out), out=str(out))


def read_record(path: Path) -> RunRecord:
    """Return the run record that a file holds.

    Raises:
        SettingsError: it can't be read, or holds none.
    """
    step = "name the run by its id, see: manifests runs"
    try:
        return read_run(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}", next_step=step) from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise SettingsError(
            f"{path} holds no run record: {f'{where}: ' if where else ''}{problem['msg']}",
            next_step=step,
        ) from error
    except ValueError as error:
        raise SettingsError(f"{path} holds no run record: {error}", next_step=step) from error


def show_report(story: Story, *, form: str | None, file: Path | None, console: Console) -> None:
    """Tell a run on stdout, or in a file.

    Args:
        story: the run.
        form: name of the format; None goes by the file's suffix, and prints for a person.
        file: where it goes; None is stdout.
        console: stdout.

    Raises:
        SettingsError: there is no such format, or no file can be written there.
        StoreError: the disk refuses.
    """
    if file:
        write_reports(parse_reports([file], form=form), story)
    elif form in {None, TERMINAL}:
        print_story(console, story)
    else:
        typer.echo(rendered(story, form or TERMINAL), nl=False)


def tell_github(story: Story, environ: Mapping[str, str], console: Console) -> None:
    """Tell a run where GitHub Actions looks, as far as the environment says that it does.

    The summary and the outputs go to the files that `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT`
    name, which other commands of the step add to as well; annotations go to stdout. What can't be
    written is said on *console*: it is no reason to call the run failed.
    """
    from manifests.report.github import output_lines, outputs  # noqa: PLC0415 - seldom needed

    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        append(Path(summary), rendered(story, "markdown"), console)
    if file := environ.get("GITHUB_OUTPUT"):
        append(Path(file), output_lines(outputs(story)), console)
    if environ.get("GITHUB_ACTIONS") == "true":
        typer.echo(rendered(story, "github"), nl=False)


def append(path: Path, data: bytes, console: Console) -> None:
    """Add to a file, or say why that can't be done."""
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        say(console, f"warning: {path}: {error.strerror or error}", style="yellow")
