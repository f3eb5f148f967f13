"""Open the two consoles: stdout is data, stderr is for people."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from manifests.cli.notestream import is_notes
from manifests.events import Noted

if TYPE_CHECKING:
    from manifests.events import Event, Reporter

__all__ = ["cell", "data", "notes_on", "people", "say"]


def people(*, no_color: bool) -> Console:
    """Return the console on stderr; it is live only on a terminal that can be.

    FORCE_COLOR gives colours in CI but must not make bars redraw themselves into its log.
    """
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    # A log has no width of its own, and 80 columns break what people search it for.
    width = None if sys.stderr.isatty() or "COLUMNS" in os.environ else 120
    return Console(
        stderr=True,
        no_color=no_color or None,
        force_interactive=live,
        highlight=False,
        width=width,
        color_system=None if is_notes(sys.stderr) else "auto",  # a note is text, not a picture
    )


def data(*, no_color: bool) -> Console:
    """Return the console on stdout; a pipe gets lines as wide as they need to be."""
    width = None if sys.stdout.isatty() else 160
    return Console(no_color=no_color or None, force_interactive=False, highlight=False, width=width)


def say(console: Console, line: str, *, style: str = "", is_prose: bool = False) -> None:
    """Print one line of text, whatever it holds, without breaking it.

    Args:
        console: where it goes.
        line: the text.
        style: as rich names it.
        is_prose: whether nobody copies it, so that a terminal may break it between words.
    """
    console.print(cell(line, style=style), soft_wrap=not (is_prose and console.is_terminal))


def cell(text: str, *, style: str = "") -> Text:
    """Return text that stands as it is: no markup, no emoji, and no escape sequences of others."""
    shown = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return Text(shown, style=style)


def notes_on(console: Console) -> Reporter:
    """Return what says each note on *console*, and nothing else."""

    def tell(event: Event) -> None:
        if isinstance(event, Noted):
            say(console, event.message, style="yellow")

    return tell
