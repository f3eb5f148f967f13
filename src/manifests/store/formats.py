"""Turn records into the bytes of published files, and published files back into records."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ValidationError

from manifests.store.canonical import DamagedFileError, decode, encode
from manifests.store.index import Index, generation
from manifests.store.shapes import (
    CompactCatalogue,
    CompactManifest,
    StandardCatalogue,
    StandardManifest,
    StatsShape,
    expect,
)
from manifests.store.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from manifests.models import Catalogue, Manifest, Stats
    from manifests.sources.base import SourceInfo

__all__ = [
    "Style",
    "catalogue_bytes",
    "index_bytes",
    "manifest_bytes",
    "read_catalogue",
    "read_index",
    "read_manifest",
    "read_stats",
    "read_status",
    "stats_bytes",
    "status_bytes",
]

ShapeT = TypeVar("ShapeT", bound=BaseModel)


class Style(StrEnum):
    """How manifests and catalogues are laid out; all other files have one layout."""

    STANDARD = "standard"
    """Every field, indented, for people and for diffs."""
    COMPACT = "compact"
    """Few fields, short keys and no white space, for hosts that limit the size of a file."""


_MANIFESTS: Final[Mapping[Style, type[StandardManifest | CompactManifest]]] = {
    Style.STANDARD: StandardManifest,
    Style.COMPACT: CompactManifest,
}
_CATALOGUES: Final[Mapping[Style, type[StandardCatalogue | CompactCatalogue]]] = {
    Style.STANDARD: StandardCatalogue,
    Style.COMPACT: CompactCatalogue,
}


def manifest_bytes(manifest: Manifest, info: SourceInfo, *, style: Style) -> bytes:
    """Return the file of one filter."""
    return _bytes(_MANIFESTS[style].of(manifest, info), style=style)


def catalogue_bytes(catalogue: Catalogue, info: SourceInfo, *, style: Style) -> bytes:
    """Return the file of one source's models; only the compact one holds their counters."""
    return _bytes(_CATALOGUES[style].of(catalogue, info), style=style)


def stats_bytes(stats: Mapping[str, Stats]) -> bytes:
    """Return the file of one source's counters."""
    return _bytes(StatsShape(schema=1, stats=stats))


def index_bytes(index: Index) -> bytes:
    """Return `index.json`."""
    return _bytes(index)


def status_bytes(status: Status) -> bytes:
    """Return `status.json`."""
    return _bytes(status)


def read_manifest(data: bytes, info: SourceInfo) -> Manifest:
    """Return the manifest that *data* holds in either style.

    From the compact style it comes back with its path as its label, and as not complete.

    Raises:
        DamagedFileError: it is no manifest of this source, or not a whole one.
    """
    document = decode(data)
    manifest = _validate(_MANIFESTS[_style(document)], document).manifest(info)
    # A published list that names a model twice was not written by us.
    expect(len(set(manifest.model_ids)), len(manifest.model_ids), what="count of distinct ids")
    return manifest


def read_catalogue(data: bytes, info: SourceInfo) -> Catalogue:
    """Return the catalogue that *data* holds in either style.

    From the standard style it comes back without counters; from the compact style with them, but
    with the fields empty that this style leaves out.

    Raises:
        DamagedFileError: it is no catalogue of this source, or not a whole one.
    """
    document = decode(data)
    catalogue = _validate(_CATALOGUES[_style(document)], document).catalogue(info)
    for id_, model in catalogue.models.items():
        expect((model.source, model.id), (info.name, id_), what=f"the model under {id_!r}")

    return catalogue


def read_stats(data: bytes) -> Mapping[str, Stats]:
    """Return the counters that *data* holds, by id.

    Raises:
        DamagedFileError: it is no file of counters, or not a whole one.
    """
    return _validate(StatsShape, decode(data)).stats


def read_index(data: bytes) -> Index:
    """Return the index that *data* holds.

    Raises:
        DamagedFileError: it is no index, not a whole one, or was changed by hand.
    """
    index = _validate(Index, decode(data))
    expect(index.generation, generation(index.files), what="generation")
    return index


def read_status(data: bytes) -> Status:
    """Return the status that *data* holds.

    Raises:
        DamagedFileError: it is no status, or not a whole one.
    """
    return _validate(Status, decode(data))


def _bytes(record: BaseModel, *, style: Style = Style.STANDARD) -> bytes:
    return encode(record.model_dump(by_alias=True), compact=style is Style.COMPACT)


def _style(document: JsonValue) -> Style:
    """Tell the style by the keys: only standard files carry a schema, only compact ones an `s`."""
    keys = document.keys() if isinstance(document, dict) else ()
    if "schema" in keys:
        return Style.STANDARD

    if "s" in keys:
        return Style.COMPACT

    raise DamagedFileError("it has the keys of neither the standard nor the compact style")


def _validate(shape: type[ShapeT], document: JsonValue) -> ShapeT:
    try:
        # A later version's further keys are no reason to count a good file as absent.
        return shape.model_validate(document, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the document"
        raise DamagedFileError(f"wrong shape at {where}: {first['msg']}") from error
