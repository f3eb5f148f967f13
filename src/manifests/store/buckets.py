"""Sort more records than fit in memory: thrown into buckets by their ids, taken out one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from manifests.store.parts import MOST_PARTS, part_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manifests.store.spool import Slot, Spool

__all__ = ["Buckets", "Items"]

Items = tuple[bytes | None, bytes | None]
"""The bytes of a model and of its counters, as far as they are known."""

FULL: Final = 32 * 1024
"""Bytes that a bucket holds in memory, at most."""


class Buckets:
    """Takes items by their ids, and gives each bucket back as a whole."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._slots: list[list[Slot]] = [[] for _ in range(MOST_PARTS)]
        self._pending = [bytearray() for _ in range(MOST_PARTS)]

    def add(self, id_: str, items: Items) -> None:
        """Take what is known of a model; what was known before and is not now stays.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        number = part_of(id_, MOST_PARTS)
        pending = self._pending[number]
        sizes = [None if item is None else len(item) for item in items]
        pending += orjson.dumps([id_, *sizes]) + b"\n"
        for item in items:
            pending += item or b""
        if len(pending) > FULL:
            self._slots[number].append(self._spool.put(bytes(pending)))
            pending.clear()

    def bucket(self, number: int) -> dict[str, Items]:
        """Return what is in one bucket, by id; of several that were added the last one counts.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        found: dict[str, Items] = {}
        for slot in self._slots[number]:
            take(self._spool.get(slot), found)
        take(bytes(self._pending[number]), found)
        return found


def take(data: bytes, found: dict[str, Items]) -> None:
    """Add what *data* holds to what was *found* before it."""
    for id_, model, stats in unpacked(data):
        before = found.get(id_, (None, None))
        found[id_] = (model or before[0], stats or before[1])


def unpacked(data: bytes) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Yield the ids of a bucket with their items."""
    start = 0
    while start < len(data):
        end = data.index(b"\n", start)
        id_, model, stats = orjson.loads(data[start:end])
        middle = end + 1 + (model or 0)
        start = middle + (stats or 0)
        yield (
            id_,
            None if model is None else data[end + 1 : middle],
            None if stats is None else data[middle:start],
        )
