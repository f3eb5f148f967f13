"""Turn records into the bytes of published files, and published files back into records."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ValidationError

from manifests.store.canonical import DamagedFileError, decode, encode
from manifests.store.framing import Framing
from manifests.store.index import Index, generation
from manifests.store.shapes import (
    CompactCatalogue,
    CompactManifest,
    StandardCatalogue,
    StandardManifest,
    StatsShape,
    compact_model,
    expect,
)
from manifests.store.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from manifests.models import Catalogue, Manifest, Stats
    from manifests.sources.base import SourceInfo

__all__ = [
    "Style",
    "counters_pieces",
    "index_bytes",
    "manifest_bytes",
    "model_item",
    "models_pieces",
    "read_catalogue",
    "read_index",
    "read_manifest",
    "read_stats",
    "read_status",
    "stats_item",
    "status_bytes",
]

STANDARD_CATALOGUE: Final = b'{\n  "count": '
STATS: Final = b'{\n  "schema": 1,\n  "stats": '
"""How the large files begin that this tool writes."""

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
FRAMINGS: Final[Mapping[Style, Framing]] = {
    Style.STANDARD: Framing(compact=False),
    Style.COMPACT: Framing(compact=True),
}


def manifest_bytes(manifest: Manifest, info: SourceInfo, *, style: Style) -> bytes:
    """Return the file of one filter."""
    return _bytes(_MANIFESTS[style].of(manifest, info), style=style)


def models_pieces(items: Sequence[bytes], info: SourceInfo, *, style: Style) -> Iterator[bytes]:
    """Yield a file of models, whole or one of its parts, of their items sorted by id."""
    if style is Style.COMPACT:
        return FRAMINGS[style].pieces({"t": len(items), "s": info.short}, "m", items)
    shell = {"schema": 1, "source": info.name, "count": len(items)}
    return FRAMINGS[style].pieces(shell, "models", items)


def model_item(
    id_: str, model: Mapping[str, object], stats: Mapping[str, object] | None, *, style: Style
) -> bytes:
    """Return the bytes of one model as they stand in a file of models."""
    fields = compact_model(model, stats or {}) if style is Style.COMPACT else model
    return FRAMINGS[style].item(id_, fields)


def counters_pieces(items: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a file of counters, whole or one of its parts, of their items sorted by id."""
    return FRAMINGS[Style.STANDARD].pieces({"schema": 1}, "stats", items)


def stats_item(id_: str, stats: Mapping[str, object]) -> bytes:
    """Return the bytes of one model's counters as they stand in a file of counters."""
    return FRAMINGS[Style.STANDARD].item(id_, stats)


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
    shape = _at_once(StandardCatalogue, data, begins=STANDARD_CATALOGUE)
    catalogue = (shape or _either_catalogue(data)).catalogue(info)
    for id_, model in catalogue.models.items():
        expect((model.source, model.id), (info.name, id_), what=f"the model under {id_!r}")

    return catalogue


def read_stats(data: bytes) -> Mapping[str, Stats]:
    """Return the counters that *data* holds, by id.

    Raises:
        DamagedFileError: it is no file of counters, or not a whole one.
    """
    shape = _at_once(StatsShape, data, begins=STATS)
    return (shape or _validate(StatsShape, decode(data))).stats


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


def _either_catalogue(data: bytes) -> StandardCatalogue | CompactCatalogue:
    document = decode(data)
    return _validate(_CATALOGUES[_style(document)], document)


def _at_once(shape: type[ShapeT], data: bytes, *, begins: bytes) -> ShapeT | None:
    """Return what a large file of our own holds, without its whole value in memory besides."""
    if not data.startswith(begins):
        return None
    try:
        return shape.model_validate_json(data, extra="ignore")
    except ValidationError:
        return None  # what is wrong with it is told as for any other file


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
