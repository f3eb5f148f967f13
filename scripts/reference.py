"""Write the reference of all commands from their own help, and the help that the package keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typer.main import get_command
from typer.testing import CliRunner

from manifests.cli.app import app
from manifests.cli.quick import HELP_WIDTHS, bound, help_file

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 100
MARGIN = 2
"""Columns of a terminal that typer leaves free."""
INTRODUCTION = """\
# Commands

Written by `scripts/reference` from each command's `--help`.
stdout is data, stderr is for people.
[exit-codes.md](exit-codes.md) tells what a command leaves with.
"""


def command_names(group: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command below *group*, its own subcommands right after it."""
    subcommands: dict[str, object] = getattr(group, "commands", {})
    for name, command in subcommands.items():
        if not getattr(command, "hidden", False):
            yield (*before, name)
            yield from command_names(command, (*before, name))


def page(words: tuple[str, ...], *, width: int) -> str:
    """Return the help of a command in lines of so many letters; without *words*, of the whole."""
    environment = {"COLUMNS": str(width), "NO_COLOR": "1", "TERM": "dumb"}
    asked = CliRunner().invoke(
        app, [*words, "--help"], prog_name="manifests", env=environment, terminal_width=width
    )
    return asked.stdout


def section(words: tuple[str, ...]) -> str:
    """Return the part about one command; without *words*, about the whole."""
    title = " ".join(["manifests", *words])
    lines = [line.rstrip() for line in page(words, width=WIDTH).strip().splitlines()]
    return "\n".join(["", f"## {title}", "", "```text", *lines, "```", ""])


def all_words() -> list[tuple[str, ...]]:
    """Return the words of each command, those of the whole before all others: none."""
    return [(), *command_names(get_command(app))]


def reference() -> str:
    """Return the whole reference."""
    return INTRODUCTION + "".join(map(section, all_words()))


def kept_help(width: int) -> str:
    """Return all help to so many columns, which the package keeps as text."""
    return bound({" ".join(words): page(words, width=width - MARGIN) for words in all_words()})


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    for columns in HELP_WIDTHS:
        help_file(columns).write_text(kept_help(columns), encoding="utf-8")
