"""Hold what pages of all sources are read with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.sources.pages import distinct
from manifests.sources.text import tidy

WORDS = st.none() | st.sampled_from(["", " ", "a", "a ", "b c", "b  c", "\u200b", "a\u200b", "é"])


@given(st.lists(WORDS) | st.lists(st.text(max_size=3)))
def test_words_are_kept_once_and_tidy(texts: list[str | None]) -> None:
    """The quick look at all words together changes nothing of what comes out."""
    assert distinct(texts) == tuple(dict.fromkeys(filter(None, (tidy(t or "") for t in texts))))
