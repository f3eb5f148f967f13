"""A run outlives whoever watches it."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from manifests.cli.streams import Unheeded, give_up_stdout, open_streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

ROOT = Path(__file__).parents[2]
# Of Unix alone: a file that takes nothing, as a full disk does.
FULL = Path("/dev/full")


class Refusing(io.RawIOBase):
    """A file that takes nothing."""

    def writable(self) -> bool:
        """Say that it may be tried."""
        return True

    def write(self, data: object, /) -> int:
        """Refuse."""
        del data
        raise BrokenPipeError


def closed() -> None:
    """Close stderr in a child, before it becomes Python."""
    os.close(2)


@pytest.mark.parametrize(
    ("flags", "opened", "before"),
    [((), FULL, None), (("-vv",), None, None), (("--log-format", "json"), None, closed)],
    ids=["full", "gone", "none"],
)
def test_a_run_publishes_whoever_listens(
    tmp_path: Path,
    flags: tuple[str, ...],
    opened: Path | None,
    before: Callable[[], None] | None,
) -> None:
    """A full disk of logs, a reader that has gone and a stderr that is closed end no run."""
    reading, writing = os.pipe()
    os.close(reading)
    told = os.open(opened, os.O_WRONLY) if opened else writing
    where = ["--filters", str(ROOT / "filters"), "--out", "out"]
    made = subprocess.run(
        [sys.executable, "-m", "manifests", "generate", "--sandbox", "--only", "x/week/sd21",
         *where, *flags],
        cwd=tmp_path,
        stderr=told,
        preexec_fn=before,
        check=False,
    )  # fmt: skip
    for each in {told, writing}:
        os.close(each)
    assert made.returncode == 0
    assert (tmp_path / "out" / "civitai-filter-x-week-sd21.json").is_file()


def ended(command: list[str], *, stdout: int) -> tuple[int, str]:
    """Return the exit code of a command, and what it said on stderr."""
    made = subprocess.run(
        [sys.executable, "-m", "manifests", *command],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return made.returncode, made.stderr


COMMANDS = [["--version"], ["--help"], ["list"], ["plan"], ["settings", "--json"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_disk_is_said(command: list[str]) -> None:
    """Whoever keeps what a command prints learns that it is not all there, in two lines."""
    with FULL.open("wb") as full:
        code, said = ended(command, stdout=full.fileno())
    assert code == 1
    assert said.splitlines() == [
        "error: what is printed can't be written: No space left on device",
        "next: make room there, or let it go to another place",
    ]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_reader_that_has_gone_is_no_news(command: list[str]) -> None:
    """`manifests list | head` ends without a word, as `head` has what it wants."""
    reading, writing = os.pipe()
    os.close(reading)
    code, said = ended(command, stdout=writing)
    os.close(writing)
    assert (code, said) == (1, "")


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.ENOSPC, "No space left on device", "a file"),
    ],
)
def test_another_error_is_none_of_stdout_s(error: OSError) -> None:
    """What else the system refuses is a bug of ours, and shows itself as one."""
    with pytest.raises(OSError, match=str(error.strerror)):
        give_up_stdout(error)


def test_what_can_not_be_written_is_lost_alone() -> None:
    """No write and no flush says that nobody is there."""
    stream = Unheeded(io.BufferedWriter(Refusing(), 8), encoding="utf-8", line_buffering=True)
    assert stream.write("a line that is longer than the buffer\n") == 38
    stream.flush()


def test_streams_that_are_none_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was closed before takes what is printed, and keeps nothing."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    open_streams()
    with sys.stdout as data, sys.stderr as people:
        assert (data.name, people.name) == (os.devnull, os.devnull)
        assert data.write("data") == 4


@pytest.mark.parametrize("own", [io.StringIO(), io.TextIOWrapper(io.BytesIO())])
def test_another_stream_is_left_alone(monkeypatch: pytest.MonkeyPatch, own: TextIO) -> None:
    """Whoever put a stream of their own in place knows what it does."""
    monkeypatch.setattr(sys, "stderr", own)
    open_streams()
    assert sys.stderr is own


def test_a_stream_stays_as_it_was_but_for_its_patience(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its encoding, and what it does with letters that this lacks, are those that it had."""
    with (tmp_path / "log").open("w", encoding="ascii", errors="backslashreplace") as kept:
        monkeypatch.setattr(sys, "stderr", kept)
        monkeypatch.setattr(sys, "__stderr__", kept)
        open_streams()
        opened = sys.stderr
        assert isinstance(opened, Unheeded)
        opened.write("é")
        opened.flush()
        opened.detach()
    assert (tmp_path / "log").read_text(encoding="ascii") == "\\xe9"
