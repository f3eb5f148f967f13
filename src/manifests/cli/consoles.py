"""Open the two consoles: stdout is data, stderr is for people."""

from __future__ import annotations

import os
import sys

from rich.console import Console

__all__ = ["data", "people"]


def people(*, no_color: bool) -> Console:
    """Return the console on stderr; it is live only on a terminal that can be.

    FORCE_COLOR gives colours in CI but must not make bars redraw themselves into its log.
    """
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    return Console(stderr=True, no_color=no_color or None, force_interactive=live, highlight=False)


def data(*, no_color: bool) -> Console:
    """Return the console on stdout; a pipe gets lines as wide as they need to be."""
    width = None if sys.stdout.isatty() else 160
    return Console(no_color=no_color or None, force_interactive=False, highlight=False, width=width)
