"""Say what becomes of a command whose output can't be written, as on a full disk."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["Unheeded", "give_up_stdout", "open_streams"]

FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EIO})
"""Why a disk takes no more."""


class Unheeded(io.TextIOWrapper):
    """A stream for people: what can't be written is lost, and nothing else with it."""

    def write(self, text: str, /) -> int:
        """Write a text if that is possible; return its length."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, if that is possible."""
        with suppress(OSError):
            super().flush()


def open_streams() -> None:
    """Make sure that there are streams, and that a run outlives whoever watches it on stderr.

    A run of half an hour must not end unpublished because its log is full, or was read by `head`.
    """
    # Opened in this order, so that each gets its own number: no file of ours shall be stderr.
    if sys.stdout is None:
        sys.stdout = nowhere()
    if sys.stderr is None:
        sys.stderr = nowhere()
    elif sys.stderr is sys.__stderr__ and isinstance(sys.stderr, io.TextIOWrapper):
        kept = sys.stderr
        sys.stderr = Unheeded(
            kept.buffer,
            encoding=kept.encoding,
            errors=kept.errors,
            line_buffering=kept.line_buffering,
            write_through=kept.write_through,
        )


def give_up_stdout(error: OSError) -> None:
    """Leave with exit code 1 where stdout takes no more: a full disk is said, a gone reader not.

    Raises:
        OSError: it is of another kind, and a bug.
        SystemExit: otherwise.
    """
    # What was opened by name has one, and is none of stdout's.
    if error.errno in FULL and error.filename is None:
        sys.stderr.write(
            f"error: what is printed can't be written: {error.strerror}\n"
            "next: make room there, or let it go to another place\n"
        )
    elif not isinstance(error, BrokenPipeError):
        raise error
    # Else Python would try to write the rest when it ends, and complain in words of its own.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(1)


def nowhere() -> TextIO:
    """Return a stream that takes all and keeps nothing."""
    return Path(os.devnull).open("w", encoding="utf-8")
