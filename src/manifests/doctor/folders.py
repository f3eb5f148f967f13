"""Look at a folder that runs write to, by really writing: rights, space, letters, leftovers."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from manifests.errors import StoreError
from manifests.store.disk import MACHINE, translated
from manifests.store.lock import HOLDER_FILE, LOCK_FILE, read_holder
from manifests.store.names import is_temporary, temporary_name
from manifests.store.swap import JOURNAL_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from manifests.store.disk import Disk
    from manifests.store.lock import Holder

__all__ = ["FolderFacts", "Space", "WriterFacts", "look_at_folder", "look_for_writer"]

PROBE = "doctor.json"
"""Name of the file that is written on trial; no run stages one of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a disk has left for this user."""

    free: int
    """Bytes."""
    files: int | None = None
    """Further files that it takes; None where it sets no limit, or tells none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """What was seen of one folder."""

    folder: Path
    is_there: bool
    """If not, its nearest parent was tried, in which a run would make it."""
    refusal: StoreError | None = None
    """Why no file could be written, replaced and removed there."""
    ignores_case: bool = False
    """Whether the disk takes `a` and `A` for one name."""
    space: Space | None = None
    """None where nothing could be learned."""
    size: int = 0
    """Bytes of the files that stand in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterFacts:
    """What was seen of whoever writes to an output folder, or did so last."""

    is_locked: bool = False
    holder: Holder | None = None
    """Who says to hold the lock; a crash leaves this behind."""
    has_journal: bool = False
    """Whether a swap was begun and not ended."""
    staged: int = 0
    """Files that were staged and not put in place."""


def look_at_folder(folder: Path, *, disk: Disk = MACHINE) -> FolderFacts:
    """Write, replace and remove a file where a run would, and see what else there is to know."""
    # A run makes the folder: whether it can is decided where the path ends today.
    ground = folder
    while not ground.exists() and ground != ground.parent:
        ground = ground.parent
    try:
        ignores_case = try_writing(ground, disk)
    except StoreError as error:
        return FolderFacts(
            folder=folder, is_there=ground == folder, refusal=error, space=space_of(ground)
        )
    return FolderFacts(
        folder=folder,
        is_there=ground == folder,
        ignores_case=ignores_case,
        space=space_of(ground),
        size=size_of(folder),
    )


def try_writing(ground: Path, disk: Disk) -> bool:
    """Do as a run does, leave nothing behind, and tell whether the disk ignores case.

    Raises:
        StoreError: the disk refuses.
    """
    # Should we be killed, the next run sweeps up what has such a name.
    first, second = (ground / temporary_name(PROBE, disk.token()) for _ in range(2))
    with translated(ground):
        try:
            disk.write(first, b"{}\n")
            disk.write(second, b"{}\n")
            disk.replace_held(first, second)
            return second.with_name(second.name.upper()).exists()
        finally:
            remove_all((first, second), disk)


def remove_all(paths: Iterable[Path], disk: Disk) -> None:
    """Remove what was written; a disk that refuses that has refused more before."""
    for path in paths:
        with suppress(OSError):
            disk.remove(path)


def space_of(ground: Path) -> Space | None:
    """Return what the disk of a folder has left; None when it can't be told."""
    try:
        free = shutil.disk_usage(ground).free
        # Windows has no such call, and some file systems make files as they need them.
        status = os.statvfs(ground) if hasattr(os, "statvfs") else None
    except OSError:
        return None
    return Space(free=free, files=status.f_favail if status and status.f_files else None)


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder; 0 where there is none."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0


def look_for_writer(folder: Path) -> WriterFacts:
    """See who holds the lock of an output folder, and what a dead run has left there.

    Raises:
        OSError: the folder can't be read.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    # Whoever holds the lock has said so: without that note the lock is left alone, as for the
    # moment in which we try it another run would find it taken.
    is_locked = {HOLDER_FILE, LOCK_FILE} <= names and is_held(folder)
    return WriterFacts(
        is_locked=is_locked,
        holder=read_holder(folder) if HOLDER_FILE in names else None,
        has_journal=JOURNAL_FILE in names,
        # All looks are taken at once: the file that one of them tries the disk with is no leftover.
        staged=sum(is_temporary(name) and not name.startswith(f".{PROBE}.") for name in names),
    )


def is_held(folder: Path) -> bool:
    """Tell whether a living process holds the lock, by asking for it for a moment."""
    lock = FileLock(folder / LOCK_FILE, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # not ours to try: that the folder can't be written is told by itself
        return False
    lock.release()
    return False
