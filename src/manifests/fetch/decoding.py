"""Unpack a body as its Content-Encoding says, a bounded piece at a time, and only if it is whole.

httpx unpacks whatever arrives in one go: 32 KB of zstd hold 1 GB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import brotli  # type: ignore[import-untyped]  # it ships no types
import zstandard
from zlib_ng import zlib_ng as zlib

from manifests.errors import ManifestsError
from manifests.fetch.copying import Copy
from manifests.fetch.zstd_blocks import Zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["ACCEPTED", "MOST_PIECE", "Decoder", "DecodingError"]

ACCEPTED = "gzip, br, zstd"
"""What is asked for; deflate is read too, but servers disagree on what it means."""

MOST_PIECE = 256 * 1024
"""Bytes that are unpacked at once, at most."""

BROTLI_LIMIT = MOST_PIECE // 2
"""brotli passes its limit by up to 100 KiB, as its buffer grows in ever larger steps."""

MOST_CODINGS = 3
LONGEST_NAME = 20
"""Characters of a coding's name that is shown: a token that upstream repeats is longer."""


class DecodingError(ManifestsError):
    """A body is too large, cut off, or not what its Content-Encoding says."""


class Coding(Protocol):
    """One coding of a body, being taken off."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data*, which isn't empty, unpacks to, in pieces of `MOST_PIECE` at most.

        A piece may be empty.
        """
        ...

    def is_whole(self) -> bool:
        """Tell whether the body may end here; one without a single byte may."""
        ...


class Identity:
    """No coding."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield *data*, which is as large as one read from the socket."""
        yield data

    def is_whole(self) -> bool:
        """Return true: only the length tells."""
        return True


class Zlib:
    """A stream of zlib's, or several in a row, such as the members of a gzip file."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream: zlib._Decompress | None = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* unpacks to."""
        is_full = False
        while data or is_full:
            stream = self._stream = self._stream or zlib.decompressobj(self._wbits)
            piece = stream.decompress(data, MOST_PIECE)
            yield piece
            data = stream.unconsumed_tail or stream.unused_data
            is_full = len(piece) == MOST_PIECE and not stream.eof
            if stream.eof:
                self._stream = None

    def is_whole(self) -> bool:
        """Tell whether each stream has ended, its checksum being right."""
        return self._stream is None


class Deflate:
    """What servers call deflate: a stream with zlib's wrapping (RFC 9110 §8.4.1.2) or without."""

    def __init__(self) -> None:
        self._head = b""
        self._zlib: Zlib | None = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* unpacks to, as soon as two bytes have told of the wrapping."""
        if self._zlib is None:
            data = self._head = self._head + data
            if len(data) == 1:
                return
            is_wrapped = data[0] & 15 == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
            self._zlib = Zlib(zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS)
        yield from self._zlib.decode(data)

    def is_whole(self) -> bool:
        """Tell whether the stream has ended."""
        return self._zlib.is_whole() if self._zlib else not self._head


class Brotli:
    """A stream of brotli's."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._has_begun = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* unpacks to."""
        self._has_begun = is_full = True
        while is_full:
            piece: bytes = self._stream.process(data, output_buffer_limit=BROTLI_LIMIT)
            yield piece
            data = b""
            is_full = len(piece) >= BROTLI_LIMIT or not self._stream.can_accept_more_data()

    def is_whole(self) -> bool:
        """Tell whether the stream has ended."""
        return not self._has_begun or self._stream.is_finished()


CODINGS: Mapping[str, Callable[[], Coding]] = {
    "gzip": lambda: Zlib(zlib.MAX_WBITS | 16),
    "x-gzip": lambda: Zlib(zlib.MAX_WBITS | 16),
    "deflate": Deflate,
    "br": Brotli,
    "zstd": Zstd,
    "identity": Identity,
}

UNREADABLE: tuple[type[Exception], ...] = (
    zlib.error,  # type: ignore[assignment]  # its types take the class for an exception
    brotli.error,
    zstandard.ZstdError,
)


class Decoder:
    """Unpacks one body, which may be packed several times over.

    Args:
        content_encoding: the header; it names the codings in the order in which they were put on.
        most_bytes: size of the body, at most, and of what lies between two codings.

    Raises:
        DecodingError: a coding is unknown, or there are too many.
    """

    def __init__(self, content_encoding: str, *, most_bytes: int) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        names = [name for name in names if name not in {"", "identity"}]
        if len(names) > MOST_CODINGS:
            raise DecodingError(f"the body is packed {len(names)} times over")
        unknown = [name for name in names if name not in CODINGS]
        if unknown:
            raise DecodingError(f"the body is packed in an unknown way{shown(unknown[0])}")
        codings = [CODINGS[name]() for name in reversed(names or ["identity"])]
        self._layers = [Layer(coding, most_bytes=most_bytes) for coding in codings]
        self._copy = Copy(names)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* unpacks to; each piece, which may be empty, is made when asked for.

        Raises:
            DecodingError: the body is garbage or too large.
        """
        self._copy.add(data)
        pieces: Iterator[bytes] = iter((data,))
        for layer in self._layers:
            pieces = layer.decode(pieces)
        return pieces

    def finish(self) -> None:
        """Hold that the body may end here.

        Raises:
            DecodingError: the body is cut off.
        """
        if not all(layer.is_whole() for layer in self._layers):
            raise DecodingError("the packed body is cut off")

    def packed(self) -> bytes | None:
        """Return what was decoded, if gzip is all that it was packed with: that has a checksum."""
        return self._copy.whole()


def shown(name: str) -> str:
    """Return what to say of an unknown coding's name."""
    return f": {name!a}" if len(name) <= LONGEST_NAME else ", whose name is too long to tell"


class Layer:
    """Takes off one coding, and counts what comes out."""

    def __init__(self, coding: Coding, *, most_bytes: int) -> None:
        self._coding = coding
        self._most_bytes = most_bytes
        self._bytes = 0
        self.is_whole = coding.is_whole

    def decode(self, packed: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what *packed* unpacks to.

        What is empty goes through as it is: thus whoever waits for bytes is never kept long.

        Raises:
            DecodingError: the body is garbage or too large.
        """
        try:
            for data in packed:
                for piece in self._coding.decode(data) if data else (data,):
                    self._count(piece)
                    yield piece
        except UNREADABLE as error:
            raise DecodingError(f"the body does not decompress: {error}") from error

    def _count(self, piece: bytes) -> None:
        """Add *piece* to what has come out."""
        self._bytes += len(piece)
        if self._bytes > self._most_bytes:
            raise DecodingError(f"the body passes {self._most_bytes // 1024**2} MiB")
