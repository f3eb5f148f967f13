"""Compose the next published set from the last one and from what a run made; no clock.

What it makes stands in a spool until it is put in place, so that a set may be larger than memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from manifests.store.entrylog import model_fields, stats_fields
from manifests.store.files import FileSet, SpoolFile, digest_in, file_in, with_file
from manifests.store.formats import Style, index_bytes, manifest_bytes
from manifests.store.idset import IdSet
from manifests.store.index import Index, IndexEntry
from manifests.store.names import INDEX_FILE, STATUS_FILE, manifest_file
from manifests.store.parts import MOST_BYTES, stray_parts
from manifests.store.shelving import Shelving
from manifests.store.spool import Spool
from manifests.store.stored import counts_in, parts_in, parts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from manifests.models import Catalogue, Manifest
    from manifests.sources.base import SourceInfo
    from manifests.store.entrylog import Known, Row
    from manifests.store.files import SetFile
    from manifests.store.names import Key
    from manifests.store.published import Published

__all__ = ["Release", "compose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All files of a published set, new ones and kept ones."""

    files: Mapping[str, bytes]
    """Name → bytes, in the order in which they are put in place."""
    removed: tuple[str, ...] = ()
    """Names of files that are no part of the set any more: a catalogue in other parts."""
    manifests: Mapping[Key, Manifest] = field(default_factory=dict)
    """All manifests of the set, by source and path."""
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    """All catalogues of the set, by source."""
    orphans: tuple[Key, ...] = ()
    """Source and id of published models that no catalogue has a record of.

    None, unless a catalogue was damaged or removed while manifests of its source were kept.
    """

    def changed(self, published: Published) -> tuple[str, ...]:
        """Return the names of the files whose bytes are not those of *published*."""
        return tuple(
            name
            for name in self.files
            if digest_in(published.files, name) != digest_in(self.files, name)
        )

    def with_status(self, data: bytes) -> Release:
        """Return the release with `status.json`, in place of any that it holds."""
        return replace(self, files=with_file(self.files, STATUS_FILE, data))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A manifest with the file that stands for it in the next set."""

    manifest: Manifest
    file: SetFile
    is_kept: bool
    """Whether it is as it was published."""


def compose(
    published: Published,
    accepted: Mapping[Key, Manifest],
    entries: Mapping[str, Known],
    *,
    infos: Mapping[str, SourceInfo],
    style: Style = Style.STANDARD,
    spool: Spool | None = None,
    most_bytes: int = MOST_BYTES,
) -> Release:
    """Return the set that follows *published*.

    Manifests that are not made anew stay as they are, byte for byte; so do all files of a source
    of which none is. The catalogue of any other source holds exactly the models of its manifests,
    old and new: as the run saw them, else as they are published.

    Args:
        published: what `read_published` found, with the same *infos*.
        accepted: what the publish gate let through, by source and path.
        entries: source → models with their counters, of at least all ids in *accepted*; of two
            with one id the later counts.
        infos: all sources, by name.
        style: the layout of the files that are made anew.
        spool: keeps what is made; None for one of its own.
        most_bytes: size of a catalogue's file, at most; a larger one is published in parts.

    Raises:
        StoreError: the disk of temporary files refused.
    """
    spool = spool or Spool()
    placed = _place(published, accepted, infos=infos, style=style, spool=spool)
    remade = {source for source, _ in accepted}
    shelves: dict[str, Catalogue] = {}
    # Catalogues go first: no new manifest may name a model that can't be looked up yet.
    files: dict[str, SetFile] = {}
    for source, info in sorted(infos.items()):
        if source not in remade:
            files |= _kept(published, info)
            continue
        before = published.catalogues.get(source)
        shelving = Shelving(
            info=info,
            style=style,
            spool=spool,
            parts_before=parts_in(before),
            most_bytes=most_bytes,
        )
        kept = (one for one in placed.values() if one.is_kept)
        old = _published_rows(before, IdSet(_ids(source, kept)))
        wanted = IdSet(_ids(source, placed.values()))
        made, shelf = shelving.make(entries.get(source, {}), wanted, kept=old)
        files |= made
        shelves[source] = shelf.catalogue()

    files |= {name: placed[name].file for name in sorted(placed)}
    catalogues = {**published.catalogues, **shelves}
    index = Index.of(_index_entries(files, placed, catalogues, infos))
    return Release(
        files=with_file(FileSet(files), INDEX_FILE, index_bytes(index)),
        removed=_removed(published, files, [infos[source] for source in sorted(remade)]),
        manifests={**published.manifests, **accepted},
        catalogues=catalogues,
        orphans=_orphans(placed.values(), catalogues),
    )


def _place(
    published: Published,
    accepted: Mapping[Key, Manifest],
    *,
    infos: Mapping[str, SourceInfo],
    style: Style,
    spool: Spool,
) -> dict[str, _Placed]:
    """Return all manifests of the set by the names of their files."""
    placed: dict[str, _Placed] = {}
    for (source, path), manifest in published.manifests.items():
        name = manifest_file(infos[source], path)
        file = file_in(published.files, name)
        placed[name] = _Placed(manifest=manifest, file=file, is_kept=True)

    # Last, so that a manifest of the definitions wins its file name from an unlisted one.
    for (source, path), manifest in accepted.items():
        data = manifest_bytes(manifest, infos[source], style=style)
        file = SpoolFile.of(spool, data)
        name = manifest_file(infos[source], path)
        placed[name] = _Placed(manifest=manifest, file=file, is_kept=False)

    return placed


def _ids(source: str, placed: Iterable[_Placed]) -> Iterator[str]:
    """Yield the ids of all manifests of a source, with repetitions."""
    manifests = (one.manifest for one in placed if one.manifest.source == source)
    return (id_ for manifest in manifests for id_ in manifest.model_ids)


def _published_rows(before: Catalogue | None, kept: IdSet) -> Iterator[Row]:
    """Yield what is published of the models of kept manifests; a run has seen all others."""
    for part in parts_of(before) if before and kept else ():
        for id_ in part.models.keys() | part.stats.keys():
            if id_ in kept:
                model, stats = part.models.get(id_), part.stats.get(id_)
                yield (
                    id_,
                    model_fields(model) if model else None,
                    stats_fields(stats) if stats else None,
                )


def _kept(published: Published, info: SourceInfo) -> dict[str, SetFile]:
    """Return the files of a source's catalogue as they are published."""
    both = (info.models_file, info.stats_file)
    names = [*both, *(part for name in both for part in sorted(stray_parts(name, published.files)))]
    return {name: file_in(published.files, name) for name in names if name in published.files}


def _removed(
    published: Published, files: Collection[str], infos: Iterable[SourceInfo]
) -> tuple[str, ...]:
    """Return the parts of former catalogues that the new ones have no use for."""
    return tuple(
        part
        for info in infos
        for name in (info.models_file, info.stats_file)
        for part in sorted(stray_parts(name, published.part_files))
        if part not in files
    )


def _index_entries(
    files: Mapping[str, SetFile],
    placed: Mapping[str, _Placed],
    catalogues: Mapping[str, Catalogue],
    infos: Mapping[str, SourceInfo],
) -> Iterator[IndexEntry]:
    """Yield an entry for each manifest and catalogue; counters would change the generation."""
    for name, one in placed.items():
        yield IndexEntry(
            file=name,
            filter=one.manifest.filter,
            source=one.manifest.source,
            count=len(one.manifest.model_ids),
            sha256=one.file.sha256,
        )

    for source, catalogue in catalogues.items():
        for name, count in counts_in(catalogue, infos[source]).items():
            # Counters may be known for a source whose catalogue was lost.
            if name in files:
                yield IndexEntry(
                    file=name, filter=None, source=source, count=count, sha256=files[name].sha256
                )


def _orphans(placed: Collection[_Placed], catalogues: Mapping[str, Catalogue]) -> tuple[Key, ...]:
    missing: set[Key] = set()
    for source in sorted({one.manifest.source for one in placed}):
        known = IdSet(catalogues[source].models if source in catalogues else ())
        missing |= {(source, id_) for id_ in _ids(source, placed) if id_ not in known}

    return tuple(sorted(missing))
