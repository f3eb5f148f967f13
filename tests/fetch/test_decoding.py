"""A body unpacks to what was packed, a bounded piece at a time, or not at all."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.copying import MOST_BYTES
from manifests.fetch.decoding import ACCEPTED, MOST_PIECE, Decoder, DecodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MIB = 1024**2
JSON = b'{"items": [%s]}' % b", ".join(b'{"id": %d}' % number for number in range(30))


def pack_gzip(body: bytes) -> bytes:
    """Return *body* as gzip."""
    return gzip.compress(body, mtime=0)


def pack_raw(body: bytes) -> bytes:
    """Return *body* as deflate without the wrapping that it should have."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def pack_brotli(body: bytes) -> bytes:
    """Return *body* as brotli, packed quickly."""
    packed: bytes = brotli.compress(body, quality=1)
    return packed


def pack_stream(body: bytes) -> bytes:
    """Return *body* as zstd of unknown size with a checksum, as a server packs what it makes."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return packer.compress(body) + packer.flush()


def skippable(content: bytes) -> bytes:
    """Return a frame that readers of zstd pass over, as parallel packers leave them."""
    return b"\x5e\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", pack_gzip),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", pack_raw),
    "br": ("br", pack_brotli),
    "zstd": ("zstd", zstandard.compress),
    "zstd stream": ("zstd", pack_stream),
}
BODIES = {
    "json": JSON,
    "zeros": bytes(2 * MIB),
    "noise": Random(7).randbytes(MIB),
    "mixture": JSON * 99 + Random(8).randbytes(30_000) + bytes(300_000),
}


def unpack(header: str, chunks: Iterable[bytes], *, most_bytes: int = 64 * MIB) -> bytes:
    """Return what a body holds that comes in *chunks*."""
    decoder = Decoder(header, most_bytes=most_bytes)
    pieces = [piece for chunk in chunks for piece in decoder.decode(chunk)]
    decoder.finish()
    return b"".join(pieces)


def split(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Return *data* cut at *places*, some of the parts perhaps empty."""
    bounds = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


@given(
    body=st.binary(max_size=2000) | st.just(BODIES["mixture"]),
    kinds=st.lists(st.sampled_from(sorted(PACKERS)), max_size=3),
    places=st.lists(st.integers(0, 3000), max_size=8),
)
def test_round_trip(body: bytes, kinds: list[str], places: list[int]) -> None:
    """Up to three codings in a row come off again, however the network cuts the body."""
    packed = body
    for kind in kinds:
        packed = PACKERS[kind][1](packed)
    header = ", ".join(PACKERS[kind][0] for kind in kinds)
    assert unpack(header, split(packed, places)) == body


@pytest.mark.parametrize("kind", PACKERS)
def test_a_drip(kind: str) -> None:
    """A body may come byte by byte."""
    header, pack = PACKERS[kind]
    packed = pack(JSON * 200)
    assert unpack(header, split(packed, range(len(packed)))) == JSON * 200


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("excess", [1 - MOST_PIECE, -1, 0, 1, 24, MOST_PIECE])
def test_sizes_about_a_piece(kind: str, excess: int) -> None:
    """No byte is lost where a piece is just full, nor where zlib still holds one back."""
    header, pack = PACKERS[kind]
    size = MOST_PIECE + excess
    for body in (bytes(size), Random(size).randbytes(size)):
        assert unpack(header, [pack(body)]) == body


@pytest.mark.parametrize(
    "header", ["", " ", "identity", "Identity, identity", ",", *ACCEPTED.split(", ")]
)
def test_a_body_without_bytes(header: str) -> None:
    """What has no body, such as a 304, may still name its coding."""
    assert unpack(header, []) == b""
    assert unpack(header, [b"", b""]) == b""


@pytest.mark.parametrize("header", ["gzip", "GZip", " x-gzip ", "identity, gzip", "gzip,,identity"])
def test_names_of_codings(header: str) -> None:
    """Names have no case, and what does nothing is passed over (RFC 9110 §8.4)."""
    assert unpack(header, [pack_gzip(JSON)]) == JSON


@pytest.mark.parametrize("kind", PACKERS)
def test_cut_off_at_any_byte(kind: str) -> None:
    """A body that lacks its end is refused, wherever it was cut, though all of it unpacks."""
    header, pack = PACKERS[kind]
    packed = pack(JSON)
    for length in range(1, len(packed)):
        with pytest.raises(DecodingError, match="the packed body is cut off"):
            unpack(header, [packed[:length]])


@pytest.mark.parametrize("kind", PACKERS)
def test_an_inner_coding_is_cut_off(kind: str) -> None:
    """The outer coding being whole doesn't make the inner one so."""
    header, pack = PACKERS[kind]
    packed = pack_gzip(pack(JSON)[:-1])
    with pytest.raises(DecodingError, match="the packed body is cut off"):
        unpack(f"{header}, gzip", [packed])


@pytest.mark.parametrize(
    ("header", "packed"),
    [
        ("gzip", [pack_gzip(JSON), pack_gzip(b""), pack_gzip(JSON)]),
        ("zstd", [zstandard.compress(JSON), zstandard.compress(b""), pack_stream(JSON)]),
        ("zstd", [skippable(b""), pack_stream(JSON), skippable(JSON), zstandard.compress(JSON)]),
    ],
)
def test_several_members_are_one_body(header: str, packed: list[bytes]) -> None:
    """Members of gzip and frames of zstd follow one another, wherever the network cuts them."""
    whole = b"".join(packed)
    assert unpack(header, packed) == JSON * 2
    for place in range(len(whole)):
        assert unpack(header, split(whole, [place])) == JSON * 2


@pytest.mark.parametrize("kind", ["gzip", "zstd", "zstd stream"])
def test_many_members(kind: str) -> None:
    """Each member ends where its checksum does, whatever that looks like."""
    header, pack = PACKERS[kind]
    parts = [b"part %d;" % number for number in range(50)]
    assert unpack(header, [b"".join(map(pack, parts))]) == b"".join(parts)


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("garbage", [b"garbage, and not a little of it", b"<html>"])
def test_garbage_behind_a_body(kind: str, garbage: bytes) -> None:
    """What follows a body has to be more of it."""
    header, pack = PACKERS[kind]
    with pytest.raises(DecodingError):
        unpack(header, [pack(JSON) + garbage])
    with pytest.raises(DecodingError):
        unpack(header, [pack(JSON), garbage])


@pytest.mark.parametrize("header", ["gzip", "br", "zstd", "deflate"])
@pytest.mark.parametrize("body", [JSON, b"<html>" * 9, b"\xff" * 40])
def test_garbage_instead_of_a_body(header: str, body: bytes) -> None:
    """A body that isn't packed at all is refused, in words for a person."""
    with pytest.raises(DecodingError, match=r"^the body does not decompress: "):
        unpack(header, [body])


@pytest.mark.parametrize("kind", ["gzip", "zlib", "zstd stream"])
def test_a_checksum_counts(kind: str) -> None:
    """A body that unpacks to something else than was packed is refused, where that is told."""
    header, pack = PACKERS[kind]
    packed = bytearray(pack(JSON))
    packed[-5 if kind == "gzip" else -1] ^= 1
    with pytest.raises(DecodingError, match="does not decompress"):
        unpack(header, [bytes(packed)])


ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_START = ZSTD_MAGIC + b"\x00\x38"
"""A frame of unknown size, whose reader is to remember 128 KiB."""


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (ZSTD_START + b"\x07\x00\x00" + bytes(40), "does not decompress"),
        (ZSTD_START + b"\x0a\x00\x10\x00" + bytes(40), "does not decompress"),
        (ZSTD_MAGIC + b"\x00\x70\x01\x00\x00" + bytes(40), "too much memory"),
    ],
    ids=["block of no kind", "block too large", "window of 16 MiB"],
)
def test_hostile_frames(packed: bytes, words: str) -> None:
    """A frame of zstd that would cost more than a piece is refused."""
    with pytest.raises(DecodingError, match=words):
        unpack("zstd", [packed])


def test_the_largest_window() -> None:
    """A frame may ask for as much memory as RFC 9659 lets it."""
    assert unpack("zstd", [ZSTD_MAGIC + b"\x00\x68\x01\x00\x00"]) == b""


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("compress", "the body is packed in an unknown way: 'compress'"),
        ("gzip, \x1b[31m☢", "the body is packed in an unknown way: '\\x1b[31m\\u2622'"),
        ("hf_" + "x" * 34, "the body is packed in an unknown way, whose name is too long to tell"),
        ("gzip, br, gzip, br", "the body is packed 4 times over"),
    ],
)
def test_unusable_codings(header: str, words: str) -> None:
    """A coding that nobody asked for is named, shortly and safe for a terminal."""
    with pytest.raises(DecodingError) as caught:
        Decoder(header, most_bytes=MIB)
    assert caught.value.cause == words


BOMBS = {
    "gzip": pack_gzip(bytes(32 * MIB)),
    "deflate": zlib.compress(bytes(32 * MIB)),
    "br": pack_brotli(bytes(32 * MIB)),
    # Blocks of one zero each, 128 KiB times over: 32 KB hold 1 GiB.
    "zstd": ZSTD_START + b"\x02\x00\x10\x00" * 8192,
    "gzip, gzip": pack_gzip(pack_gzip(bytes(32 * MIB))),
    "zstd, br, gzip": pack_gzip(pack_brotli(ZSTD_START + b"\x02\x00\x10\x00" * 8192)),
}


@pytest.mark.parametrize("header", BOMBS)
def test_a_bomb_is_unpacked_to_the_cap(header: str) -> None:
    """However much a body holds, no more is made of it than the cap and a piece."""
    decoder = Decoder(header, most_bytes=4 * MIB)
    sizes: list[int] = []
    tracemalloc.start()
    try:
        with pytest.raises(DecodingError, match="the body passes 4 MiB"):
            sizes.extend(len(piece) for piece in decoder.decode(BOMBS[header]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(sizes) <= MOST_PIECE
    assert 4 * MIB - MOST_PIECE < sum(sizes) <= 4 * MIB
    # Three codings hold a piece each, and each library its window.
    assert peak < 2 * MIB


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_pieces_are_small(kind: str, body: bytes) -> None:
    """A piece has its bound whatever it is made of, and is made only when asked for."""
    header, pack = PACKERS[kind]
    decoder = Decoder(header, most_bytes=len(body))
    assert max(map(len, decoder.decode(pack(body)))) <= MOST_PIECE
    decoder.finish()


def test_what_lies_between_codings_is_bounded() -> None:
    """A body that is small in the end may not be large on the way."""
    packed = zstandard.compress(pack_gzip(b"") * 60_000)
    with pytest.raises(DecodingError, match="the body passes 1 MiB"):
        unpack("gzip, zstd", [packed], most_bytes=MIB)


@pytest.mark.parametrize("header", ["gzip, zstd", "br, gzip, zstd"])
def test_nobody_waits_long_for_a_piece(header: str) -> None:
    """What unpacks to nothing still gives an empty piece, so that its reader can stop."""
    decoder = Decoder(header, most_bytes=MIB)
    pieces = list(decoder.decode(zstandard.compress(pack_gzip(b"") * 1000)))
    assert len(pieces) >= 1000
    assert b"".join(pieces) == b""


@pytest.mark.parametrize(
    ("header", "body", "is_kept"),
    [
        ("gzip", gzip.compress(JSON), True),
        ("X-GZIP, identity", gzip.compress(JSON), True),
        ("gzip", gzip.compress(JSON) + gzip.compress(JSON), True),
        ("gzip, gzip", gzip.compress(gzip.compress(JSON)), False),
        ("br", brotli.compress(JSON), False),
        ("", JSON, False),
        ("gzip", gzip.compress(Random(9).randbytes(MOST_BYTES)), False),
    ],
)
def test_gzip_can_be_had_as_it_came(header: str, body: bytes, *, is_kept: bool) -> None:
    """What is packed by nothing else, and is of a page's size, is there to be kept."""
    decoder = Decoder(header, most_bytes=64 * MIB)
    pieces = [piece for chunk in split(body, [3, 70]) for piece in decoder.decode(chunk)]
    decoder.finish()
    assert decoder.packed() == (body if is_kept else None)
    assert not is_kept or gzip.decompress(body) == b"".join(pieces)
