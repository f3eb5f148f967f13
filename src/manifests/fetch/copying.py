"""Keep a copy of a body as it came, where that spares packing it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Copy"]

WORTH_IT = (["gzip"], ["x-gzip"])
"""Codings of a body that is worth keeping as it came: gzip has a checksum."""

MOST_BYTES = 4 * 1024**2
"""Of such a body; pages have a twentieth of it."""


class Copy:
    """What came of one body, as long as it is worth keeping."""

    def __init__(self, codings: Sequence[str]) -> None:
        self._room = MOST_BYTES
        self._pieces: list[bytes] | None = [] if codings in WORTH_IT else None

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        self._room -= len(data)
        if self._room < 0:
            self._pieces = None  # such as a stream without end that unpacks to nothing
        if self._pieces is not None:
            self._pieces.append(data)

    def whole(self) -> bytes | None:
        """Return all that came; None where it is not worth keeping."""
        return None if self._pieces is None else b"".join(self._pieces)
