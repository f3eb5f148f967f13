"""Refuse an option whose text has the wrong form, by its name and that of its variable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from manifests.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

# What reads a value is imported when there is one: `--help` shall not wait for it.
# ruff: noqa: PLC0415

__all__ = ["a_budget", "a_duration", "a_folder", "a_pace", "a_shard", "a_share", "a_style"]


def a_budget(text: str | None) -> str | None:
    """Return *text* if it says where a shared budget is kept; otherwise refuse it, unrepeated."""
    from manifests.fetch.budget_place import parse_place

    return readable(text, parse_place)


def a_duration(text: str | None) -> str | None:
    """Return *text* if it is a duration; otherwise refuse it."""
    from manifests.settings import parse_duration

    return readable(text, parse_duration)


def a_folder(given: str | Path) -> Path:
    """Return a folder; refuse an empty name, which a shell makes of a variable that is not set.

    It would stand for the working folder, and fill that with files.

    Raises:
        BadParameter: typer adds the option, and the variable that gave it.
    """
    if not str(given).strip():
        raise typer.BadParameter("no folder is named; write . for the working folder")
    return Path(given)


def a_pace(text: str | None) -> str | None:
    """Return *text* if it is a pace; otherwise refuse it."""
    from manifests.settings import parse_pace

    return readable(text, parse_pace)


def a_shard(text: str | None) -> str | None:
    """Return *text* if it names a shard; otherwise refuse it."""
    from manifests.sharding import parse_shard

    return readable(text, parse_shard)


def a_share(text: str | None) -> str | None:
    """Return *text* if it is a share; otherwise refuse it."""
    from manifests.settings import parse_share

    return readable(text, parse_share)


def a_style(text: str | None) -> str | None:
    """Return *text* if it is the name of a layout; otherwise refuse it."""
    from manifests.settings import parse_style

    return readable(text, parse_style)


def readable(text: str | None, parse: Callable[[str], object]) -> str | None:
    """Return *text* if *parse* can read it, or if there is none.

    Raises:
        BadParameter: it can't; typer adds the option, and the variable that gave it.
    """
    if text is not None:
        try:
            parse(text)
        except SettingsError as error:
            raise typer.BadParameter(f"{error.cause}; {error.next_step}") from error
    return text
