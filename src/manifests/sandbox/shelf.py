"""Keep what was made lately within a bound of bytes, and forget what was not asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Shelf"]

Value = TypeVar("Value")


class Shelf(Generic[Value]):
    """A least-recently-used cache bounded by the summed weight of what it holds."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Value | None:
        """Return what was kept under *key*, which becomes the last to be forgotten."""
        found = self._kept.get(key)
        if found is None:
            return None

        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: Hashable, value: Value, *, weight: int) -> Value:
        """Keep *value*, forget the oldest until all fits, and return *value*."""
        _, replaced = self._kept.pop(key, (None, 0))
        self._kept[key] = (value, weight)
        self._weight += weight - replaced
        while self._weight > self._capacity:
            _, (_, forgotten) = self._kept.popitem(last=False)
            self._weight -= forgotten

        return value
