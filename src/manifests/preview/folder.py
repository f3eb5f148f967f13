"""Put a preview into its folder so that whoever looks at it sees a whole one at every instant.

The files of a set stand in a folder named by their digest, beside those of the set before. Then
`index.html` is replaced, at once, by one that names the new folder, and the old folder goes.
"""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from manifests.errors import StoreError
from manifests.store.disk import MACHINE
from manifests.store.lock import LOCK_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from manifests.preview.site import Site
    from manifests.store.disk import Disk

__all__ = ["MARKER_FILE", "PAGE_FILE", "check_target", "put"]

MARKER_FILE: Final = ".manifests-preview"
"""Says that a folder is ours to rewrite."""
PAGE_FILE: Final = "index.html"

MARKER: Final = b"Made by `manifests preview`, which rewrites and removes what it made here.\n"
OURS: Final = re.compile(r"set-[0-9a-f]{16}|\.(set-[0-9a-f]{16}|index\.html)\.[0-9a-f]{16}\.tmp")
"""Names that only this module gives, in a folder that bears its marker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A folder that is ours to write, and the machine to do it with."""

    folder: Path
    disk: Disk


def check_target(target: Path, out: Path) -> None:
    """Refuse a folder that is not for previews.

    Args:
        target: where the preview shall stand; needs not be there yet.
        out: the output folder, which only runs may write.

    Raises:
        StoreError: it is the output folder, stands in it, or holds files that are no preview.
    """
    with _translated(target):
        if target.resolve().is_relative_to(out.resolve()):
            raise StoreError(
                f"{target} is in {out}, where only the published set stands",
                next_step="choose another folder with --to",
            )

        names = {path.name for path in target.iterdir()} if target.exists() else set()

    if names and MARKER_FILE not in names:
        raise StoreError(
            f"{target} is not empty, and no preview",
            next_step="choose an empty or a new folder with --to",
        )


def put(site: Site, target: Path, *, disk: Disk = MACHINE) -> None:
    """Let *target*, which `check_target` has passed, show *site* in place of what it shows.

    Raises:
        StoreError: the disk refuses, or another process writes there; the old preview still stands.
    """
    place = _Place(folder=target, disk=disk)
    with _translated(target):
        target.mkdir(parents=True, exist_ok=True)
        # First of all, so that what a killed command leaves is known as ours.
        if not (target / MARKER_FILE).exists():
            disk.write(target / MARKER_FILE, MARKER)

    with _translated(target), _alone(target):
        if not _is_whole(site, target / site.name):
            _put_set(site, place)

        _put_page(site, place)
        _sweep(site, target)


def _is_whole(site: Site, folder: Path) -> bool:
    """Tell whether a set stands there already, byte for byte."""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != site.files.keys():
        return False

    return all((folder / name).read_bytes() == data for name, data in site.files.items())


def _put_set(site: Site, place: _Place) -> None:
    staged = place.folder / f".{site.name}.{place.disk.token()}.tmp"
    try:
        staged.mkdir()
        for name, data in site.files.items():
            place.disk.write(staged / name, data)

        place.disk.settle(staged)
        final = place.folder / site.name
        # Of a folder that bears its digest but isn't whole, nothing is worth keeping.
        if final.exists():
            shutil.rmtree(final)

        place.disk.replace_held(staged, final)
        place.disk.settle(place.folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _put_page(site: Site, place: _Place) -> None:
    page = place.folder / PAGE_FILE
    if page.is_file() and page.read_bytes() == site.page:
        return

    staged = place.folder / f".{PAGE_FILE}.{place.disk.token()}.tmp"
    try:
        place.disk.write(staged, site.page)
        place.disk.replace_held(staged, page)
        place.disk.settle(place.folder)
    finally:
        with suppress(OSError):  # what stays is swept by the next preview
            place.disk.remove(staged)


def _sweep(site: Site, folder: Path) -> None:
    """Remove older sets, and what a killed command left; a reader may still hold them for now."""
    for path in folder.iterdir():
        if OURS.fullmatch(path.name) and path.name != site.name:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return

    with suppress(OSError):
        path.unlink()


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Keep a second preview out: each would sweep the other's set.

    Raises:
        StoreError: one is at work there.
    """
    lock = FileLock(target / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreError(
            f"{target} is being written by another process",
            next_step="wait for it, or choose another folder with --to",
        ) from error

    try:
        yield
    finally:
        lock.release()


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    """Turn the disk's refusal into an error that says what to do.

    Raises:
        StoreError: the disk refused.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the preview can't be written to {target}: {error.strerror or error}",
            next_step=f"make {target} a folder that this user may write, with room on its disk,"
            " or choose another with --to",
        ) from error
