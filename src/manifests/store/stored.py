"""Show a published catalogue as records, of which one part at a time is in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

import orjson

from manifests.errors import StoreError
from manifests.models import Catalogue, Model, Stats
from manifests.store.canonical import DamagedFileError
from manifests.store.columns import pack, unpack
from manifests.store.formats import read_catalogue, read_stats
from manifests.store.parts import names_of_parts, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from manifests.sources.base import SourceInfo

__all__ = [
    "Shelf",
    "StoredModels",
    "StoredStats",
    "counts_in",
    "pack_ids",
    "parts_in",
    "parts_of",
    "unpack_ids",
]

RecordT = TypeVar("RecordT")


@dataclass(slots=True, kw_only=True)
class Shelf:
    """The files of one source's catalogue and counters; a file that is absent holds nothing."""

    info: SourceInfo
    files: Mapping[str, bytes]
    ids: Sequence[bytes]
    """The ids of the models in each part, packed; one for a whole file.

    So it is known which models there were, even when other files have taken the place of these.
    """
    counts: Sequence[int]
    """How many these are."""
    stats_count: int
    """Models whose counters are known."""
    is_paired: bool = True
    """Whether the counters stand in as many parts as the models; else they count as absent."""
    _last: tuple[int, Catalogue] | None = field(default=None, repr=False)
    _known: tuple[int, frozenset[str]] | None = field(default=None, repr=False)

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.counts)

    def catalogue(self) -> Catalogue:
        """Return the catalogue, which reads its files when it is asked."""
        return Catalogue(source=self.info.name, models=StoredModels(self), stats=StoredStats(self))

    def ids_in(self, number: int) -> frozenset[str]:
        """Return the ids of the models in one part, without reading its file."""
        if self._known is None or self._known[0] != number:
            self._known = number, frozenset(unpack_ids(self.ids[number]))
        return self._known[1]

    def part(self, number: int) -> Catalogue:
        """Return one part; the last one asked for is kept.

        Raises:
            StoreError: its file is not what it was when it was looked at first.
        """
        if self._last is None or self._last[0] != number:
            self._last = None  # before the next one is read: two would need the room of both
            try:
                self._last = number, self._read(number)
            except (DamagedFileError, OSError) as error:
                raise changed(self.info.models_file, error) from error
        return self._last[1]

    def data(self, number: int) -> bytes:
        """Return the file of the models in one part; empty where there is none.

        Raises:
            StoreError: it is not what it was when it was looked at first.
        """
        name = names_of_parts(self.info.models_file, self.parts)[number]
        try:
            return self.files.get(name, b"")
        except OSError as error:
            raise changed(self.info.models_file, error) from error

    def let_go(self) -> None:
        """Keep no part in memory."""
        self._last = self._known = None

    def _read(self, number: int) -> Catalogue:
        models_file = names_of_parts(self.info.models_file, self.parts)[number]
        stats_file = names_of_parts(self.info.stats_file, self.parts)[number]
        known = Catalogue(source=self.info.name)
        stats: Mapping[str, Stats] = {}
        if models_file in self.files:
            known = read_catalogue(self.files[models_file], self.info)
        if self.is_paired and stats_file in self.files:
            stats = read_stats(self.files[stats_file])
        # A compact catalogue is as new as its counters; a stats file beside it may be older.
        return Catalogue(source=known.source, models=known.models, stats={**stats, **known.stats})


class Stored(Mapping[str, RecordT]):
    """Id → record, over all parts of a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    @abstractmethod
    def of(self, part: Catalogue) -> Mapping[str, RecordT]:
        """Return the records of one part."""

    def __getitem__(self, id_: str) -> RecordT:
        return self.of(self.shelf.part(part_of(id_, self.shelf.parts)))[id_]

    def __iter__(self) -> Iterator[str]:
        for part in parts_of(self.shelf.catalogue()):
            yield from self.of(part)


class StoredModels(Stored[Model]):
    """Id → model."""

    def of(self, part: Catalogue) -> Mapping[str, Model]:
        """Return the models of one part."""
        return part.models

    def __contains__(self, id_: object) -> bool:
        shelf = self.shelf
        return isinstance(id_, str) and id_ in shelf.ids_in(part_of(id_, shelf.parts))

    def __iter__(self) -> Iterator[str]:
        for ids in self.shelf.ids:
            yield from unpack_ids(ids)

    def __len__(self) -> int:
        return sum(self.shelf.counts)


class StoredStats(Stored[Stats]):
    """Id → counters."""

    def of(self, part: Catalogue) -> Mapping[str, Stats]:
        """Return the counters of one part."""
        return part.stats

    def __len__(self) -> int:
        return self.shelf.stats_count


def pack_ids(ids: Iterable[str]) -> bytes:
    """Return ids as bytes, which take a twentieth of the room of as many texts."""
    return pack(orjson.dumps(list(ids)))


def unpack_ids(data: bytes) -> list[str]:
    """Return the ids that were packed."""
    return cast("list[str]", orjson.loads(unpack(data)))


def changed(name: str, error: Exception) -> StoreError:
    """Return the error of a catalogue that somebody else has changed while it was used."""
    return StoreError(
        f"{name} or a part of it was changed while it was used: {error}",
        next_step="run again, and let only one process write the folder",
    )


def parts_in(catalogue: Catalogue | None) -> int:
    """Return in how many parts a catalogue stands; 1 for a whole one, or none."""
    models = catalogue.models if catalogue else {}
    return models.shelf.parts if isinstance(models, StoredModels) else 1


def parts_of(catalogue: Catalogue) -> Iterator[Catalogue]:
    """Yield a catalogue part by part, each with all that is known of its models."""
    if not isinstance(catalogue.models, StoredModels):
        yield catalogue
        return
    shelf = catalogue.models.shelf
    for number in range(shelf.parts):
        yield shelf.part(number)
    shelf.let_go()


def counts_in(catalogue: Catalogue, info: SourceInfo) -> dict[str, int]:
    """Return how many models each file of a catalogue stands for, its directory included."""
    name = info.models_file
    if not isinstance(catalogue.models, StoredModels):
        return {name: len(catalogue.models)}
    shelf = catalogue.models.shelf
    counts = dict(zip(names_of_parts(name, shelf.parts), shelf.counts, strict=True))
    return counts if shelf.parts == 1 else {**counts, name: sum(shelf.counts)}
