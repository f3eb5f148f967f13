"""Sets of ids without the ids: their members are known, and so is their number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.store.idset import IdSet


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_it_answers_as_a_set(ids: list[str], others: list[str]) -> None:
    """Members belong to it, others do not, and repetitions count once."""
    found = IdSet(ids)
    assert len(found) == len({*ids})
    assert all((id_ in found) is (id_ in ids) for id_ in [*ids, *others])
