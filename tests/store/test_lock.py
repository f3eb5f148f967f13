"""One writer at a time: who waits, what is said, and what a crash leaves behind."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest

from manifests.errors import StoreError
from manifests.events import Noted
from manifests.store.lock import HOLDER_FILE, LOCK_FILE, Holder, locked, read_holder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from manifests.events import Event

NOON = datetime(2026, 11, 21, 12, 3, tzinfo=UTC)
OTHER = Holder(pid=123, host="HOST", since=NOON, command="manifests generate")
US = Holder(pid=456, host="here", since=NOON.replace(hour=13), command="manifests retry")


@asynccontextmanager
async def held(folder: Path, holder: Holder = OTHER) -> AsyncIterator[None]:
    """Hold the lock as somebody else."""
    async with locked(folder, wait=0, holder=holder):
        yield


def test_this_process_can_name_itself() -> None:
    """A holder knows its process, its machine, its command and its start."""
    holder = Holder.here("manifests accept", now=NOON)
    assert (holder.pid, holder.command, holder.since) == (os.getpid(), "manifests accept", NOON)
    assert holder.host


async def test_a_free_folder_is_locked_and_left(tmp_path: Path) -> None:
    """A folder is made where there is none; no name is left in it when all is over."""
    out = tmp_path / "deep" / "out"
    for _ in range(2):
        async with held(out):
            assert (out / HOLDER_FILE).exists()
        assert not (out / HOLDER_FILE).exists()


@pytest.mark.parametrize(
    ("since", "moment"),
    [(NOON, "12:03"), (NOON.replace(day=20), "2026-11-20 12:03")],
)
async def test_a_busy_folder_says_who_holds_it(
    tmp_path: Path, since: datetime, moment: str
) -> None:
    """Without time to wait, the second one is told who writes there since when, and what to do."""
    async with held(tmp_path, OTHER.model_copy(update={"since": since})):
        with pytest.raises(StoreError) as caught:
            async with held(tmp_path, US):
                pytest.fail("the lock was given twice")

    who = f"process 123 on HOST since {moment} UTC (manifests generate)"
    assert caught.value.cause == f"{tmp_path}/ is being written by {who}"
    assert caught.value.next_step == "wait for it, or give it time with --wait 10m"


@pytest.mark.parametrize("text", [None, b"", b"[]", b'{"pid": 1'])
async def test_an_unknown_holder_is_another_process(tmp_path: Path, text: bytes | None) -> None:
    """Where nobody can be named, the lock still counts."""
    async with held(tmp_path):
        (tmp_path / HOLDER_FILE).unlink()
        if text is not None:
            (tmp_path / HOLDER_FILE).write_bytes(text)

        with pytest.raises(StoreError, match="is being written by another process"):
            async with held(tmp_path, US):
                pytest.fail("the lock was given twice")


async def test_a_name_without_a_lock_blocks_nobody(tmp_path: Path) -> None:
    """What a crash left behind is overwritten, and so is the lock file itself not in the way."""
    (tmp_path / LOCK_FILE).write_bytes(b"")
    (tmp_path / HOLDER_FILE).write_bytes(b'{"pid": 1}')
    async with held(tmp_path):
        assert b'"pid": 123' in (tmp_path / HOLDER_FILE).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"since": "0001-01-01T00:00:00+14:00"},
        {"since": "9999-12-31T23:59:59-14:00"},
        {"since": "2026-11-21T12:03:00"},
        {"host": "x" * 1001},
        {"command": "x" * 1001},
        {"pid": 1e400},
    ],
    ids=["first day", "last day", "no zone", "long host", "long command", "no number"],
)
async def test_a_note_that_makes_no_sense_says_nothing(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    """Whoever waits is told that the folder is busy, whatever stands in the note."""
    async with held(tmp_path):
        note = json.loads((tmp_path / HOLDER_FILE).read_bytes())
        (tmp_path / HOLDER_FILE).write_text(json.dumps(note | changes), encoding="utf-8")
        with pytest.raises(StoreError, match="is being written by another process"):
            async with held(tmp_path, US):
                pytest.fail("the lock was given twice")


async def test_a_pipe_for_a_note_is_not_waited_for(tmp_path: Path) -> None:
    """Only a regular file is read; nobody may ever write to a pipe."""
    async with held(tmp_path):
        (tmp_path / HOLDER_FILE).unlink()
        os.mkfifo(tmp_path / HOLDER_FILE)
        assert read_holder(tmp_path) is None


async def test_a_holder_that_can_not_be_noted_holds_all_the_same(tmp_path: Path) -> None:
    """The note is for people; where it can't be written the lock is held without it."""
    (tmp_path / HOLDER_FILE).mkdir()
    async with held(tmp_path):
        with pytest.raises(StoreError, match="another process"):
            async with held(tmp_path, US):
                pytest.fail("the lock was given twice")


async def test_waiting_ends_with_the_time_given(tmp_path: Path) -> None:
    """The wait is spent in short pauses, told once, and then given up."""
    slept: list[float] = []
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    async with held(tmp_path):
        with pytest.raises(StoreError, match="process 123"):
            async with locked(tmp_path, wait=0.5, holder=US, reporter=tell, sleep=sleep):
                pytest.fail("the lock was given twice")

    assert sum(slept) == pytest.approx(0.5)
    assert len(slept) == 3
    (event,) = told
    assert isinstance(event, Noted)
    assert event.message.endswith("(manifests generate); waiting for it")


async def test_waiting_ends_when_the_folder_is_free(tmp_path: Path) -> None:
    """Whoever waits has the lock as soon as the other one leaves."""
    leave, waiting = anyio.Event(), anyio.Event()

    async def hold() -> None:
        async with held(tmp_path):
            waiting.set()
            await leave.wait()

    async def sleep(_: float) -> None:
        leave.set()
        await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await waiting.wait()
        async with locked(tmp_path, wait=60, holder=US, sleep=sleep):
            assert b'"pid": 456' in (tmp_path / HOLDER_FILE).read_bytes()


async def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    """An interrupt ends the wait, and the lock stays with its holder."""
    with anyio.CancelScope() as scope:
        async with held(tmp_path):

            async def sleep(_: float) -> None:
                scope.cancel()
                await anyio.lowlevel.checkpoint()

            async with locked(tmp_path, wait=60, holder=US, sleep=sleep):
                pytest.fail("the lock was given twice")

    assert scope.cancelled_caught
    async with held(tmp_path, US):
        assert (tmp_path / HOLDER_FILE).exists()


async def test_the_lock_is_left_when_the_work_fails(tmp_path: Path) -> None:
    """A failure under the lock frees it."""
    with pytest.raises(ZeroDivisionError):
        async with held(tmp_path):
            raise ZeroDivisionError
    async with held(tmp_path, US):
        assert (tmp_path / HOLDER_FILE).exists()


@pytest.mark.parametrize("blocked", ["out", f"out/{LOCK_FILE}"])
async def test_what_stands_in_the_way_is_named(tmp_path: Path, blocked: str) -> None:
    """A file in place of the folder, or a folder in place of the lock, is a refusal of the disk."""
    if blocked == "out":
        (tmp_path / "out").write_bytes(b"")
    else:
        (tmp_path / blocked).mkdir(parents=True)

    with pytest.raises(StoreError, match=f"{blocked}.* can't be written") as caught:
        async with held(tmp_path / "out"):
            pytest.fail("there is nothing to lock")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno in {errno.EEXIST, errno.EISDIR}


PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio

from manifests.store.lock import Holder, locked, read_holder

async def hold():
    holder = Holder.here("manifests generate", now=datetime.now(UTC))
    async with locked(Path(sys.argv[1]), wait=0, holder=holder):
        print("held", flush=True)
        sys.stdin.read()

anyio.run(hold)
"""
"""Hold the lock until the standard input ends."""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the lock of a folder."""
    command = [sys.executable, "-c", PROGRAM, os.fspath(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        yield other


async def test_a_crash_frees_the_folder(tmp_path: Path) -> None:
    """Another process keeps us out as long as it lives, and no longer, even if it is killed."""
    with another_process(tmp_path) as other:
        with pytest.raises(StoreError, match=f"by process {other.pid} on .+ since"):
            async with held(tmp_path, US):
                pytest.fail("the lock was given twice")

        other.send_signal(signal.SIGKILL)
        other.wait()

    assert (tmp_path / HOLDER_FILE).exists()
    async with held(tmp_path, US):
        assert b'"pid": 456' in (tmp_path / HOLDER_FILE).read_bytes()
