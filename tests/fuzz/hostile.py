"""Spoil good documents, in the ways in which networks, disks and bad intent spoil them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["spoilt"]

NUMBER = re.compile(rb"\d+")
ODD = (
    *(b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r\n", b'"', b"\\", b"{", b"]"),
    *(b"<", b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"-Infinity", b"9" * 30),
    *(b"9" * 5000, b"1" + b"0" * 400, b"0.000000000001", b"99999999999999999999s", b"[" * 3000),
    *(b'{"a":' * 3000, b"a." * 60, b"x" * 70_000, b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"\\ud800"),
    *(b"9999-12-31T23:59:59+00:00", b"0001-01-01T00:00:00+14:00", b"2026-08-20T12:00:00"),
    *(b"Fri, 31 Dec 9999 23:59:59 GMT", b"Mon, 1 Jan 0001 00:00:00 +2359", b"1 Jan 2026 0:0:0 -9"),
)
"""What programs have stumbled over before."""
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "x" * 9999, "\x1b[2J"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@st.composite
def cut(draw: st.DrawFn, seed: bytes) -> bytes:
    """Put something odd, or a piece of the document itself, over some places of it."""
    data = seed
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        piece = st.sampled_from(ODD) | st.binary(max_size=12) | st.just(data[start:end] * 2)
        data = data[:start] + draw(piece) + data[end:]
    return data


@st.composite
def numbered(draw: st.DrawFn, seed: bytes) -> bytes:
    """Put another number in the place of one."""
    places = [match.span() for match in NUMBER.finditer(seed)] or [(0, 0)]
    start, end = draw(st.sampled_from(places))
    number = st.integers().map(lambda value: str(value).encode()) | st.sampled_from(ODD)
    return seed[:start] + draw(number) + seed[end:]


@st.composite
def changed(draw: st.DrawFn, seed: bytes) -> bytes:
    """Put another value in one place of a JSON document; of anything else, cut it."""
    head, blank, body = seed.rpartition(b"\n\n")
    try:
        document = json.loads(body)
    except ValueError:
        return draw(cut(seed))
    place = document
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(range(len(place)) if isinstance(place, list) else list(place)))
        if not isinstance(place[key], dict | list) or draw(st.integers(0, 3)) == 0:
            place[key] = draw(VALUES)
            break
        place = place[key]
    return head + blank + json.dumps(document).encode()


def spoilt(seeds: tuple[bytes, ...]) -> SearchStrategy[bytes]:
    """Return a strategy for bytes that look like *seeds*, or like nothing at all."""
    ways = [way(seed) for seed in seeds for way in (cut, numbered, changed)]
    alike = [st.just(seed) for seed in seeds]
    return st.one_of(
        *alike, *ways, VALUES.map(lambda value: json.dumps(value).encode()), st.binary()
    )
