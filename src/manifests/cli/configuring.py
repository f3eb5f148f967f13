"""Let what the settings file says be what commands take where neither flag nor variable does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from manifests.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    import typer

    from manifests.settings import Configuration

# Nothing heavy is imported for a folder without a settings file.
# ruff: noqa: PLC0415

__all__ = ["configuration_of", "configure", "hand_down", "look"]

INDIFFERENT: Final = frozenset({"sandbox", "schema"})
"""Commands that need no settings; the schema of a wrong file must be there to mend it."""
FORBEARING: Final = frozenset({"doctor"})
"""Commands that tell what is wrong with a file by themselves."""


def look(given: Path | None) -> Configuration | None:
    """Return what the settings file says; None when there is none.

    Args:
        given: the file that the user names; None looks into the working folder.

    Raises:
        SettingsError: with a line for each thing that is wrong with it.
    """
    from manifests.discovery import find_file

    path, notes = (given, ()) if given else find_file(Path())
    if path is None:
        return None
    from manifests.configuration import read_configuration
    from manifests.sources import SOURCES

    return read_configuration(path, [each.info for each in SOURCES.values()], notes=notes)


def configure(context: typer.Context, given: Path | None) -> None:
    """Let a command take its defaults from the settings file.

    Raises:
        SettingsError: with a line for each thing that is wrong with the file.
    """
    command = context.invoked_subcommand
    if command in INDIFFERENT:
        return
    try:
        context.obj = look(given)
    except SettingsError:
        # Whoever asks for help gets it, whatever else is wrong.
        if command not in FORBEARING and not {"-h", "--help"} & {*sys.argv}:
            raise
    found = configuration_of(context)
    hand_down(context, dict(found.options) if found else {})


def hand_down(context: typer.Context, values: MutableMapping[str, str | int | bool]) -> None:
    """Give the command that is about to run its defaults, by the names of its parameters."""
    context.default_map = {str(context.invoked_subcommand): values}


def configuration_of(context: typer.Context) -> Configuration | None:
    """Return what the settings file says; None when there is none."""
    found: Configuration | None = context.obj
    return found
