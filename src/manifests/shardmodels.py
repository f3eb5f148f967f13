"""Pack the models of a shard's listings into one file, and read them again one by one.

Each model stands there once, in the broadest of the shard's listings that holds it, also where no
manifest of the shard names it: one of another shard may, and then the broadest listing of all has
the word.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from manifests.countable import is_countable
from manifests.models import Model, Query, Record, Stats
from manifests.records import LATER
from manifests.sources.base import Entry
from manifests.store.canonical import DamagedFileError, sha256
from manifests.store.entrylog import EntryLog
from manifests.store.files import read_regular

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from manifests.reading import ReadQuery
    from manifests.store.spool import Spool

__all__ = ["MODELS_FILE", "ModelsNote", "ReadListing", "pack", "read_listings"]

MODELS_FILE: Final = "shard-models.jsonl.gz"
LONGEST_LINE: Final = 4 * 1024**2
"""Bytes of one model; what is longer was not written by us, and is not read."""
BATCH, BATCH_BYTES = 100, 4 * 1024**2
"""Models, and bytes of them, that are in memory at once while they are read."""
PAIR: Final = TypeAdapter(tuple[Model, Stats], config=LATER)


class ModelsNote(Record):
    """What the other file must be."""

    sha256: str
    listings: int


class ListingLine(Record):
    """The line before the models of one listing."""

    source: str
    parameters: tuple[tuple[str, str], ...]
    models: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadListing:
    """The models of one listing, as a shard read it."""

    query: Query
    entries: EntryLog


def read_listings(folder: Path, note: ModelsNote | None, spool: Spool) -> Iterator[ReadListing]:
    """Yield the models of all listings that a shard has read; they go to *spool*.

    Raises:
        OSError: the file can't be read.
        DamagedFileError: it is not the one that belongs to *note*, or not a whole one.
        StoreError: the disk of temporary files refused.
    """
    if note is None:
        raise DamagedFileError("its shard does not speak of it")
    data = read_regular(folder / MODELS_FILE)
    if sha256(data) != note.sha256:
        raise DamagedFileError("it is not the file that its shard speaks of")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            for _ in range(note.listings):
                yield _read_listing(file, spool)
    except (EOFError, ValidationError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError("it is no file of models, or not a whole one") from error


def _read_listing(file: gzip.GzipFile, spool: Spool) -> ReadListing:
    head = ListingLine.model_validate_json(_line(file))
    log = EntryLog(spool)
    for batch in _batches(file, head.models):
        log.add(batch)
    return ReadListing(query=Query(source=head.source, parameters=head.parameters), entries=log)


def _batches(file: gzip.GzipFile, count: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for _ in range(count):
        line = _line(file)
        model, stats = PAIR.validate_json(line)
        if not is_countable(_numbers(model, stats)):
            raise DamagedFileError("it counts further than any model")
        batch.append(Entry(model=model, stats=stats))
        size += len(line)
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _numbers(model: Model, stats: Stats) -> list[int | None]:
    sizes = [model.nsfw_level, model.parameters, model.size_bytes, model.preview_level]
    return [*sizes, stats.downloads, stats.likes]


def _line(file: gzip.GzipFile) -> bytes:
    line = file.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def distinct_listings(
    reads: Mapping[Query, ReadQuery], breadth: Mapping[Query, int]
) -> Iterator[tuple[Query, Collection[Entry]]]:
    """Yield each listing with those models that no broader one of its source holds.

    The order is that in which a run without shards would let the word of one listing go before
    that of another, see `assembly.collect_entries`.
    """
    seen: set[tuple[str, str]] = set()

    def rank(query: Query) -> tuple[int, tuple[tuple[str, str], ...]]:
        return -breadth[query], query.parameters

    for query in sorted(reads, key=rank, reverse=True):
        entries = reads[query].listing.entries
        fresh = [each for each in entries if (query.source, each.model.id) not in seen]
        seen.update((query.source, each.model.id) for each in fresh)
        yield query, fresh


def pack(reads: Mapping[Query, ReadQuery], breadth: Mapping[Query, int]) -> bytes:
    """Return the file of models; equal listings make equal bytes.

    Args:
        reads: listing → what was read of it.
        breadth: listing → how many broader ones the run has, over all shards together.
    """
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        for query, entries in distinct_listings(reads, breadth):
            head = ListingLine(
                source=query.source, parameters=query.parameters, models=len(entries)
            )
            file.write(head.model_dump_json().encode() + b"\n")
            for entry in entries:
                file.write(PAIR.dump_json((entry.model, entry.stats)) + b"\n")
    return buffer.getvalue()
