"""Say an expected error in a few lines, and leave with the exit code that it deserves."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from manifests.errors import DefinitionError, ManifestsError, SettingsError
from manifests.report.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["errors_reported"]


@contextmanager
def errors_reported() -> Iterator[None]:
    """Say an expected error in a few lines on stderr, and leave with its exit code."""
    try:
        yield
    except ManifestsError as error:
        for line in str(error).splitlines():
            typer.echo(f"error: {line}", err=True)
        if error.next_step:
            typer.echo(f"next: {error.next_step}", err=True)
        usage = isinstance(error, DefinitionError | SettingsError)
        sys.exit(ExitCode.USAGE if usage else ExitCode.NOTHING_MADE)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(ExitCode.SIGINT)
