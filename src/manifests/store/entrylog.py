"""Hold the models of listings as bytes in a spool: a run may list more of them than fit in memory.

They are written page by page as they come, and read again page by page, in their order.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import orjson
from pydantic import TypeAdapter

from manifests.models import Model, Stats
from manifests.sources.base import Entry
from manifests.store.framing import cut_items, key_of, laid_out
from manifests.store.spool import Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from manifests.store.spool import Spool

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

MODEL_FIELDS: Final = tuple(sorted(each.name for each in fields(Model)))
MODEL_VALUES: Final = attrgetter(*MODEL_FIELDS)
"""All fields in the order in which they are published."""

MODELS: Final = TypeAdapter(dict[Literal[""], dict[str, Model]])
STATS: Final = TypeAdapter(dict[Literal[""], dict[str, Stats]])


class EntryLog(Collection[Entry]):
    """Distinct models with their counters, in the order in which they were added."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        # Start and sizes of each page: plain numbers, as there are very many listings.
        self._places = array("q")
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        for page, counters in self._pages():
            models = MODELS.validate_json(page)[""].values()
            stats = STATS.validate_json(counters)[""].values()
            for model, each in zip(models, stats, strict=True):
                yield Entry(model=model, stats=each)

    def __contains__(self, entry: object) -> bool:
        return any(entry == each for each in self)

    def add(self, entries: Sequence[Entry]) -> None:
        """Add the new models of a page.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        if entries:
            known = {entry.model.id: entry for entry in entries}
            models = laid_out({id_: model_fields(each.model) for id_, each in known.items()})
            stats = laid_out({id_: stats_fields(each.stats) for id_, each in known.items()})
            slot = self._spool.put(models + stats)
            self._places.extend((slot.start, len(models), len(stats)))
            self._count += len(known)

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
        for models, counters in self._pages():
            stats = orjson.loads(counters)[""]
            for id_, model in orjson.loads(models)[""].items():
                yield id_, model, stats[id_]

    def items(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield all as they stand in published files, which costs least."""
        for models, counters in self._pages():
            items = cut_items(models)
            yield from zip(map(key_of, items), items, cut_items(counters), strict=True)

    def _pages(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the models of each page, and their counters, both laid out."""
        numbers = iter(self._places)
        for start, models, stats in zip(numbers, numbers, numbers, strict=True):
            data = self._spool.get(Slot(start, models + stats))
            yield data[:models], data[models:]


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

    @property
    def listings(self) -> tuple[Collection[Entry], ...]:
        """Each by itself."""
        return self._listings

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
