"""Make the files of a source's catalogue out of a stream of models, however many they are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from manifests.store.buckets import Buckets
from manifests.store.directories import directory_bytes, stats_directory_bytes
from manifests.store.entrylog import EntryLog, Gathered, rows_in
from manifests.store.files import FileSet, SpoolFile
from manifests.store.formats import Style, counters_pieces, model_item, models_pieces, stats_item
from manifests.store.parts import MOST_BYTES, MOST_PARTS, count_parts, names_of_parts
from manifests.store.stored import Shelf, pack_ids

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from manifests.sources.base import SourceInfo
    from manifests.store.buckets import Added
    from manifests.store.entrylog import Known, Row
    from manifests.store.files import SetFile
    from manifests.store.spool import Spool

__all__ = ["Shelving"]

SEPARATOR: Final = 2
"""Bytes between two items, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One part of a catalogue, or all of it."""

    models: SetFile
    stats: SetFile
    ids: bytes
    """Of its models, packed."""
    count: int
    """How many these are."""
    counted: int
    """Models whose counters are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelving:
    """How a source's catalogue is made."""

    info: SourceInfo
    style: Style
    spool: Spool
    parts_before: int = 1
    """In how many parts it is published; 1 for a whole file, or for none."""
    most_bytes: int = MOST_BYTES
    """Size of a file, at most."""

    def make(
        self, known: Known, wanted: Container[str], *, kept: Iterable[Row] = ()
    ) -> tuple[dict[str, SetFile], Shelf]:
        """Return the files, in the order in which they are put in place, and what they hold.

        Args:
            known: models; of several with one id the later counts.
            wanted: the ids that are published; nothing else enters the catalogue.
            kept: what is published of models already; what is *known* of them counts more.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        buckets = Buckets(self.spool)
        for id_, *items in chain(self._laid(kept, wanted), self._known(known, wanted)):
            buckets.add(id_, *items)
        return self._files(buckets, self._parts(buckets))

    def _known(self, known: Known, wanted: Container[str]) -> Iterator[Added]:
        """Yield what is known of models, and that of a log in the layout that it has already."""
        for listing in known.listings if isinstance(known, Gathered) else (known.values(),):
            if isinstance(listing, EntryLog) and self.style is Style.STANDARD:
                yield from (added for added in listing.items() if added[0] in wanted)
            else:
                yield from self._laid(rows_in(Gathered([listing])), wanted)

    def _laid(self, rows: Iterable[Row], wanted: Container[str]) -> Iterator[Added]:
        for id_, model, stats in rows:
            if id_ in wanted:
                yield (
                    id_,
                    None if model is None else model_item(id_, model, stats, style=self.style),
                    None if stats is None else stats_item(id_, stats),
                )

    def _parts(self, buckets: Buckets) -> int:
        """Return in how many parts to publish."""
        # Most catalogues are far too small for parts, and need not be counted one by one.
        if self.parts_before == 1 and buckets.size + SEPARATOR * len(buckets) <= self.most_bytes:
            return 1
        sizes = [size_of(buckets.model_sizes(number)) for number in range(MOST_PARTS)]
        return count_parts(sizes, before=self.parts_before, most_bytes=self.most_bytes)

    def _files(self, buckets: Buckets, parts: int) -> tuple[dict[str, SetFile], Shelf]:
        models, counters = self.info.models_file, self.info.stats_file
        boards = [self._board(buckets, range(number, MOST_PARTS, parts)) for number in range(parts)]
        made = dict(
            zip(names_of_parts(models, parts), (each.models for each in boards), strict=True)
        )
        counters_made = dict(
            zip(names_of_parts(counters, parts), (each.stats for each in boards), strict=True)
        )
        counts = [each.count for each in boards]
        if parts > 1:
            data = directory_bytes(self.info, parts=parts, count=sum(counts), style=self.style)
            made[models] = SpoolFile.of(self.spool, data)
            data = stats_directory_bytes(self.info, parts=parts)
            counters_made[counters] = SpoolFile.of(self.spool, data)
        files = made | counters_made
        shelf = Shelf(
            info=self.info,
            files=FileSet(files),
            ids=[each.ids for each in boards],
            counts=counts,
            stats_count=sum(each.counted for each in boards),
        )
        return files, shelf

    def _board(self, buckets: Buckets, numbers: Iterable[int]) -> Board:
        """Return one part; no other is in memory beside it."""
        items = [buckets.bucket(number) for number in numbers]
        found = sorted(chain.from_iterable(bucket.items() for bucket in items))
        models = [model for _, (model, _) in found if model is not None]
        stats = [counters for _, (_, counters) in found if counters is not None]
        return Board(
            models=SpoolFile.of_pieces(
                self.spool, models_pieces(models, self.info, style=self.style)
            ),
            stats=SpoolFile.of_pieces(self.spool, counters_pieces(stats)),
            ids=pack_ids(id_ for id_, (model, _) in found if model is not None),
            count=len(models),
            counted=len(stats),
        )


def size_of(models: Mapping[str, int]) -> int:
    """Return the bytes of models in their file."""
    return sum(models.values()) + SEPARATOR * len(models)
