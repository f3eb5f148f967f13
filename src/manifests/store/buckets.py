"""Sort more records than fit in memory: thrown into buckets by their ids, taken out one by one."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from manifests.store.parts import MOST_PARTS, part_of
from manifests.store.spool import Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from manifests.store.spool import Spool

__all__ = ["Buckets", "Items"]

Items: TypeAlias = tuple[bytes | None, bytes | None]
"""The bytes of a model and of its counters, as far as they are known."""

Added: TypeAlias = tuple[str, bytes | None, bytes | None]
"""The same, after the id of the model."""

FULL: Final = 32 * 1024
"""Bytes that a bucket holds in memory, at most."""

ROOM: Final = 200
"""Bytes that Python needs besides for what is known of a model."""


class Buckets:
    """Takes items by their ids, and gives each bucket back as a whole."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pending: list[list[Added]] = [[] for _ in range(MOST_PARTS)]
        self._room = [FULL] * MOST_PARTS
        # Plain numbers: there may be tens of thousands of them.
        self._sheaves = [array("q") for _ in range(MOST_PARTS)]
        self._count = 0
        self.size = 0
        """Bytes of all items that were added, also of those whose ids came again."""

    def __len__(self) -> int:
        """Return how often items were added."""
        return self._count

    def add(self, id_: str, model: bytes | None, stats: bytes | None) -> None:
        """Take what is known of a model; what was known before and is not now stays.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        number = part_of(id_, MOST_PARTS)
        size = len(model or b"") + len(stats or b"")
        self.size += size
        self._count += 1
        self._pending[number].append((id_, model, stats))
        self._room[number] -= size + ROOM
        if self._room[number] < 0:
            head, body = bound(self._pending[number])
            slot = self._spool.put(head + body)
            self._sheaves[number].extend((slot.start, len(head), slot.size))
            self._pending[number] = []
            self._room[number] = FULL

    def bucket(self, number: int) -> dict[str, Items]:
        """Return what is in one bucket, by id; of several that were added the last one counts.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        found: dict[str, Items] = {}
        for start, head, size in self._places(number):
            data = self._spool.get(Slot(start, size))
            take(unbound(orjson.loads(data[:head]), data, head), found)
        take(self._pending[number], found)
        return found

    def model_sizes(self, number: int) -> dict[str, int]:
        """Return how many bytes each model of a bucket has; of its items only sizes are read.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        found: dict[str, int] = {}
        for start, head, _ in self._places(number):
            rows = orjson.loads(self._spool.get(Slot(start, head)))
            found |= {id_: model for id_, model, _ in rows if model}
        found |= {id_: len(model) for id_, model, _ in self._pending[number] if model}
        return found

    def _places(self, number: int) -> Iterator[tuple[int, int, int]]:
        numbers = iter(self._sheaves[number])
        return zip(numbers, numbers, numbers, strict=True)


def bound(added: Sequence[Added]) -> tuple[bytes, bytes]:
    """Return the ids and sizes of items, and the items one after the other."""
    sizes = [
        (id_, None if model is None else len(model), None if stats is None else len(stats))
        for id_, model, stats in added
    ]
    return orjson.dumps(sizes), b"".join(item for _, *items in added for item in items if item)


def unbound(
    sizes: Iterable[tuple[str, int | None, int | None]], data: bytes, start: int
) -> Iterator[Added]:
    """Yield the items that stand in *data* from *start* on."""
    for id_, model, stats in sizes:
        middle = start + (model or 0)
        end = middle + (stats or 0)
        yield (
            id_,
            None if model is None else data[start:middle],
            None if stats is None else data[middle:end],
        )
        start = end


def take(added: Iterable[Added], found: dict[str, Items]) -> None:
    """Add items to what was *found* before them."""
    for id_, model, stats in added:
        if not model or not stats:
            before = found.get(id_, (None, None))
            found[id_] = (model or before[0], stats or before[1])
        else:
            found[id_] = (model, stats)
