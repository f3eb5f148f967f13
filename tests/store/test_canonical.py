"""Canonical bytes: one value, one sequence of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.store.canonical import DamagedFileError, decode, encode, sha256

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


@given(value=VALUES, compact=st.booleans())
def test_decoding_undoes_encoding(value: object, *, compact: bool) -> None:
    """What was encoded comes back as it was, and encodes to the same bytes again."""
    data = encode(value, compact=compact)
    assert decode(data) == value
    assert encode(decode(data), compact=compact) == data


@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_the_order_of_keys_leaves_no_trace(value: dict[str, object]) -> None:
    """Equal objects have equal bytes, whatever order they were filled in."""
    assert encode(dict(reversed(value.items()))) == encode(value)


@pytest.mark.parametrize(
    ("compact", "expected"),
    [
        (False, b'{\n  "a": [\n    1\n  ],\n  "b": "\xc3\xa9"\n}\n'),
        (True, b'{"a":[1],"b":"\xc3\xa9"}\n'),
    ],
)
def test_the_layout_is_fixed(*, compact: bool, expected: bytes) -> None:
    """Keys are sorted, the file ends with a newline, and only one layout has white space."""
    assert encode({"b": "é", "a": (1,)}, compact=compact) == expected


@pytest.mark.parametrize("value", [2**64, "\ud800", {1: "no text"}])
def test_what_json_cannot_carry_is_a_bug(value: object) -> None:
    """A value that would not come back is refused when it is written, not when it is read."""
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"a": 1', "cut off"),
        (b"<html>", "no JSON"),
        (b'"\xff"', "no JSON"),
        (b"[" * 2000, "no JSON"),
    ],
)
def test_bytes_that_are_no_json_are_damaged(data: bytes, reason: str) -> None:
    """What can't be decoded says in what way."""
    with pytest.raises(DamagedFileError, match=reason):
        decode(data)


def test_digests_are_hexadecimal() -> None:
    """A digest is what `sha256sum` prints."""
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
