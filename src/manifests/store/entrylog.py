"""Hold the models of listings as bytes in a spool: a run may list more of them than fit in memory.

They are written page by page as they come, and read again page by page, in their order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson
from pydantic import TypeAdapter

from manifests.models import Model, Stats
from manifests.sources.base import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from manifests.store.spool import Slot, Spool

__all__ = [
    "EntryLog",
    "Fields",
    "Gathered",
    "Known",
    "Row",
    "entries_in",
    "model_fields",
    "rows_in",
    "stats_fields",
]

Fields: TypeAlias = dict[str, object]
"""A record as plain data."""

Row: TypeAlias = tuple[str, Fields | None, Fields | None]
"""An id, its model and its counters, as far as they are known."""

BATCH: Final = 100
"""Models that are written at once; read again, so many are in memory together."""

MODEL_FIELDS: Final = tuple(each.name for each in fields(Model))
MODEL_VALUES: Final = attrgetter(*MODEL_FIELDS)

PAIRS: Final = TypeAdapter(list[tuple[Model, Stats]])


class EntryLog(Collection[Entry]):
    """Distinct models with their counters, in the order in which they were added."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._slots: list[Slot] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        for slot in self._slots:
            for model, stats in PAIRS.validate_json(self._spool.get(slot)):
                yield Entry(model=model, stats=stats)

    def __contains__(self, entry: object) -> bool:
        return any(entry == each for each in self)

    def add(self, entries: Sequence[Entry]) -> None:
        """Add the new models of a page.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        if entries:
            pairs = [(entry.model, entry.stats) for entry in entries]
            self._slots.append(self._spool.put(PAIRS.dump_json(pairs)))
            self._count += len(pairs)

    def sibling(self) -> EntryLog:
        """Return an empty log in the same spool."""
        return EntryLog(self._spool)

    def like(self, entries: Iterable[Entry]) -> EntryLog:
        """Return a log of *entries* in the same spool.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        made, rest = self.sibling(), iter(entries)
        while batch := list(islice(rest, BATCH)):
            made.add(batch)
        return made

    def rows(self) -> Iterator[Row]:
        """Yield all as plain data, which costs half as much as records."""
        for slot in self._slots:
            for model, stats in orjson.loads(self._spool.get(slot)):
                yield model["id"], model, stats


class Gathered(Collection[Entry]):
    """The models of several listings one after the other; of two with one id the later counts."""

    def __init__(self, listings: Iterable[Collection[Entry]] = ()) -> None:
        self._listings = tuple(listings)

    def __len__(self) -> int:
        return sum(map(len, self._listings))

    def __iter__(self) -> Iterator[Entry]:
        for listing in self._listings:
            yield from listing

    def __contains__(self, entry: object) -> bool:
        return any(entry in listing for listing in self._listings)

    def rows(self) -> Iterator[Row]:
        """Yield all as plain data, in the same order."""
        for listing in self._listings:
            yield from listing.rows() if isinstance(listing, EntryLog) else map(row_of, listing)


Known: TypeAlias = Mapping[str, Entry] | Gathered
"""The models of one source, by id or one after the other."""


def entries_in(known: Known) -> Iterable[Entry]:
    """Return the models that are known, the later of two with one id last."""
    return known if isinstance(known, Gathered) else known.values()


def rows_in(known: Known) -> Iterator[Row]:
    """Yield the same as plain data."""
    return known.rows() if isinstance(known, Gathered) else map(row_of, known.values())


def row_of(entry: Entry) -> Row:
    """Return a model with its counters as plain data."""
    return entry.model.id, model_fields(entry.model), stats_fields(entry.stats)


def model_fields(model: Model) -> Fields:
    """Return a model as plain data."""
    return dict(zip(MODEL_FIELDS, MODEL_VALUES(model), strict=True))


def stats_fields(stats: Stats) -> Fields:
    """Return counters as plain data."""
    return {"downloads": stats.downloads, "likes": stats.likes}
