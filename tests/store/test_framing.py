"""Files written record by record: the same bytes as if they were encoded at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.store.canonical import encode
from manifests.store.framing import Framing, cut_items, key_of, laid_out

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.none() | st.integers(-9, 9) | KEYS | st.lists(KEYS, max_size=2)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=3)


@given(records=st.dictionaries(KEYS, RECORDS, max_size=4), compact=st.booleans())
def test_pieces_make_the_canonical_file(
    records: dict[str, dict[str, object]], *, compact: bool
) -> None:
    """Whatever the keys and values are, also quotes, line breaks and braces."""
    framing = Framing(compact=compact)
    shell = {"schema": 1, "after": "a", "zz": None}
    items = [framing.item(key, record) for key, record in sorted(records.items())]
    assert b"".join(framing.pieces(shell, "models", items)) == encode(
        {**shell, "models": records}, compact=compact
    )


@given(
    st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), min_size=1),
)
def test_what_is_laid_out_is_cut_into_the_same_items(
    records: dict[str, dict[str, object]],
) -> None:
    """In the order in which they were given, whatever the keys and values are."""
    ordered = {key: dict(sorted(record.items())) for key, record in records.items()}
    items = cut_items(laid_out(ordered))
    assert items == [Framing().item(key, record) for key, record in records.items()]
    assert [key_of(item) for item in items] == [*records]
