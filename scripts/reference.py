"""Write the reference of all commands from their own help, and the help that the package keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.main import get_command
from typer.testing import CliRunner

from manifests.cli.app import app
from manifests.cli.quick import HELP_WIDTHS, help_file

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 100
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


def section(words: tuple[str, ...]) -> str:
    """Return the part about one command; without *words*, about the whole."""
    environment = {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    asked = CliRunner().invoke(
        app, [*words, "--help"], prog_name="manifests", env=environment, terminal_width=WIDTH
    )
    title = " ".join(["manifests", *words])
    lines = [line.rstrip() for line in asked.stdout.strip().splitlines()]
    return "\n".join(["", f"## {title}", "", "```text", *lines, "```", ""])


def reference() -> str:
    """Return the whole reference."""
    names = [(), *command_names(get_command(app))]
    return INTRODUCTION + "".join(section(words) for words in names)


def kept_help(width: int) -> str:
    """Return what `manifests --help` says to so many columns, which the package keeps as text."""
    # Any variable of ours makes it go the long way, past the text that is kept now.
    environment = {**os.environ, "COLUMNS": str(width), "MANIFESTS_LONG_WAY": "1"}
    command = [sys.executable, "-m", "manifests", "--help"]
    asked = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    return asked.stdout


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    for columns in HELP_WIDTHS:
        help_file(columns).write_text(kept_help(columns), encoding="ascii")
