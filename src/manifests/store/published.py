"""Read what stands in the output folder now; what is damaged counts as absent and is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from manifests.errors import StoreError
from manifests.models import Catalogue
from manifests.store.canonical import DamagedFileError
from manifests.store.formats import (
    read_catalogue,
    read_index,
    read_manifest,
    read_stats,
    read_status,
)
from manifests.store.names import INDEX_FILE, STATUS_FILE, manifest_file, manifest_pattern
from manifests.store.shapes import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from manifests.models import Manifest, Stats
    from manifests.sources.base import SourceInfo
    from manifests.store.names import Key
    from manifests.store.status import Status

__all__ = ["Published", "read_published"]

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The whole files of the output folder, as bytes and as records."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Name → bytes, of all files below that could be read."""
    manifests: Mapping[Key, Manifest] = field(default_factory=dict)
    """By source and path, those without a definition included."""
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    """By source; counters are those of the catalogue itself, else those of the stats file."""
    status: Status | None = None
    damaged: tuple[str, ...] = ()
    """Files that count as absent, each with the reason: `index.json: the file is empty`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A folder while it is read: the names in it, and what has come of them so far."""

    folder: Path
    names: frozenset[str]
    files: dict[str, bytes] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def read(self, name: str, parse: Callable[[bytes], RecordT]) -> RecordT | None:
        """Return what one file holds, or None where it is absent or, by the same token, damaged."""
        if name not in self.names:
            return None

        try:
            data = read_regular(self.folder / name)
            record = parse(data)
        except OSError as error:
            self.damaged.append(f"{name}: {error.strerror or error}")
            return None
        except DamagedFileError as error:
            self.damaged.append(f"{name}: {error}")
            return None

        self.files[name] = data
        return record


def read_published(folder: Path, sources: Mapping[str, SourceInfo]) -> Published:
    """Return what stands in *folder* for *sources*; a folder that isn't there holds nothing.

    Args:
        folder: the output folder.
        sources: all that are known, by name, whether or not a run asks them: files of a source
            that isn't among them are overlooked, also by the next index.

    Raises:
        StoreError: the folder can't be listed.
    """
    reading = _Reading(folder=folder, names=_names(folder))
    manifests: dict[Key, Manifest] = {}
    catalogues: dict[str, Catalogue] = {}
    for source, info in sorted(sources.items()):
        manifests |= _manifests(reading, info)
        if catalogue := _catalogue(reading, info):
            catalogues[source] = catalogue

    reading.read(INDEX_FILE, read_index)
    status = reading.read(STATUS_FILE, read_status)
    return Published(
        files=reading.files,
        manifests=manifests,
        catalogues=catalogues,
        status=status,
        damaged=tuple(reading.damaged),
    )


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError: it can't be read, or is no regular file: a pipe would be waited for without end.
    """
    if path.exists() and not path.is_file():
        raise IsADirectoryError(None, "no regular file", str(path))

    return path.read_bytes()


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise StoreError(
            f"{folder} can't be listed: {error.strerror}",
            next_step=f"make {folder} a folder that this user may read, or choose another --out",
        ) from error


def _manifests(reading: _Reading, info: SourceInfo) -> dict[Key, Manifest]:
    found: dict[Key, Manifest] = {}
    pattern = manifest_pattern(info)
    for name in sorted(name for name in reading.names if fnmatchcase(name, pattern)):
        manifest = reading.read(name, partial(_named_manifest, info=info, name=name))
        if manifest:
            found[manifest.source, manifest.filter] = manifest

    return found


def _named_manifest(data: bytes, *, info: SourceInfo, name: str) -> Manifest:
    manifest = read_manifest(data, info)
    # Else a copy by hand would answer for its filter, whichever is read last.
    expect(name, manifest_file(info, manifest.filter), what="the name of the file")
    return manifest


def _catalogue(reading: _Reading, info: SourceInfo) -> Catalogue | None:
    catalogue = reading.read(info.models_file, partial(read_catalogue, info=info))
    stats: Mapping[str, Stats] | None = reading.read(info.stats_file, read_stats)
    if catalogue is None and stats is None:
        return None

    # A compact catalogue is as new as its counters; a stats file beside it may be older.
    known = catalogue or Catalogue(source=info.name)
    return Catalogue(source=info.name, models=known.models, stats={**(stats or {}), **known.stats})
