"""Hold the files of a set by name and digest; their bytes are read when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from manifests.errors import StoreError
from manifests.store.canonical import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from manifests.store.spool import Slot, Spool

__all__ = [
    "FileSet",
    "FolderFile",
    "MemoryFile",
    "SetFile",
    "SpoolFile",
    "digest_in",
    "file_in",
    "read_regular",
    "with_file",
]


class SetFile(Protocol):
    """A file of a set."""

    @property
    def sha256(self) -> str:
        """The digest of its bytes, in hexadecimal."""
        ...

    def read(self) -> bytes:
        """Return its bytes."""
        ...


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file as it stands in a folder."""

    folder: Path
    name: str
    sha256: str

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            OSError: it can't be read any more.
            StoreError: other bytes stand there by now.
        """
        data = read_regular(self.folder / self.name)
        if sha256(data) != self.sha256:
            raise StoreError(
                f"{self.folder / self.name} was changed while it was used",
                next_step="run again, and let only one process write the folder",
            )
        return data


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A file that was made and is not yet put in place."""

    spool: Spool
    slot: Slot
    sha256: str

    @classmethod
    def of(cls, spool: Spool, data: bytes) -> SpoolFile:
        """Keep *data* in *spool*.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        return cls(spool, spool.put(data), sha256(data))

    @classmethod
    def of_pieces(cls, spool: Spool, pieces: Iterable[bytes]) -> SpoolFile:
        """Keep *pieces* in *spool* as one file, which is never in memory as a whole.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        digest = hashlib.sha256()

        def passing() -> Iterator[bytes]:
            for piece in pieces:
                digest.update(piece)
                yield piece

        return cls(spool, spool.put_all(passing()), digest.hexdigest())

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            StoreError: the disk of temporary files refused.
        """
        return self.spool.get(self.slot)


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """A file that is small enough to be kept as it is."""

    data: bytes
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> MemoryFile:
        """Return it with its digest."""
        return cls(data, sha256(data))

    def read(self) -> bytes:
        """Return its bytes."""
        return self.data


class FileSet(Mapping[str, bytes]):
    """Name → bytes, read anew each time; the order is that of *files*."""

    def __init__(self, files: Mapping[str, SetFile]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> bytes:
        return self._files[name].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def file(self, name: str) -> SetFile:
        """Return one file without reading it.

        Raises:
            KeyError: there is none of that name.
        """
        return self._files[name]


def file_in(files: Mapping[str, bytes], name: str) -> SetFile:
    """Return one of *files*, without reading it where that can be helped.

    Raises:
        KeyError: there is none of that name.
    """
    return files.file(name) if isinstance(files, FileSet) else MemoryFile.of(files[name])


def with_file(files: Mapping[str, bytes], name: str, data: bytes) -> FileSet:
    """Return *files* with one more at the end, in place of any of its name."""
    others = {each: file_in(files, each) for each in files if each != name}
    return FileSet({**others, name: MemoryFile.of(data)})


def digest_in(files: Mapping[str, bytes], name: str) -> str | None:
    """Return the digest of one of *files*, without reading it where it is known; None if absent."""
    return file_in(files, name).sha256 if name in files else None


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError: it can't be read, or is no regular file: a pipe would be waited for without end.
    """
    if path.exists() and not path.is_file():
        raise IsADirectoryError(None, "no regular file", str(path))

    return path.read_bytes()
