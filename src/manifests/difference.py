"""Compare two orders of ids: what came, what went, what changed its place."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Difference", "Moved", "Placed", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An id that the old list has not."""

    id: str
    place: int
    """In the new list; 0 is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An id that passed others."""

    id: str
    before: int
    """Its place in the old list; 0 is the first."""
    place: int
    """Its place in the new list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What turns one list of ids into another."""

    added: tuple[Placed, ...] = ()
    """In the order of the new list."""
    removed: tuple[str, ...] = ()
    """In the order of the old list."""
    moved: tuple[Moved, ...] = ()
    """As few ids as must change their place among those of both lists, in the new order."""

    @property
    def is_none(self) -> bool:
        """Whether both lists are equal."""
        return not (self.added or self.removed or self.moved)


def compare(before: Sequence[str], after: Sequence[str]) -> Difference:
    """Return the difference between two lists of distinct ids."""
    old = {id_: place for place, id_ in enumerate(before)}
    new = frozenset(after)
    stayed = [old[id_] for id_ in after if id_ in old]
    kept = longest_increasing(stayed)
    return Difference(
        added=tuple(
            Placed(id=id_, place=place) for place, id_ in enumerate(after) if id_ not in old
        ),
        removed=tuple(id_ for id_ in before if id_ not in new),
        moved=tuple(
            Moved(id=id_, before=old[id_], place=place)
            for place, id_ in enumerate(after)
            if id_ in old and old[id_] not in kept
        ),
    )


def longest_increasing(numbers: Sequence[int]) -> frozenset[int]:
    """Return the members of a longest increasing subsequence of distinct *numbers*.

    Patience sorting: of all subsequences of one length, the one with the smallest end is kept,
    with each number's predecessor in it; O(n log n).
    """
    ends: list[int] = []
    predecessors: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        predecessors[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]

    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = predecessors[last]

    return frozenset(found)
