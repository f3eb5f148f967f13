"""Meet the machine: the few things that are done to files, and what its refusals mean."""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from manifests.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["MACHINE", "PAUSES", "Disk", "translated", "write_new"]

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


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        OSError: the disk refuses.
    """
    path.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """Ask the disk to remember the new names; where folders can't be asked, none is needed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def random_token() -> str:
    """Return 16 hexadecimal digits."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The ways in which publishing changes the machine, so that its refusals can be tested."""

    write: Callable[[Path, bytes], None] = write_new
    """Write a new file and wait until the disk has it."""
    replace: Callable[[Path, Path], None] = os.replace
    """Put the first file in the place of the second, at once."""
    remove: Callable[[Path], None] = remove
    """Remove a file, if it is there."""
    settle: Callable[[Path], None] = settle
    """Wait until the disk has the names of a folder."""
    sleep: Callable[[float], None] = time.sleep
    """Wait that many seconds."""
    token: Callable[[], str] = random_token
    """Make a name of its own for each staged file."""

    def replace_held(self, source: Path, target: Path) -> None:
        """Put the first file in the place of the second, which a reader may hold for a moment.

        Raises:
            OSError: the disk refuses, or the file is held for longer.
        """
        for pause in PAUSES:
            try:
                self.replace(source, target)
            except PermissionError:
                self.sleep(pause)
            else:
                return

        self.replace(source, target)


MACHINE: Final = Disk()
"""The real one."""


@contextmanager
def translated(folder: Path, name: str = "") -> Iterator[None]:
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
