"""Compose the next published set from the last one and from what a run made; no disk, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from manifests.models import Catalogue
from manifests.store.canonical import sha256
from manifests.store.formats import (
    Style,
    catalogue_bytes,
    index_bytes,
    manifest_bytes,
    stats_bytes,
)
from manifests.store.index import Index, IndexEntry
from manifests.store.names import INDEX_FILE, STATUS_FILE, manifest_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.models import Manifest
    from manifests.sources.base import Entry, SourceInfo
    from manifests.store.names import Key
    from manifests.store.published import Published

__all__ = ["Release", "compose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All files of a published set, new ones and kept ones."""

    files: Mapping[str, bytes]
    """Name → bytes, in the order in which they are put in place."""
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
        return tuple(name for name, data in self.files.items() if published.files.get(name) != data)

    def with_status(self, data: bytes) -> Release:
        """Return the release with `status.json`, in place of any that it holds."""
        files = {name: old for name, old in self.files.items() if name != STATUS_FILE}
        return replace(self, files={**files, STATUS_FILE: data})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A manifest with the bytes that stand for it in the next set."""

    manifest: Manifest
    data: bytes


def compose(
    published: Published,
    accepted: Mapping[Key, Manifest],
    entries: Mapping[str, Mapping[str, Entry]],
    *,
    infos: Mapping[str, SourceInfo],
    style: Style = Style.STANDARD,
) -> Release:
    """Return the set that follows *published*.

    Manifests that are not made anew stay as they are, byte for byte; so do all files of a source
    of which none is. The catalogue of any other source holds exactly the models of its manifests,
    old and new: as the run saw them, else as they are published.

    Args:
        published: what `read_published` found, with the same *infos*.
        accepted: what the publish gate let through, by source and path.
        entries: source → id → model and counters, of at least all ids in *accepted*.
        infos: all sources, by name.
        style: the layout of the files that are made anew.
    """
    placed = _place(published, accepted, infos=infos, style=style)
    remade = {
        source: _catalogue(source, placed.values(), published, entries.get(source, {}))
        for source in {source for source, _ in accepted}
    }
    # Catalogues go first: no new manifest may name a model that can't be looked up yet.
    files: dict[str, bytes] = {}
    for source, info in sorted(infos.items()):
        if source in remade:
            files |= _remade(remade[source], info, style=style)
        else:
            files |= _kept(published, info)

    files |= {name: placed[name].data for name in sorted(placed)}
    catalogues = {**published.catalogues, **remade}
    index = Index.of(_index_entries(files, placed, catalogues, infos))
    return Release(
        files={**files, INDEX_FILE: index_bytes(index)},
        manifests={**published.manifests, **accepted},
        catalogues=catalogues,
        orphans=_orphans(placed, catalogues),
    )


def _place(
    published: Published,
    accepted: Mapping[Key, Manifest],
    *,
    infos: Mapping[str, SourceInfo],
    style: Style,
) -> dict[str, _Placed]:
    """Return all manifests of the set by the names of their files."""
    placed: dict[str, _Placed] = {}
    for (source, path), manifest in published.manifests.items():
        name = manifest_file(infos[source], path)
        placed[name] = _Placed(manifest=manifest, data=published.files[name])

    # Last, so that a manifest of the definitions wins its file name from an unlisted one.
    for (source, path), manifest in accepted.items():
        data = manifest_bytes(manifest, infos[source], style=style)
        placed[manifest_file(infos[source], path)] = _Placed(manifest=manifest, data=data)

    return placed


def _catalogue(
    source: str, placed: Iterable[_Placed], published: Published, fresh: Mapping[str, Entry]
) -> Catalogue:
    """Return the models of a source's manifests, as the run saw them or else as published."""
    old = published.catalogues.get(source, Catalogue(source=source))
    models = dict(old.models)
    stats = dict(old.stats)
    for id_, entry in fresh.items():
        models[id_] = entry.model
        stats[id_] = entry.stats

    ids = _ids(source, placed)
    return Catalogue(
        source=source,
        models={id_: model for id_, model in models.items() if id_ in ids},
        stats={id_: counters for id_, counters in stats.items() if id_ in ids},
    )


def _ids(source: str, placed: Iterable[_Placed]) -> frozenset[str]:
    return frozenset(
        id_ for one in placed if one.manifest.source == source for id_ in one.manifest.model_ids
    )


def _remade(catalogue: Catalogue, info: SourceInfo, *, style: Style) -> dict[str, bytes]:
    return {
        info.models_file: catalogue_bytes(catalogue, info, style=style),
        info.stats_file: stats_bytes(catalogue.stats),
    }


def _kept(published: Published, info: SourceInfo) -> dict[str, bytes]:
    names = (info.models_file, info.stats_file)
    return {name: published.files[name] for name in names if name in published.files}


def _index_entries(
    files: Mapping[str, bytes],
    placed: Mapping[str, _Placed],
    catalogues: Mapping[str, Catalogue],
    infos: Mapping[str, SourceInfo],
) -> Iterable[IndexEntry]:
    """Yield an entry for each manifest and catalogue; counters would change the generation."""
    for name, one in placed.items():
        yield IndexEntry(
            file=name,
            filter=one.manifest.filter,
            source=one.manifest.source,
            count=len(one.manifest.model_ids),
            sha256=sha256(one.data),
        )

    for source, catalogue in catalogues.items():
        # Counters may be known for a source whose catalogue was lost.
        name = infos[source].models_file
        if name in files:
            yield IndexEntry(
                file=name,
                filter=None,
                source=source,
                count=len(catalogue.models),
                sha256=sha256(files[name]),
            )


def _orphans(placed: Mapping[str, _Placed], catalogues: Mapping[str, Catalogue]) -> tuple[Key, ...]:
    missing: set[Key] = set()
    for one in placed.values():
        source = one.manifest.source
        known = catalogues[source].models if source in catalogues else {}
        missing |= {(source, id_) for id_ in one.manifest.model_ids if id_ not in known}

    return tuple(sorted(missing))
