"""Keep bytes out of memory while a run goes on: a file without a name that nobody else sees."""

from __future__ import annotations

import weakref
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final, NamedTuple

from manifests.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Slot", "Spool"]

MOST_IN_MEMORY: Final = 4 * 1024**2
"""Bytes; so small a run needs no file at all."""


class Slot(NamedTuple):
    """Where in a spool some bytes stand."""

    start: int
    size: int


class Spool:
    """Takes bytes and gives them back; they last as long as it does, and no process survives it."""

    def __init__(self, *, most_in_memory: int = MOST_IN_MEMORY) -> None:
        # Where TMPDIR says. It has no name, so that a kill leaves nothing behind.
        self._file = SpooledTemporaryFile(max_size=most_in_memory)  # noqa: SIM115 - lasts as we do
        self._end = 0
        weakref.finalize(self, self._file.close)

    def put(self, data: bytes) -> Slot:
        """Keep *data*, and return where it stands.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        slot = Slot(self._end, len(data))
        try:
            self._file.seek(self._end)
            self._file.write(data)
        except OSError as error:
            raise refusal(error) from error
        self._end += len(data)
        return slot

    def put_all(self, pieces: Iterable[bytes]) -> Slot:
        """Keep *pieces* one after the other, and return where they stand as one.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        start = self._end
        for piece in pieces:
            self.put(piece)
        return Slot(start, self._end - start)

    def get(self, slot: Slot) -> bytes:
        """Return what stands in a slot.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        try:
            self._file.seek(slot.start)
            return self._file.read(slot.size)
        except OSError as error:
            raise refusal(error) from error


def refusal(error: OSError) -> StoreError:
    """Return the error of a disk that does not keep what a run needs for itself."""
    return StoreError(
        f"temporary files can't be kept: {error.strerror or error}",
        next_step="free space on the disk of temporary files, or name another with TMPDIR",
    )
