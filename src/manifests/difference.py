"""Compare two orders of ids: what came, what went, what changed its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Difference", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What turns one list of ids into another."""

    added: tuple[str, ...]
    """In the order of the new list."""
    removed: tuple[str, ...]
    """In the order of the old list."""
    moved: tuple[str, ...]
    """Ids of both lists that stand at another place among those."""

    @property
    def is_none(self) -> bool:
        """Whether both lists are equal."""
        return not (self.added or self.removed or self.moved)


def compare(before: Sequence[str], after: Sequence[str]) -> Difference:
    """Return the difference between two lists of distinct ids."""
    old, new = frozenset(before), frozenset(after)
    stayed_before = [id_ for id_ in before if id_ in new]
    stayed_after = [id_ for id_ in after if id_ in old]
    return Difference(
        added=tuple(id_ for id_ in after if id_ not in old),
        removed=tuple(id_ for id_ in before if id_ not in new),
        moved=tuple(
            there for here, there in zip(stayed_before, stayed_after, strict=True) if here != there
        ),
    )
