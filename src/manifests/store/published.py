"""Read what stands in the output folder now; what is damaged counts as absent and is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from manifests.errors import StoreError
from manifests.store.canonical import DamagedFileError, sha256
from manifests.store.files import FileSet, FolderFile, read_regular
from manifests.store.formats import read_index, read_manifest, read_status
from manifests.store.names import INDEX_FILE, STATUS_FILE, manifest_file, manifest_pattern
from manifests.store.parts import stray_parts
from manifests.store.shapes import expect
from manifests.store.unshelving import read_shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from manifests.models import Catalogue, Manifest
    from manifests.sources.base import SourceInfo
    from manifests.store.files import SetFile
    from manifests.store.names import Key
    from manifests.store.status import Status

__all__ = ["Published", "read_published"]

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The whole files of the output folder, as bytes and as records."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Name → bytes, of all files below that could be read; read anew whenever they are wanted."""
    part_files: frozenset[str] = frozenset()
    """All names in the folder that parts of catalogues have, whether or not they are read."""
    manifests: Mapping[Key, Manifest] = field(default_factory=dict)
    """By source and path, those without a definition included."""
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    """By source; counters are those of the catalogue itself, else those of the stats file."""
    status: Status | None = None
    damaged: tuple[str, ...] = ()
    """Files that count as absent, each with the reason: `index.json: the file is empty`."""
    seen: Mapping[str, Seen] = field(default_factory=dict, repr=False, compare=False)
    """Name → what came of each file, so that it need not be read again where it stays."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a file when it was read."""

    stamp: tuple[int, ...]
    """Which file it was, of what size, and when it was last written."""
    file: SetFile
    record: object


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A folder while it is read: the names in it, and what has come of them so far."""

    folder: Path
    names: frozenset[str]
    known: Mapping[str, Seen]
    files: dict[str, SetFile] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    vouched: dict[str, str] = field(default_factory=dict)
    """Name → digest of files as they were written, by the index."""

    def read(
        self,
        name: str,
        parse: Callable[[bytes], RecordT],
        /,
        *,
        glance: Callable[[bytes], RecordT | None] | None = None,
    ) -> RecordT | None:
        """Return what one file holds, or None where it is absent or, by the same token, damaged."""
        if name not in self.names:
            return None

        try:
            path = self.folder / name
            stamp = _stamp(path)
            if name in self.known and self.known[name].stamp == stamp:
                return cast("RecordT", self._again(name, self.known[name]))
            data = read_regular(path)
            digest = sha256(data)
            record = glance(data) if glance and digest == self.vouched.get(name) else None
            record = parse(data) if record is None else record
        except OSError as error:
            self.damaged.append(f"{name}: {error.strerror or error}")
            return None
        except DamagedFileError as error:
            self.damaged.append(f"{name}: {error}")
            return None

        self.files[name] = FolderFile(self.folder, name, digest)
        self.seen[name] = Seen(stamp, self.files[name], record)
        return record

    def _again(self, name: str, seen: Seen) -> object:
        self.files[name] = seen.file
        self.seen[name] = seen
        return seen.record


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read_published(
    folder: Path,
    sources: Mapping[str, SourceInfo],
    *,
    catalogues: bool = True,
    known: Published | None = None,
) -> Published:
    """Return what stands in *folder* for *sources*; a folder that isn't there holds nothing.

    Args:
        folder: the output folder.
        sources: all that are known, by name, whether or not a run asks them: files of a source
            that isn't among them are overlooked, also by the next index.
        catalogues: whether these are read too; whoever does not need them is spared the most.
        known: what was read of the same folder before; its files are not read again that are as
            they were.

    Raises:
        StoreError: the folder can't be listed.
    """
    reading = _Reading(folder=folder, names=_names(folder), known=known.seen if known else {})
    files = FileSet(reading.files)
    manifests: dict[Key, Manifest] = {}
    found: dict[str, Catalogue] = {}
    reading.vouched.update(reading.read(INDEX_FILE, _catalogue_digests) or {})
    for source, info in sorted(sources.items()):
        manifests |= _manifests(reading, info)
        if catalogues and (shelf := read_shelf(reading.read, info, files)):
            found[source] = shelf.catalogue()

    status = reading.read(STATUS_FILE, read_status)
    return Published(
        files=files,
        part_files=frozenset(_part_files(reading.names, sources.values())),
        manifests=manifests,
        catalogues=found,
        status=status,
        damaged=tuple(reading.damaged),
        seen=reading.seen,
    )


def _catalogue_digests(data: bytes) -> dict[str, str]:
    """Return what the index says of the files of catalogues: name → digest."""
    return {each.file: each.sha256 for each in read_index(data).files if each.filter is None}


def _part_files(names: Iterable[str], infos: Iterable[SourceInfo]) -> Iterator[str]:
    known = tuple(names)
    for info in infos:
        yield from stray_parts(info.models_file, known)
        yield from stray_parts(info.stats_file, known)


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
