"""Serve recorded list pages from a folder as a catalogue of each source."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests.errors import SettingsError
from manifests.sandbox.catalogue import CivitaiRow, HuggingFaceRow, JsonObject, from_iso
from manifests.sandbox.wire import CIVITAI, HUGGINGFACE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Recorded", "read_recorded"]

_NEXT_STEP = "give --data a folder that holds civitai/*.json[.gz] or huggingface/*.json[.gz]"
_FLAGGED_LEVEL = 4 | 8 | 16

Row = TypeVar("Row", CivitaiRow, HuggingFaceRow)


class _Lenient(BaseModel):
    """What is needed of a record; all else is passed on unread."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Version(_Lenient):
    base_model: str | None = Field(default=None, alias="baseModel")
    published: str | None = Field(default=None, alias="publishedAt")
    created: str | None = Field(default=None, alias="createdAt")
    images: list[object] = []


class _CivitaiStats(_Lenient):
    downloads: int | None = Field(default=0, alias="downloadCount")
    thumbs: int | None = Field(default=0, alias="thumbsUpCount")
    comments: int | None = Field(default=0, alias="commentCount")
    favourites: int | None = Field(default=0, alias="favoriteCount")


class _Creator(_Lenient):
    username: str | None = None


class _CivitaiRecord(_Lenient):
    id: int
    name: str
    type: str
    level: int | None = Field(default=None, alias="nsfwLevel")
    nsfw: bool = False
    minor: bool = False
    tags: list[str] = []
    creator: _Creator | None = None
    stats: _CivitaiStats = _CivitaiStats()
    versions: list[_Version] = Field(default=[], alias="modelVersions")


class _Weights(_Lenient):
    total: int | None = None


class _HuggingFaceRecord(_Lenient):
    id: str
    key: str = Field(default="", alias="_id")
    tags: list[str] = []
    pipeline_tag: str | None = None
    library: str | None = Field(default=None, alias="library_name")
    gated: bool | str = False
    safetensors: _Weights | None = None
    downloads: int = 0
    likes: int = 0
    modified: str | None = Field(default=None, alias="lastModified")
    created: str | None = Field(default=None, alias="createdAt")
    trending: float = Field(default=0, alias="trendingScore")


class Recorded(Generic[Row]):
    """A catalogue that was read whole; `now` is the newest date in it."""

    def __init__(self, rows: Sequence[Row], records: Sequence[JsonObject], *, now: int) -> None:
        self.rows: Sequence[Row] = rows
        self.now = now
        self._records = records

    def record(self, row: Row) -> JsonObject:
        """Return the record as it was read; do not change it."""
        return self._records[row.place]


def read_recorded(folder: Path) -> tuple[Recorded[CivitaiRow], Recorded[HuggingFaceRow]]:
    """Read `civitai/*.json[.gz]` (pages) and `huggingface/*.json[.gz]` (arrays) below *folder*.

    A source without a file is a catalogue without a model; a model keeps its first record.

    Raises:
        SettingsError: there is no file at all, or one can't be read; the message names it.
    """
    civitai, huggingface = _files(folder / CIVITAI), _files(folder / HUGGINGFACE)
    if not civitai and not huggingface:
        raise SettingsError(f"{folder} holds no recorded pages", next_step=_NEXT_STEP)

    civitai_rows, civitai_records = _load(civitai, items="items", read=_civitai_row)
    hub_rows, hub_records = _load(huggingface, items=None, read=_huggingface_row)
    # The data is older than the clock: counted back from today, no period would hold a model.
    newest = max((row.last_version for row in civitai_rows), default=0)
    return (
        Recorded(civitai_rows, civitai_records, now=newest),
        Recorded(hub_rows, [_completed(record) for record in hub_records], now=0),
    )


def _files(folder: Path) -> list[Path]:
    """Return the recorded pages in the order of their names."""
    return sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")])


def _load(
    paths: Sequence[Path], *, items: str | None, read: Callable[[int, JsonObject], Row]
) -> tuple[list[Row], list[JsonObject]]:
    """Read all pages; the array stands under the key *items*, or is the page itself."""
    rows: dict[object, Row] = {}
    records: list[JsonObject] = []
    for path in paths:
        for record in _decoded(path, items):
            try:
                row = read(len(records), record)
            except ValueError as error:
                raise _unusable(path, f"a record has a wrong shape: {_cause(error)}") from error
            if row.id not in rows:
                rows[row.id] = row
                records.append(record)

    return list(rows.values()), records


def _decoded(path: Path, items: str | None) -> list[JsonObject]:
    """Return the records of one file."""
    try:
        raw = path.read_bytes()
        page = orjson.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _unusable(path, str(error)) from error

    array = page if items is None else page.get(items) if isinstance(page, dict) else None
    if not isinstance(array, list) or not all(isinstance(item, dict) for item in array):
        wanted = f'an object with "{items}"' if items else "an array of objects"
        raise _unusable(path, f"it is not {wanted}")

    return array


def _unusable(path: Path, why: str) -> SettingsError:
    """Return the error that names the file."""
    return SettingsError(f"{path} can't be served: {why}", next_step=_NEXT_STEP)


def _cause(error: ValueError) -> str:
    """Return one line on what is wrong with a record."""
    if not isinstance(error, ValidationError):
        return str(error)

    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _civitai_row(place: int, record: JsonObject) -> CivitaiRow:
    """Return what listings need of a CivitAI record."""
    read = _CivitaiRecord.model_validate(record)
    stats, creator = read.stats, read.creator or _Creator()
    return CivitaiRow(
        place=place,
        id=read.id,
        name=read.name,
        type=read.type,
        base_models=tuple({v.base_model: None for v in read.versions if v.base_model}),
        level=_level(read),
        minor=read.minor,
        hidden=False,
        last_version=max(map(_published, read.versions), default=-1),
        downloads=stats.downloads or 0,
        thumbs=stats.thumbs or 0,
        comments=stats.comments or 0,
        collected=stats.favourites or 0,
        images=sum(len(version.images) for version in read.versions),
        username=(creator.username or "").lower(),
        tags=tuple(tag.lower() for tag in read.tags),
    )


def _level(record: _CivitaiRecord) -> int:
    """Return the level; a missing one counts as R to XXX where flagged, else as PG."""
    if record.level is not None:
        return record.level

    return _FLAGGED_LEVEL if record.nsfw else 1


def _published(version: _Version) -> int:
    """Return when a version came out; old records know only its creation."""
    date = version.published or version.created
    return -1 if date is None else from_iso(date)


def _huggingface_row(place: int, record: JsonObject) -> HuggingFaceRow:
    """Return what listings need of a Hugging Face record."""
    read = _HuggingFaceRecord.model_validate(record)
    return HuggingFaceRow(
        place=place,
        id=read.id,
        key=read.key or read.id,
        tags=frozenset(read.tags),
        pipeline_tag=read.pipeline_tag,
        library=read.library,
        gated=bool(read.gated),
        parameters=read.safetensors.total if read.safetensors else None,
        downloads=read.downloads,
        likes=read.likes,
        modified=from_iso(read.modified) if read.modified else 0,
        created=from_iso(read.created) if read.created else 0,
        trending=read.trending,
    )


def _completed(record: JsonObject) -> JsonObject:
    """Add what a list page leaves out and `expand` may ask for."""
    return {"author": str(record["id"]).partition("/")[0], "disabled": False, **record}
