"""Differences of two orders: as small as can be, and enough to make one of the other."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.difference import Difference, Moved, Placed, compare

ORDERS = st.lists(st.integers(0, 14).map(str), unique=True, max_size=12)
SHORT = st.lists(st.sampled_from("abcdefg"), unique=True, max_size=7)


def applied(before: list[str], difference: Difference) -> list[str]:
    """Return the list that *difference* makes of the one that it was found against."""
    gone = {*difference.removed, *(each.id for each in difference.moved)}
    made = [id_ for id_ in before if id_ not in gone]
    inserted: tuple[Placed | Moved, ...] = (*difference.added, *difference.moved)
    for each in sorted(inserted, key=lambda one: one.place):
        made.insert(each.place, each.id)
    return made


@given(before=ORDERS, after=ORDERS)
def test_a_difference_makes_one_list_of_the_other(before: list[str], after: list[str]) -> None:
    """What was found between two lists turns the first into the second."""
    assert applied(before, compare(before, after)) == after


@given(order=ORDERS)
def test_equal_lists_have_no_difference(order: list[str]) -> None:
    """A list does not differ from itself."""
    assert compare(order, order).is_none
    assert compare(order, order) == Difference()


@given(before=ORDERS, after=ORDERS)
def test_a_difference_is_none_only_of_equal_lists(before: list[str], after: list[str]) -> None:
    """No difference goes unnoticed."""
    assert compare(before, after).is_none is (before == after)


@given(before=SHORT, after=SHORT)
def test_as_few_as_can_be_are_moved(before: list[str], after: list[str]) -> None:
    """No larger part of what stayed has kept its order than what is not called moved."""
    both = [id_ for id_ in before if id_ in after]
    moved = compare(before, after).moved
    kept = len(both) - len(moved)
    larger = combinations(both, kept + 1)
    assert not any(sorted(some, key=after.index) == [*some] for some in larger)


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ("", "ab", Difference(added=(Placed(id="a", place=0), Placed(id="b", place=1)))),
        ("ab", "", Difference(removed=("a", "b"))),
        ("abcde", "eabcd", Difference(moved=(Moved(id="e", before=4, place=0),))),
        ("abcde", "bcdea", Difference(moved=(Moved(id="a", before=0, place=4),))),
        ("abc", "xbc", Difference(added=(Placed(id="x", place=0),), removed=("a",))),
        (
            "abcd",
            "cxa",
            Difference(
                added=(Placed(id="x", place=1),),
                removed=("b", "d"),
                moved=(Moved(id="c", before=2, place=0),),
            ),
        ),
    ],
)
def test_a_difference_says_what_happened(before: str, after: str, difference: Difference) -> None:
    """What only made room is not called moved, and every place is that of the new list."""
    assert compare(before, after) == difference
