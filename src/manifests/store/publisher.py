"""Put a release in place: all files staged beside the old ones, then each replaced whole."""

from __future__ import annotations

import errno
import stat
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from manifests.errors import StoreError
from manifests.store.canonical import sha256_of
from manifests.store.disk import MACHINE, Disk, translated
from manifests.store.files import digest_in
from manifests.store.names import INDEX_FILE, STATUS_FILE, temporary_name
from manifests.store.swap import JOURNAL_FILE, SwapError, recover, swap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from manifests.store.release import Release

__all__ = ["MACHINE", "Disk", "Publication", "SwapError", "publish", "recover"]

LAST: Final = (STATUS_FILE, INDEX_FILE)
"""A reader that finds the new index finds all that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing has done."""

    written: tuple[str, ...]
    """Names of the files whose bytes are new, in the order in which they were put in place."""
    removed: tuple[str, ...] = ()
    """Names of the files that are gone, as the set has no use for them any more."""
    finished: tuple[str, ...] = ()
    """Names of the files that a killed run had staged and that were put in place before."""
    swept: tuple[str, ...] = ()
    """Names of staged files that a killed run left and that are gone now."""


def publish(folder: Path, release: Release, *, disk: Disk = MACHINE) -> Publication:
    """Make *folder* hold *release*; a file whose bytes are right already is not touched.

    Files that the release names neither as its own nor as removed stay. Only the holder of the
    lock may publish, and should have called `recover` before it read the set that *release*
    follows.

    Raises:
        StoreError: the disk refused before all files were staged; the old set is as it was.
        SwapError: it refused after that. Each file is the old or the new one, the old index tells
            the difference, the error names the new ones, and the next `recover` goes on.
    """
    _refuse_namesakes(folder, release.files)
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)

    # All obstacles that can be seen beforehand are met here, while nothing has changed.
    recovery = recover(folder, disk=disk)
    changed = _changed(folder, release.files)
    gone = tuple(name for name in release.removed if (folder / name).exists())
    if changed or gone:
        staged = {name: temporary_name(name, disk.token()) for name in changed}
        _stage_and_swap(folder, release.files, staged, gone, disk=disk)

    return Publication(
        written=changed, removed=gone, finished=recovery.finished, swept=recovery.swept
    )


def _refuse_namesakes(folder: Path, names: Iterable[str]) -> None:
    """Refuse two names that are one file on the disks of macOS and Windows.

    Raises:
        StoreError: there are two.
    """
    taken: dict[str, str] = {}
    for name in sorted(names):
        other = taken.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            raise StoreError(
                f"{folder / other} and {name} are one file where upper and lower case are the same",
                next_step="give one of their filters another path in the definitions, or remove"
                " the file whose filter is defined no more",
            )


def _changed(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of the files to write, in the order in which to replace them."""
    ordered = [name for name in files if name not in LAST]
    ordered += [name for name in LAST if name in files]
    changed: list[str] = []
    for name in ordered:
        with translated(folder, name):
            if _differs(folder / name, digest_in(files, name)):
                changed.append(name)

    return tuple(changed)


def _differs(path: Path, digest: str | None) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return True

    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "no regular file", str(path))

    return sha256_of(path) != digest


def _stage_and_swap(
    folder: Path,
    files: Mapping[str, bytes],
    staged: Mapping[str, str],
    gone: Iterable[str],
    *,
    disk: Disk,
) -> None:
    try:
        for name, temporary in staged.items():
            _stage_one(folder, name, temporary, files[name], disk=disk)

        # Last, after the index: a reader that finds the old one finds what it names for longer.
        swap(folder, {**staged, **dict.fromkeys(gone)}, disk=disk)
    except BaseException:
        # Once the journal stands, the staged files are the next writer's.
        if not (folder / JOURNAL_FILE).exists():
            _discard(folder, staged.values(), disk=disk)

        raise

    with suppress(OSError):  # the next writer finds that all is done
        disk.remove(folder / JOURNAL_FILE)


def _stage_one(folder: Path, name: str, temporary: str, data: bytes, *, disk: Disk) -> None:
    with translated(folder, name):
        _stage(folder / temporary, folder / name, data, disk=disk)


def _stage(path: Path, target: Path, data: bytes, *, disk: Disk) -> None:
    """Write the file beside its target, with the mode of the file that it will replace."""
    disk.write(path, data)
    if target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
        # Some mounts have no modes of their own and refuse every change, even an empty one.
        if mode != stat.S_IMODE(path.stat().st_mode):
            path.chmod(mode)


def _discard(folder: Path, staged: Iterable[str], *, disk: Disk) -> None:
    for name in staged:
        with suppress(OSError):  # what stays is swept by the next writer
            disk.remove(folder / name)
