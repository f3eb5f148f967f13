"""Answer any `--help` and a plain `list` at once: in less time than it takes to import typer.

Each of them gives up, and leaves the answer to the long way, wherever it could be another.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from manifests.cli.listing import Row

# Everything here is about what is not imported.
# ruff: noqa: PLC0415

__all__ = ["HELP_WIDTHS", "answer", "bound", "forget_odd_sizes", "help_file", "pages"]

HELP_WIDTHS: Final = (80, 100)
"""Columns for which the help is kept as text: those of a pipe, and the most that it takes."""
MARK: Final = "\f"
"""Stands before each page of kept help, and before the words of its command and the page itself."""
OPTIONS: Final = {"--filters": "filters", "--out": "manifests"}
"""Those of `list` that take a value, with their defaults."""
SIZES: Final = ("COLUMNS", "LINES")
MOST_DIGITS: Final = 4
"""Of the columns or lines of a terminal."""
FLAGS: Final = frozenset({"--json", "--no-color"})


def answer(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return what the command line prints; None where that takes the long way.

    Args:
        arguments: what follows the name of the command.
        environment: of the process.
    """
    if any(name.startswith(("MANIFESTS_", "_MANIFESTS")) for name in environment):
        return None
    if arguments[-1:] in (["--help"], ["-h"]):
        return kept_help(arguments[:-1], columns(environment))
    if arguments[:1] == ["list"]:
        return listed(arguments[1:])
    return None


def columns(environment: Mapping[str, str]) -> int:
    """Return how wide the terminal is, as `shutil.get_terminal_size` finds out."""
    given = environment.get("COLUMNS", "")
    if is_size(given) and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else -1).columns or 80
    except (OSError, ValueError):
        return 80


def forget_odd_sizes(environment: MutableMapping[str, str]) -> None:
    """Drop sizes of the terminal that are none: rich takes `²` for a number, and falls over it."""
    for name in SIZES:
        if name in environment and not is_size(environment[name]):
            del environment[name]


def is_size(text: str) -> bool:
    """Tell whether a text is a number of columns or lines; no terminal has 10,000."""
    return text.isdecimal() and len(text) <= MOST_DIGITS


def help_file(width: int) -> Path:
    """Return the file of all help for so many columns; `scripts/reference` writes it."""
    return Path(__file__).with_name(f"help-{width}.txt")


def kept_help(words: Sequence[str], width: int) -> str | None:
    """Return the help of a command for so many columns; None where it is not kept.

    Args:
        words: the command; none of the whole.
        width: columns of the terminal.
    """
    fitting = min(HELP_WIDTHS[-1], width)
    # The help of a command tells the defaults that it has, and those may be in a settings file.
    if fitting not in HELP_WIDTHS or (words and has_settings(Path())):
        return None
    return pages(help_file(fitting).read_text(encoding="utf-8")).get(" ".join(words))


def bound(book: Mapping[str, str]) -> str:
    """Return pages of help as one text; the inverse of `pages`."""
    return "".join(f"{MARK}{words}\n{page}" for words, page in book.items())


def pages(text: str) -> dict[str, str]:
    """Return the pages of kept help, by the words of their commands."""
    parted = (each.partition("\n") for each in text.split(MARK)[1:])
    return {words: page for words, _, page in parted}


def listed(arguments: Sequence[str]) -> str | None:
    """Return the list of all filters; None for the long way."""
    found = parsed(arguments)
    # A terminal has colours and a width of its own.
    if found is None or (sys.stdout.isatty() and "--json" not in found) or has_settings(Path()):
        return None
    from manifests.cli.listing import as_json, as_table, rows_of

    rows: Sequence[Row] | None = rows_of(Path(found["--filters"]), Path(found["--out"]))
    if rows is None:
        return None
    return as_json(rows) if "--json" in found else as_table(rows)


def parsed(arguments: Sequence[str]) -> dict[str, str] | None:
    """Return the options of `list` that are known here; None where there are others."""
    found = dict(OPTIONS)
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument in FLAGS:
            found[argument] = ""
        elif name in OPTIONS:
            found[name] = value if equals else next(rest, "")
            if not found[name] or found[name].startswith("-"):
                return None
        else:
            return None
    return found


def has_settings(folder: Path) -> bool:
    """Tell whether a folder may have a settings file: it would have a say."""
    project = folder / "pyproject.toml"
    try:
        return (folder / "manifests.toml").exists() or b"tool.manifests" in project.read_bytes()
    except FileNotFoundError:
        return False
    except OSError:
        return True
