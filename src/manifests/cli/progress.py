"""Show a run while it goes on: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from manifests.cli.consoles import say
from manifests.cli.tally import Tally
from manifests.events import (
    AttemptEnded,
    CircuitChanged,
    HostHeld,
    Noted,
    RunPlanned,
    silent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from manifests.events import Event, Reporter

__all__ = ["Bar", "Lines", "watching"]

LINE_SECONDS = 5.0
"""Between two plain lines."""


class Bar:
    """Draws a bar with the counts beside it."""

    def __init__(self, progress: Progress, *, now: Callable[[], float]) -> None:
        self._progress = progress
        self._tally = Tally(now)
        self._task = progress.add_task("filters", total=None, counts="", waiting="")

    def __call__(self, event: Event) -> None:
        """Take note of *event*."""
        if isinstance(event, Noted):
            say(self._progress.console, event.message, style="yellow")
            return
        self._tally.add(event)
        self.refresh()

    def refresh(self) -> None:
        """Draw the counts as they are now."""
        tally = self._tally
        self._progress.update(
            self._task,
            total=tally.total or None,
            completed=tally.done,
            counts=tally.counts(),
            waiting=tally.waiting(),
        )


class Lines:
    """Prints a line when the last one is some seconds old."""

    def __init__(self, write: Callable[[str], None], *, now: Callable[[], float]) -> None:
        self._write = write
        self._now = now
        self._tally = Tally(now)
        self._last = now()

    def __call__(self, event: Event) -> None:
        """Take note of *event*."""
        self._tally.add(event)
        if isinstance(event, Noted):
            self._write(event.message)
        elif isinstance(event, RunPlanned):
            self._write(f"{event.filters} filters share {event.queries} listings")
        elif is_long(event) or self._now() - self._last >= LINE_SECONDS:
            self._last = self._now()
            self._write(self._line())

    def _line(self) -> str:
        tally = self._tally
        parts = [f"{tally.done}/{tally.total} filters", tally.counts(), tally.waiting()]
        return ", ".join(part for part in parts if part)


def is_long(event: Event) -> bool:
    """Tell whether nothing else may happen for so long that people should know now."""
    return isinstance(event, CircuitChanged | HostHeld) and event.seconds > 2 * LINE_SECONDS


def chatty(reporter: Reporter, write: Callable[[str], None]) -> Reporter:
    """Return a reporter that also tells each attempt, for `-v`."""

    def report(event: Event) -> None:
        reporter(event)
        if isinstance(event, AttemptEnded):
            attempt = event.attempt
            what = f"{attempt.status or '---'} {attempt.url} in {attempt.seconds:.2f} s"
            write(f"{what}{f': {attempt.cause}' if attempt.cause else ''}")

    return report


@contextmanager
def watching(console: Console, *, quiet: bool, verbose: bool) -> Iterator[Reporter]:
    """Yield the reporter that suits where *console* writes to."""

    def write(line: str) -> None:
        say(console, line)

    if quiet:
        yield silent
    elif not console.is_interactive:
        lines = Lines(write, now=time.monotonic)
        yield chatty(lines, write) if verbose else lines
    else:
        with bar(console) as progress:
            drawn = Bar(progress, now=time.monotonic)
            yield chatty(drawn, write) if verbose else drawn


def bar(console: Console) -> Progress:
    """Return the bar: done of total, counts, and what is waited for."""
    return Progress(
        TextColumn("filters"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TextColumn("{task.fields[waiting]}", style="yellow", markup=False),
        console=console,
        transient=True,
    )
