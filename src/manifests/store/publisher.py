"""Put a release in place: all files staged beside the old ones, then each replaced whole."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from manifests.errors import StoreError
from manifests.store.names import INDEX_FILE, STATUS_FILE, is_temporary, temporary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from manifests.store.release import Release

__all__ = ["MACHINE", "Disk", "Publication", "publish"]

LAST: Final = (INDEX_FILE, STATUS_FILE)
"""A reader that finds the new index finds all that it names."""

PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Seconds between tries to replace a file that another process holds open, as on Windows."""

NEXT_STEPS: Final[Mapping[int, str]] = {
    errno.ENOSPC: "free space on the disk of {folder}, then run again",
    errno.EDQUOT: "free space in the quota of {folder}, then run again",
    errno.EFBIG: "raise the limit on the size of files, or publish with --style compact",
    errno.EACCES: "make {folder} and its files writable for this user, then run again",
    errno.EPERM: "make {folder} and its files writable for this user, then run again",
    errno.EROFS: "make {folder} writable, or choose another --out",
    errno.EEXIST: "move {file} away, or choose another --out",
    errno.ENOTDIR: "move the file that stands above {folder} away, or choose another --out",
    errno.EISDIR: "move {file} away, then run again",
}


def write_new(path: Path, data: bytes) -> None:
    """Write a file that isn't there yet, down to the disk.

    Raises:
        OSError: it is there, or the disk refuses.
    """
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def random_token() -> str:
    """Return 16 hexadecimal digits."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The ways in which publishing meets the machine, so that its refusals can be tested."""

    write: Callable[[Path, bytes], None] = write_new
    """Write a new file and wait until the disk has it."""
    replace: Callable[[Path, Path], None] = os.replace
    """Put the first file in the place of the second, at once."""
    sleep: Callable[[float], None] = time.sleep
    """Wait that many seconds."""
    token: Callable[[], str] = random_token
    """Make a name of its own for each staged file."""


MACHINE: Final = Disk()
"""The real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing has done."""

    written: tuple[str, ...]
    """Names of the files whose bytes are new, in the order in which they were put in place."""
    swept: tuple[str, ...]
    """Names of staged files that a killed run left and that are gone now."""


def publish(folder: Path, release: Release, *, disk: Disk = MACHINE) -> Publication:
    """Make *folder* hold *release*; a file whose bytes are right already is not touched.

    Files that the release does not name stay. Only one process at a time may publish to a folder.

    Raises:
        StoreError: the disk refused. Before all files were staged, the old set is as it was; after
            that, each file is the old or the new one, and the old index tells the difference.
    """
    with _translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
        swept = _sweep(folder)

    # All obstacles that can be seen beforehand are met here, while nothing has changed.
    changed = _changed(folder, release.files)
    staged: dict[str, Path] = {}
    try:
        for name in changed:
            staged[name] = folder / temporary_name(name, disk.token())
            with _translated(folder, name):
                _stage(staged[name], folder / name, release.files[name], disk=disk)

        _replace_all(folder, staged, disk=disk)
    finally:
        for path in staged.values():
            with suppress(OSError):  # what stays is swept by the next run
                path.unlink(missing_ok=True)

    return Publication(written=changed, swept=swept)


def _sweep(folder: Path) -> tuple[str, ...]:
    leftovers = tuple(sorted(path.name for path in folder.iterdir() if is_temporary(path.name)))
    for name in leftovers:
        (folder / name).unlink()

    return leftovers


def _changed(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of the files to write, in the order in which to replace them."""
    ordered = [name for name in files if name not in LAST]
    ordered += [name for name in LAST if name in files]
    changed: list[str] = []
    for name in ordered:
        with _translated(folder, name):
            if _differs(folder / name, files[name]):
                changed.append(name)

    return tuple(changed)


def _differs(path: Path, data: bytes) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return True

    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "no regular file", str(path))

    return status.st_size != len(data) or path.read_bytes() != data


def _stage(path: Path, target: Path, data: bytes, *, disk: Disk) -> None:
    """Write the file beside its target, with the mode of the file that it will replace."""
    disk.write(path, data)
    if target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
        # Some mounts have no modes of their own and refuse every change, even an empty one.
        if mode != stat.S_IMODE(path.stat().st_mode):
            path.chmod(mode)


def _replace_all(folder: Path, staged: Mapping[str, Path], *, disk: Disk) -> None:
    for name, path in staged.items():
        if name == INDEX_FILE:
            _settle(folder)  # no power cut may keep the new index and lose what it names

        with _translated(folder, name):
            _replace(path, folder / name, disk=disk)

    _settle(folder)


def _replace(source: Path, target: Path, *, disk: Disk) -> None:
    for pause in PAUSES:
        try:
            disk.replace(source, target)
        except PermissionError:
            disk.sleep(pause)
        else:
            return

    disk.replace(source, target)


def _settle(folder: Path) -> None:
    """Ask the disk to remember the new names; where folders can't be asked, none is needed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _translated(folder: Path, name: str = "") -> Iterator[None]:
    """Turn the refusal of a file, or of the whole folder, into an error that says what to do.

    Raises:
        StoreError: the disk refused.
    """
    try:
        yield
    except OSError as error:
        path = folder / name
        step = NEXT_STEPS.get(error.errno or 0, "check the disk of {folder}, then run again")
        raise StoreError(
            f"{path} can't be written: {error.strerror or error}",
            next_step=step.format(folder=folder, file=path),
        ) from error
