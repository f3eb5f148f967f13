"""Unpack a zstd body a block at a time, as no library bounds what it unpacks at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Zstd"]

MOST_WINDOW = 8 * 1024**2
"""Bytes that a zstd body may ask its reader to remember. Source: RFC 9659."""

HEADER_BYTES = 18
"""Size of the header of a zstd frame, at most. Source: RFC 8878 §3.1.1.1."""

BLOCK_HEADER_BYTES = 3
TELLING_BYTES = 8
"""How much of a frame tells the size of its header, or of all of it if it's to be skipped."""

SKIPPABLE, SKIPPABLE_LOW = b"\x2a\x4d\x18", 5
"""How a frame to be skipped starts: the low half of its first byte is free. RFC 8878 §3.1.2."""

RLE = 1
"""The type of a zstd block that is one byte, many times over. Source: RFC 8878 §3.1.1.2.2."""


class Zstd:
    """Frames of zstd, read a block at a time.

    The library unpacks all that it is given, but a block holds 128 KiB at most (RFC 8878
    §3.1.1.2.4), so that it is never given more than one.
    """

    def __init__(self) -> None:
        self._library = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW)
        self._frame = self._library.decompressobj()
        self._is_between = True
        self._head = b""
        self._due = 0
        self._checksum_bytes = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* unpacks to, no more than a block at a time."""
        rest = memoryview(self._head + data)
        while rest:
            self._due = self._due or self._measure(bytes(rest[:HEADER_BYTES]))
            if not self._due:
                break
            part, rest = rest[: self._due], rest[self._due :]
            self._due -= len(part)
            piece = self._frame.decompress(part)
            self._is_between = self._frame.eof
            yield piece
        self._head = bytes(rest)

    def is_whole(self) -> bool:
        """Tell whether the last frame has ended."""
        return self._is_between and not self._head

    def _measure(self, head: bytes) -> int:
        """Return how many bytes come before the next header; 0 if *head* is too short to tell."""
        if self._is_between:
            return self._begin(head)
        if len(head) < BLOCK_HEADER_BYTES:
            return 0
        header = int.from_bytes(head[:BLOCK_HEADER_BYTES], "little")
        is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
        content = 1 if kind == RLE else size
        return BLOCK_HEADER_BYTES + content + (self._checksum_bytes if is_last else 0)

    def _begin(self, head: bytes) -> int:
        """Begin a frame; return the size of its header, or 0 if *head* is too short to tell."""
        if len(head) < TELLING_BYTES:
            return 0
        if head[1:4] == SKIPPABLE and head[0] >> 4 == SKIPPABLE_LOW:
            size = TELLING_BYTES + int.from_bytes(head[4:TELLING_BYTES], "little")
        else:
            size = zstandard.frame_header_size(head)
            if len(head) < size:
                return 0
            has_checksum = zstandard.get_frame_parameters(head).has_checksum
            self._checksum_bytes = 4 if has_checksum else 0
        self._frame = self._library.decompressobj()
        self._is_between = False
        return size
