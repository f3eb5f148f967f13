"""Let text that is written for people become notes of the event log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol, TypeGuard

from manifests.events import Noted

if TYPE_CHECKING:
    from rich.console import Console

    from manifests.events import Event, Reporter
    from manifests.report.story import Story

__all__ = ["KeepsLog", "NoteStream", "event_log", "is_notes"]


class KeepsLog(Protocol):
    """The event log, as whoever prints knows it."""

    def __call__(self, event: Event) -> None:
        """Write the line of *event*."""
        ...

    def reporter(self, *, quiet: bool) -> Reporter:
        """Return what watches a run, only for its failures when it is *quiet*."""
        ...

    def end(self, story: Story, *, quiet: bool) -> None:
        """Write how a run ended."""
        ...


class NoteStream(io.TextIOBase):
    """Stands in for stderr: each line of text that anybody writes becomes a note of the log."""

    def __init__(self, log: KeepsLog) -> None:
        super().__init__()
        self.log = log
        self._rest = ""

    def write(self, text: str) -> int:
        """Note all lines of *text* that are whole.

        Raises:
            TypeError: it is not text; typer finds out in this way what kind of stream this is.
        """
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self.log(Noted(message=line.rstrip()))
        return len(text)

    def finish(self) -> None:
        """Note what was left without an end."""
        if self._rest:
            self.write("\n")


def event_log(console: Console) -> KeepsLog | None:
    """Return the log that *console* writes to; None where it writes for people."""
    return console.file.log if is_notes(console.file) else None


def is_notes(stream: object) -> TypeGuard[NoteStream]:
    """Tell whether a stream is one whose lines become notes."""
    return isinstance(stream, NoteStream)
