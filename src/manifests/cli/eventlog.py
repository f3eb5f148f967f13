"""Write what happens as JSON lines, and see to it that stderr carries nothing else."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from manifests.cli.notestream import NoteStream
from manifests.events import FilterSettled, Noted, RunPlanned
from manifests.report.eventlines import ErrorLine, JudgedLine, encode_line, line_of, moment
from manifests.report.jsonl import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from manifests.events import Event, Reporter
    from manifests.report.exits import ExitCode
    from manifests.report.story import Story

__all__ = ["EventLog", "logging_events"]


class EventLog:
    """Writes the lines of one command."""

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        wall: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._write = write
        self._wall = wall
        self._monotonic = monotonic
        self._began: float | None = None

    def __call__(self, event: Event) -> None:
        """Write the line of *event*, if it has one."""
        self._note_start(event)
        if line := line_of(event, at=moment(self._wall()), elapsed=self._elapsed()):
            self._write(encode_line(line))

    def reporter(self, *, quiet: bool) -> Reporter:
        """Return what watches a run: this, or only its failures and notes when it is *quiet*."""
        return self._tell_trouble if quiet else self

    def end(self, story: Story, *, quiet: bool) -> None:
        """Write what has become of each filter, only of failed ones when *quiet*, and the run."""
        # A record begins in a whole second; by its clock the end could come before what it ends.
        times = {"at": moment(self._wall()), "elapsed": self._elapsed()}
        for line in last_lines(story):
            if not (quiet and isinstance(line, JudgedLine) and line.state.is_current):
                self._write(encode_line(line.model_copy(update=times)))

    def fail(self, cause: str, next_step: str, code: ExitCode) -> None:
        """Write why the command ends here."""
        line = ErrorLine(
            at=moment(self._wall()),
            elapsed=self._elapsed(),
            cause=cause,
            next_step=next_step,
            exit_code=code.value,
        )
        self._write(encode_line(line))

    def _tell_trouble(self, event: Event) -> None:
        self._note_start(event)
        if isinstance(event, Noted) or (isinstance(event, FilterSettled) and event.failure):
            self(event)

    def _note_start(self, event: Event) -> None:
        if isinstance(event, RunPlanned):
            self._began = self._monotonic()

    def _elapsed(self) -> float:
        return 0.0 if self._began is None else round(self._monotonic() - self._began, 3)


@contextmanager
def logging_events() -> Iterator[EventLog]:
    """Yield the log of a command; until it ends, whatever is written to stderr becomes a note."""
    target = sys.stderr

    def write(line: str) -> None:
        target.write(line)
        target.flush()

    log = EventLog(write, wall=lambda: datetime.now(UTC), monotonic=time.monotonic)
    notes = NoteStream(log)
    with redirect_stderr(notes):  # what writes to it need not know of the log
        try:
            yield log
        finally:
            notes.finish()
