"""Say how values stand in a column of the state database: packed, as JSON, as sortable time."""

from __future__ import annotations

import zlib
from datetime import UTC
from typing import TYPE_CHECKING, Final

import zstandard
from pydantic import BeforeValidator

from manifests.store.canonical import DamagedFileError, decode

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["FROM_JSON", "folder_name", "pack", "stamp", "unpack"]


def decoded(value: object) -> object:
    """Return the value of JSON text; anything else as it is."""
    return decode(value.encode()) if isinstance(value, str) else value


FROM_JSON: Final = BeforeValidator(decoded)
"""Marks a record's field whose column holds JSON."""


ZSTD: Final = zstandard.FRAME_HEADER
"""How all begins that zstd packed, and nothing that zlib or gzip did."""
ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
"""Makes zlib tell by the head which it is: states of earlier days, or a page as it came."""

MOST_BYTES: Final = 256 * 1024**2
"""What a column unpacks to, at most: the record of 10,000 filters takes a tenth of it."""


def pack(data: bytes) -> bytes:
    """Return *data* as it is kept: compressed to about a fifth, in 3 ms for a page of 1 MB."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(data)


def unpack(data: bytes, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return what was packed; a checksum holds it together.

    Args:
        data: what `pack` made, or a page that came as gzip.
        most_bytes: what it may unpack to; a few bytes can claim, or hold, any amount.

    Raises:
        DamagedFileError: these bytes are neither that nor gzip, or too many.
    """
    try:
        found = _unzstd if data.startswith(ZSTD) else _inflate
        return found(data, most_bytes)
    except (zlib.error, zstandard.ZstdError) as error:
        raise DamagedFileError(f"the packed bytes are damaged: {error}") from error


def _unzstd(data: bytes, most_bytes: int) -> bytes:
    # The library takes as much memory as the head of the frame claims, before it reads on.
    if zstandard.frame_content_size(data) > most_bytes:
        raise DamagedFileError(f"the packed bytes claim to be more than {most_bytes}")
    return zstandard.ZstdDecompressor().decompress(data)


def _inflate(data: bytes, most_bytes: int) -> bytes:
    found = b""
    while True:
        stream = zlib.decompressobj(wbits=ZLIB_OR_GZIP)
        found += stream.decompress(data, most_bytes + 1 - len(found))
        if len(found) > most_bytes:
            raise DamagedFileError(f"the packed bytes are more than {most_bytes}")
        if not stream.eof:
            raise DamagedFileError("the packed bytes are damaged: they are cut off")
        data = stream.unused_data
        if not data:  # gzip may have several members, one after the other
            return found


def stamp(moment: datetime) -> str:
    """Return a moment in UTC as text that sorts by time, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def folder_name(folder: Path) -> str:
    """Return the one text that stands for a folder, whatever bytes its name is made of."""
    return str(folder.resolve()).encode("utf-8", "backslashreplace").decode()
