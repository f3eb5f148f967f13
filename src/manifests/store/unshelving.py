"""Look through the files of a source's catalogue, whole or in parts, and keep what is worth it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from manifests.store.canonical import DamagedFileError
from manifests.store.directories import parts_named
from manifests.store.formats import read_catalogue, read_stats
from manifests.store.glance import ids_at_a_glance
from manifests.store.parts import names_of_parts, part_of
from manifests.store.stored import Shelf, pack_ids, unpack_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from manifests.sources.base import SourceInfo

__all__ = ["Reads", "read_shelf"]

RecordT = TypeVar("RecordT")


class Reads(Protocol):
    """Reads one file of a folder; what is absent or damaged is None."""

    def __call__(
        self,
        name: str,
        parse: Callable[[bytes], RecordT],
        /,
        *,
        glance: Callable[[bytes], RecordT | None] | None = None,
    ) -> RecordT | None:
        """Return what *parse* makes of the bytes of a file.

        Args:
            name: the file.
            parse: looks through all of it.
            glance: what does for a file that is just as it was written, or None if it does not.
        """
        ...


NO_IDS: Final = pack_ids(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one file holds: records, or the names of the parts that do."""

    parts: int = 1
    ids: bytes = NO_IDS
    """The ids of its models, packed."""
    count: int = 0
    """How many these are."""
    stats: bytes = NO_IDS
    """The ids of its counters, packed."""


def read_shelf(read: Reads, info: SourceInfo, files: Mapping[str, bytes]) -> Shelf | None:
    """Return what there is of a source's catalogue and counters; None where there is nothing.

    A part that is damaged or absent costs only itself. Counters in other parts than the models
    count as absent: both are always made together.

    Args:
        read: reads one file.
        info: the source.
        files: gives the bytes of what was read, whenever they are wanted.
    """
    models = read(
        info.models_file, partial(models_in, info=info), glance=partial(listed_in, info=info)
    )
    stats = read(info.stats_file, partial(counters_in, name=info.stats_file))
    if models is None and stats is None:
        return None

    parts = (models or stats or Found()).parts
    return shelf_of(
        info,
        files,
        in_parts(models, parts, partial(models_part, read, info)),
        in_parts(stats, parts, partial(stats_part, read, info)),
        is_paired=stats is None or stats.parts == parts,
    )


def in_parts(
    found: Found | None, parts: int, look: Callable[[int, int], Found | None]
) -> list[Found | None]:
    """Return what each part holds, once it is known how many there are."""
    if found is None or found.parts != parts:
        return [None] * parts
    return [found] if parts == 1 else [look(number, parts) for number in range(parts)]


def models_part(read: Reads, info: SourceInfo, number: int, parts: int) -> Found | None:
    """Return what one part of a catalogue holds."""
    name = names_of_parts(info.models_file, parts)[number]
    return read(
        name,
        partial(models_in, info=info, number=number, parts=parts),
        glance=partial(listed_in, info=info, number=number, parts=parts),
    )


def stats_part(read: Reads, info: SourceInfo, number: int, parts: int) -> Found | None:
    """Return what one part of a source's counters holds."""
    name = names_of_parts(info.stats_file, parts)[number]
    return read(name, partial(counters_in, name=name, number=number, parts=parts))


def listed_in(data: bytes, *, info: SourceInfo, number: int = 0, parts: int = 1) -> Found | None:
    """Look at a file of models for its ids alone; None if that does not do.

    Raises:
        DamagedFileError: it is another part.
    """
    ids = None
    if parts > 1 or parts_named(data, info.models_file) == 1:
        ids = ids_at_a_glance(data)
    if ids is None:
        return None
    expect_part(ids, number, parts)
    return Found(parts=parts, ids=pack_ids(ids), count=len(ids))


def models_in(data: bytes, *, info: SourceInfo, number: int = 0, parts: int = 1) -> Found:
    """Look through a file of models.

    Raises:
        DamagedFileError: it is none of this source, or not a whole one, or another part.
    """
    named = parts_named(data, info.models_file) if parts == 1 else 1
    if named > 1:
        return Found(parts=named)
    catalogue = read_catalogue(data, info)
    expect_part(catalogue.models, number, parts)
    return Found(
        parts=parts,
        ids=pack_ids(catalogue.models),
        count=len(catalogue.models),
        stats=pack_ids(catalogue.stats),
    )


def counters_in(data: bytes, *, name: str, number: int = 0, parts: int = 1) -> Found:
    """Look through a file of counters.

    Raises:
        DamagedFileError: it is none, or not a whole one, or another part.
    """
    named = parts_named(data, name) if parts == 1 else 1
    if named > 1:
        return Found(parts=named)
    stats = read_stats(data)
    expect_part(stats, number, parts)
    return Found(parts=parts, stats=pack_ids(stats))


def expect_part(ids: Iterable[str], number: int, parts: int) -> None:
    """Hold a part to the rule by which readers find a model in it.

    Raises:
        DamagedFileError: a model stands in it that no reader would look for there.
    """
    stranger = next((id_ for id_ in ids if part_of(id_, parts) != number), None)
    if stranger is not None:
        raise DamagedFileError(f"{stranger!r} does not belong into part {number} of {parts}")


def shelf_of(
    info: SourceInfo,
    files: Mapping[str, bytes],
    models: Sequence[Found | None],
    stats: Sequence[Found | None],
    *,
    is_paired: bool,
) -> Shelf:
    """Return the shelf of what was found in each part."""
    found = [each or Found() for each in models]
    beside = [each or Found() for each in stats]
    # A compact catalogue holds counters of its own, mostly those of the same models.
    counted = sum(
        len({*unpack_ids(one.stats), *unpack_ids(other.stats)})
        for one, other in zip(found, beside, strict=True)
    )
    return Shelf(
        info=info,
        files=files,
        ids=[each.ids for each in found],
        counts=[each.count for each in found],
        stats_count=counted,
        is_paired=is_paired,
    )
