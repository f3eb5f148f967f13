"""Text of others is one visible line wherever it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.report.plain import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("filter/x/week", "filter/x/week"),
        ("Größe 大", "Größe 大"),
        ("two\nlines\tand\r\nmore", "two lines and  more"),
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("\x1b[31mred\x00\x7f\x9b", "\\x1b[31mred\\x00\\x7f\\x9b"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800", "\\ud800"),
        ("x" * 301, f"{'x' * 299}…"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    """Printable text stays, breaks become blanks, the invisible is spelled, and length ends."""
    assert plain(text) == shown


@given(text=st.text(st.characters()))
def test_nothing_else_gets_through(text: str) -> None:
    """Whatever comes, it is one printable line of bounded length."""
    shown = plain(text, most=20)
    assert shown.isprintable()
    assert len(shown) <= 20
    assert plain(shown, most=20) == shown
