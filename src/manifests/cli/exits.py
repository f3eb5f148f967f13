"""Say an expected error in a few lines, and leave with the exit code that it deserves."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from manifests.errors import DefinitionError, ManifestsError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from manifests.report.exits import ExitCode

# The exit codes come with the records of a run, for which `--help` shall not wait.
# ruff: noqa: PLC0415

__all__ = ["errors_reported"]

INTERRUPTED = "interrupted"


@contextmanager
def errors_reported(*, as_events: bool = False) -> Iterator[None]:
    """Say an expected error in a few lines on stderr, and leave with its exit code.

    Args:
        as_events: whether stderr is the event log, and nothing else.
    """
    if not as_events:
        with leaving(say_error):
            yield
        return
    from manifests.cli.eventlog import logging_events

    with logging_events() as log, leaving(log.fail):
        yield


@contextmanager
def leaving(tell: Callable[[str, str, ExitCode], None]) -> Iterator[None]:
    """Leave with the exit code of an expected error, once its cause and next step are told."""
    try:
        yield
    except (ManifestsError, KeyboardInterrupt) as error:
        cause, next_step, code = end_of(error)
        tell(cause, next_step, code)
        sys.exit(code)


def end_of(error: ManifestsError | KeyboardInterrupt) -> tuple[str, str, ExitCode]:
    """Return why a command ends here, what to do next, and the exit code."""
    from manifests.report.exits import ExitCode

    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "", ExitCode.SIGINT
    usage = isinstance(error, DefinitionError | SettingsError)
    return str(error), error.next_step, ExitCode.USAGE if usage else ExitCode.NOTHING_MADE


def say_error(cause: str, next_step: str, _: ExitCode) -> None:
    """Say why a command ends here, to a person."""
    for line in cause.splitlines():
        typer.echo(line if line == INTERRUPTED else f"error: {line}", err=True)
    if next_step:
        typer.echo(f"next: {next_step}", err=True)
