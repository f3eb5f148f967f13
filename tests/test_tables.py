"""Whatever stands in a TOML file, decoding it ends in a table or in one line of what is wrong."""

from __future__ import annotations

import pytest

from manifests.tables import decode_toml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = [" + "[" * 100_000, "nested too deeply"),
        ("a = " + "{b=" * 100_000, "nested too deeply"),
        ("a = " + "9" * 5_000, "a number is too long"),
        ("\n[" + "a." * 100_000 + "a]", r"more than 32 parts \(at line 2\)"),
        ("x = 1\na" + " . 'b-c'" * 33 + " = 1", r"more than 32 parts \(at line 2\)"),
        ('x = {"a"' + '."\u00e9 d"' * 33 + " = 1}", r"more than 32 parts \(at line 1\)"),
        ("a = ", "Invalid value"),
        ("x" * 1_000_000, "Expected '='"),
    ],
)
def test_a_bomb_is_refused_in_a_line(text: str, words: str) -> None:
    """Nesting, long numbers and long keys cost neither the stack nor the machine's memory."""
    with pytest.raises(ValueError, match=words) as caught:
        decode_toml(text)
    assert "\n" not in str(caught.value)


def test_what_people_write_is_decoded() -> None:
    """Keys of a few parts, and text with many points, are as they always were."""
    dotted = ".".join(["a"] * 32)
    points = "1. 2. 3. ... " * 20
    assert decode_toml(f'{dotted} = 1\nb = "{points}"')["b"] == points
