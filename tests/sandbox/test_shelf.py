"""What is kept stays within its bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.sandbox.shelf import Shelf


def test_the_least_recently_used_is_forgotten() -> None:
    """Asking for a thing keeps it; the one asked for longest ago goes first."""
    shelf: Shelf[str] = Shelf(2)
    shelf.keep("a", "A", weight=1)
    shelf.keep("b", "B", weight=1)
    assert shelf.get("a") == "A"
    shelf.keep("c", "C", weight=1)
    assert (shelf.get("a"), shelf.get("b"), shelf.get("c")) == ("A", None, "C")


def test_what_is_too_large_is_not_kept() -> None:
    """A value above the bound is returned, but not kept."""
    shelf: Shelf[str] = Shelf(2)
    assert shelf.keep("a", "A", weight=3) == "A"
    assert shelf.get("a") is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4))))
def test_the_bound_holds(steps: list[tuple[int, int]]) -> None:
    """Whatever is kept and replaced: what remains fits the bound, and the last one is there."""
    shelf: Shelf[int] = Shelf(8)
    weights = {}
    for key, weight in steps:
        shelf.keep(key, weight, weight=weight)
        weights[key] = weight
        assert shelf.get(key) == weight

    assert sum(weight for key, weight in weights.items() if shelf.get(key) is not None) <= 8
    assert len(shelf) == sum(shelf.get(key) is not None for key in weights)
