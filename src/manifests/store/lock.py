"""Let one process at a time write to an output folder, and say which one when it is not us."""

from __future__ import annotations

import os
import platform
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Final

import anyio
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from manifests.errors import StoreError
from manifests.events import Noted, silent
from manifests.models import Record
from manifests.moments import Instant
from manifests.store.canonical import DamagedFileError, decode, encode
from manifests.store.disk import translated
from manifests.store.files import read_regular

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime
    from pathlib import Path

    from manifests.events import Reporter

__all__ = ["HOLDER_FILE", "LOCK_FILE", "Holder", "busy", "locked", "read_holder"]

LOCK_FILE: Final = ".manifests.lock"
"""Locked by the system (flock, LockFileEx), which forgets the lock with the process."""

HOLDER_FILE: Final = ".manifests.holder"
"""Says for people who holds the lock. Apart from it, as Windows lets no other read a locked file;
never asked whether there is a lock, as a crash leaves it behind."""

LONGEST_NAME: Final = 1000
"""Characters of a machine or a command; the note may be of anybody's making."""

PAUSE: Final = 0.2
"""Seconds between two looks at a lock that another process holds."""


class Holder(Record):
    """Who holds a lock."""

    pid: int
    host: Annotated[str, Field(max_length=LONGEST_NAME)]
    since: Instant
    """When it began, with its zone."""
    command: Annotated[str, Field(max_length=LONGEST_NAME)]
    """What it was told: `manifests generate`."""

    @classmethod
    def here(cls, command: str, *, now: datetime) -> Holder:
        """Return this process."""
        return cls(pid=os.getpid(), host=platform.node(), since=now, command=command)


@asynccontextmanager
async def locked(
    folder: Path,
    *,
    wait: float,
    holder: Holder,
    reporter: Reporter = silent,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> AsyncIterator[None]:
    """Hold the lock of an output folder, which is made where there is none.

    Args:
        folder: the output folder.
        wait: seconds to wait for another process; 0 looks once.
        holder: who we are, for those that find the folder locked.
        reporter: is told once when there is something to wait for.
        sleep: waits that many seconds; may be cancelled.

    Raises:
        StoreError: another process still holds the lock; or the folder can't be written.
    """
    lock = _lock_of(folder)
    await _take(lock, folder, wait=wait, holder=holder, reporter=reporter, sleep=sleep)
    note = folder / HOLDER_FILE
    try:
        with suppress(OSError):  # the lock holds without it
            note.write_bytes(encode(holder.model_dump()))

        yield
    finally:
        with suppress(OSError):  # the next holder overwrites it
            note.unlink(missing_ok=True)

        lock.release()


def _lock_of(folder: Path) -> FileLock:
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)

    # Else a task that ends in another thread than it began in could not free it.
    return FileLock(folder / LOCK_FILE, thread_local=False)


async def _take(
    lock: FileLock,
    folder: Path,
    *,
    wait: float,
    holder: Holder,
    reporter: Reporter,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    left = wait
    while not _try(lock, folder):
        problem = busy(folder, read_holder(folder), today=holder.since)
        if left <= 0:
            raise StoreError(problem, next_step="wait for it, or give it time with --wait 10m")

        if left == wait:
            reporter(Noted(message=f"{problem}; waiting for it"))

        await sleep(min(PAUSE, left))
        left -= PAUSE


def _try(lock: FileLock, folder: Path) -> bool:
    with translated(folder, LOCK_FILE):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False

    return True


def read_holder(folder: Path) -> Holder | None:
    """Return who says to hold the lock; None where nobody does, or the note makes no sense."""
    try:
        return Holder.model_validate(decode(read_regular(folder / HOLDER_FILE)))
    except (OSError, DamagedFileError, ValidationError):
        return None


def busy(folder: Path, other: Holder | None, *, today: datetime) -> str:
    """Say that a folder is locked, and by whom where that is known."""
    if other is None:
        return f"{folder}/ is being written by another process"

    since, now = other.since.astimezone(UTC), today.astimezone(UTC)
    moment = f"{since:%H:%M}" if since.date() == now.date() else f"{since:%Y-%m-%d %H:%M}"
    return (
        f"{folder}/ is being written by process {other.pid} on {other.host}"
        f" since {moment} UTC ({other.command})"
    )
