"""A few bytes never cost much memory or time, whichever reader they are made for."""

from __future__ import annotations

import tracemalloc
import zlib

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
import zstandard
from tests.fuzz.seeds import SEEDS, message
from tests.fuzz.targets import MOST_BYTES, TARGETS

# Each reader has tests of its own, which hold its lines.
pytestmark = pytest.mark.no_cover

ZEROS = bytes(64 * 1024**2)
BODIES = {
    "brotli": message(brotli.compress(ZEROS, quality=4), Content_Encoding="br"),
    "gzip": message(zlib.compress(ZEROS, 9, zlib.MAX_WBITS | 16), Content_Encoding="gzip"),
    "gzip twice": message(
        zlib.compress(zlib.compress(ZEROS, 9, 31), 9, 31), Content_Encoding="gzip, gzip"
    ),
    "zstd": message(zstandard.ZstdCompressor().compress(ZEROS), Content_Encoding="zstd"),
    "codings": message(b"x", Content_Encoding="gzip," * 50_000),
}
MOST_MEMORY = 8 * MOST_BYTES
LONG = 200_000


@pytest.mark.parametrize("name", BODIES)
def test_a_packed_bomb_costs_no_more_than_its_limit(name: str) -> None:
    """What unpacks to 64 MiB is dropped at its limit, and never stood in memory."""
    tracemalloc.start()
    try:
        TARGETS["body"](BODIES[name])
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def bombs(seed: bytes) -> dict[str, bytes]:
    """Return what programs have hung or fallen over, as documents of the kind of *seed*."""
    head = seed[: seed.rfind(b"\n\n") + 2] if b"\n\n" in seed else b""
    return {
        "arrays": head + b"[" * LONG,
        "objects": head + b'{"a":' * LONG,
        "digits": head + b"9" * LONG,
        "exponent": head + b"1e" + b"9" * LONG,
        "dots": head + b"a." * LONG,
        "quotes": head + b'"' * LONG,
        "blanks": head + b" " * LONG,
        "tags": head + b'[{"id":1,"name":"x","description":"' + b"<b>" * LONG + b'"}]',
        "entities": head + b'{"items":[{"id":1,"name":"' + b"&amp;" * LONG + b'"}]}',
        "lines": head + b"\n" * LONG,
    }


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"database"}))
def test_length_and_depth_break_no_reader(name: str) -> None:
    """Whatever is very long or very deep is refused as quickly as anything else."""
    tracemalloc.start()
    try:
        for bomb in bombs(SEEDS[name][0]).values():
            TARGETS[name](bomb)
        assert tracemalloc.get_traced_memory()[1] < 64 * MOST_BYTES
    finally:
        tracemalloc.stop()


LINES = {
    "retry-after": "9" * LONG,
    "ratelimit": '"a";r=1;t=2,' * (LONG // 12),
    "ratelimit-policy": '"a";q=1;w=2;' * (LONG // 12),
    "date": "Fri, " * LONG,
    "age": "1" * LONG,
    "link": "<a>; rel=next; " * (LONG // 15),
    "content-type": "html;" * LONG,
    "content-encoding": " ," * LONG,
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("target", ["body", "civitai", "headers", "huggingface"])
def test_a_long_header_breaks_no_reader(target: str, name: str) -> None:
    """No header takes longer to read than its length."""
    value = LINES[name]
    for text in (value, value[: LONG // 2] + "\x00" + value[LONG // 2 :], value[::-1]):
        TARGETS[target](message(b"[]", **{name: text}))
