"""Write the reference of all commands from their own help, so that it can't tell another story."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typer.main import get_command
from typer.testing import CliRunner

from manifests.cli.app import app

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


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
