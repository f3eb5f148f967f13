"""Show a run while it goes on: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live

from manifests.cli.consoles import say
from manifests.cli.dashboard import Dashboard
from manifests.cli.notestream import event_log
from manifests.cli.tally import Tally
from manifests.errors import ErrorCode
from manifests.events import (
    AttemptEnded,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    Noted,
    RunPlanned,
)
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from manifests.events import Event, Reporter
    from manifests.traffic import Attempt

__all__ = ["Lines", "chatty", "watching"]

LINE_SECONDS = 5.0
"""Between two plain lines, at first."""
MOST_SECONDS = 60.0
"""Between two plain lines of a long run: half an hour makes some fifty lines."""
SHARE = 12
"""A line is due when so much of the run so far has passed since the last one."""
REDRAWN = 4
"""Times a second that the bar is drawn anew, so that what is waited for counts down."""
ALL = 2
"""With `-vv` every request is told, with `-v` only what went wrong."""


class Bar:
    """Keeps what is drawn up to date, and says news above it."""

    def __init__(self, console: Console, tally: Tally) -> None:
        self._console = console
        self._tally = tally

    def __call__(self, event: Event) -> None:
        """Take note of *event*."""
        if isinstance(event, Noted):
            say(self._console, event.message, style="yellow")
        self._tally.add(event)


class Lines:
    """Prints a line when the last one is some seconds old; the longer the run, the more."""

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
            self._write(planned(event))
        elif is_long(event) or self._now() - self._last >= self._pause():
            self._last = self._now()
            self._write(self._line())

    def _pause(self) -> float:
        return min(MOST_SECONDS, max(LINE_SECONDS, self._tally.elapsed / SHARE))

    def _line(self) -> str:
        tally = self._tally
        done = f"{tally.done}/{tally.total} filters"
        parts = [done, tally.counts(), *(str(host) for host in tally.hosts())]
        return "; ".join(part for part in parts if part)


def planned(event: RunPlanned) -> str:
    """Say what a run sets out to do."""
    verb = "shares" if event.filters == 1 else "share"
    return f"{counted(event.filters, 'filter')} {verb} {counted(event.queries, 'listing')}"


def is_long(event: Event) -> bool:
    """Tell whether nothing else may happen for so long that people should know now."""
    return isinstance(event, CircuitChanged | HostHeld) and event.seconds > 2 * LINE_SECONDS


def chatty(reporter: Reporter, write: Callable[[str], None], *, verbose: int) -> Reporter:
    """Return a reporter that also tells what went wrong, or with more than 1 every request."""

    def report(event: Event) -> None:
        reporter(event)
        if line := told(event, verbose=verbose):
            write(line)

    return report if verbose else reporter


def told(event: Event, *, verbose: int) -> str:
    """Return what to say of *event* in the moment it happens; empty when that is nothing."""
    if isinstance(event, AttemptEnded):
        is_trouble = event.attempt.code not in {None, ErrorCode.CANCELLED}
        return attempt_line(event.attempt) if is_trouble or verbose >= ALL else ""
    if isinstance(event, HostHeld):
        return f"{event.source}: a pause of {duration(event.seconds)} ({event.why})"
    if isinstance(event, CircuitChanged):
        return circuit_line(event)
    if isinstance(event, FilterSettled) and event.failure:
        kept = "; the old manifest stays" if event.keeps_old else ""
        where = f"{event.source}:{event.filter}"
        return f"{where} failed: {event.failure.cause} ({event.failure.code}){kept}"
    return ""


def attempt_line(attempt: Attempt) -> str:
    """Say how one request ended, and when the page is asked for again."""
    cause = f": {attempt.cause}" if attempt.cause else ""
    again = f", again in {duration(attempt.wait)}" if attempt.wait else ""
    return f"{attempt.status or '---'} {attempt.url} in {attempt.seconds:.2f} s{cause}{again}"


def circuit_line(event: CircuitChanged) -> str:
    """Say what a host that failed much can expect."""
    if event.circuit == "closed":
        return f"{event.source}: it answers again"
    if event.circuit == "half-open":
        return f"{event.source}: one request looks whether it is back"
    return f"{event.source}: it is down, next try in {duration(event.seconds)} ({event.why})"


def warnings_only(write: Callable[[str], None]) -> Reporter:
    """Return a reporter that tells what was lost or left out, and nothing of the progress."""

    def report(event: Event) -> None:
        if isinstance(event, Noted) and not event.passing:
            write(event.message)

    return report


@contextmanager
def watching(console: Console, *, quiet: bool, verbose: int) -> Iterator[Reporter]:
    """Yield the reporter that suits where *console* writes to."""

    def write(line: str) -> None:
        say(console, line)

    if log := event_log(console):
        yield log.reporter(quiet=quiet)
    elif quiet:
        yield warnings_only(write)
    elif not console.is_interactive:
        yield chatty(Lines(write, now=time.monotonic), write, verbose=verbose)
    else:
        tally = Tally(time.monotonic)
        with Live(Dashboard(tally), console=console, transient=True, refresh_per_second=REDRAWN):
            yield chatty(Bar(console, tally), write, verbose=verbose)
