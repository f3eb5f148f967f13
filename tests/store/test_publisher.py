"""Putting a set in place: all of it or nothing, whole files only, and no write without need."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from manifests.errors import StoreError
from manifests.store.canonical import sha256
from manifests.store.disk import PAUSES, Disk, write_new
from manifests.store.formats import read_index
from manifests.store.published import read_published
from manifests.store.publisher import SwapError, publish, recover
from manifests.store.release import Release, compose
from manifests.store.swap import JOURNAL_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import MakeEntries, MakeManifest, MakeRelease

    from manifests.sources.base import SourceInfo

OLD = Release(files={"a.json": b"old a", "b.json": b"old b", "index.json": b"old index"})
NEW = Release(
    files={
        "status.json": b"new status",
        "index.json": b"new index",
        "b.json": b"new b",
        "a.json": b"new a",
    }
)


@dataclass(slots=True, kw_only=True)
class IllDisk:
    """A disk that writes and replaces truly until it is asked for what it refuses."""

    refusal: OSError
    writes: int = 1000
    """How many files it writes before it refuses one."""
    replaces: int = 1000
    """How many files it replaces before it refuses."""
    times: int = 1000
    """How often it refuses to replace before it gives in."""
    slept: list[float] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)

    def write(self, path: Path, data: bytes) -> None:
        """Write as much as fits."""
        if not self.writes:
            path.write_bytes(data[:2])
            raise self.refusal

        self.writes -= 1
        write_new(path, data)

    def replace(self, source: Path, target: Path) -> None:
        """Replace, or refuse; the journal is let through."""
        if target.name == JOURNAL_FILE:
            source.replace(target)
            return

        if len(self.replaced) >= self.replaces and self.times:
            self.times -= 1
            raise self.refusal

        self.replaced.append(target.name)
        source.replace(target)

    def disk(self) -> Disk:
        """Return it as publishing sees it."""
        return Disk(write=self.write, replace=self.replace, sleep=self.slept.append)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def visible(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that readers see."""
    return {name: data for name, data in contents(folder).items() if not name.startswith(".")}


def times(folder: Path) -> dict[str, int]:
    """Return when each file of a folder was last written, in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def no_space() -> OSError:
    """Return what a full disk says."""
    return OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_is_made_where_there_is_none(tmp_path: Path) -> None:
    """The first run needs no preparation; the status and then the index are put in place last."""
    publication = publish(tmp_path / "deep" / "out", NEW)
    assert contents(tmp_path / "deep" / "out") == NEW.files
    assert publication.written == ("b.json", "a.json", "status.json", "index.json")


def test_what_is_right_already_is_not_written(tmp_path: Path) -> None:
    """A second publish of the same set writes nothing but the status that differs."""
    publish(tmp_path, NEW)
    before = times(tmp_path)
    assert publish(tmp_path, NEW).written == ()
    assert times(tmp_path) == before
    assert publish(tmp_path, NEW.with_status(b"newer")).written == ("status.json",)
    assert {**times(tmp_path), "status.json": 0} == {**before, "status.json": 0}


def test_files_of_others_stay(tmp_path: Path) -> None:
    """What the release does not name is none of its business."""
    (tmp_path / "README.md").write_bytes(b"read me")
    publish(tmp_path, OLD)
    assert contents(tmp_path) == {**OLD.files, "README.md": b"read me"}


@pytest.mark.parametrize("written", [0, 1, 3, 4])
def test_a_full_disk_changes_nothing(tmp_path: Path, written: int) -> None:
    """While a file or the journal can't be written, the old set stays and nothing is left."""
    publish(tmp_path, OLD)
    ill = IllDisk(refusal=no_space(), writes=written)
    with pytest.raises(StoreError, match="No space left") as caught:
        publish(tmp_path, NEW, disk=ill.disk())
    assert contents(tmp_path) == OLD.files
    assert caught.value.next_step.startswith(f"free space on the disk of {tmp_path}")


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.EROFS, "make {0} writable, or choose another --out"),
        (errno.EACCES, "make {0} and its files writable for this user"),
        (errno.EDQUOT, "free space in the quota of {0}"),
        (errno.EIO, "check the disk of {0}"),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, number: int, step: str) -> None:
    """Each kind of refusal has its next step, and none of them leaves a trace."""
    ill = IllDisk(refusal=OSError(number, os.strerror(number)), writes=0)
    with pytest.raises(StoreError, match=os.strerror(number)) as caught:
        publish(tmp_path, OLD, disk=ill.disk())
    assert caught.value.next_step.startswith(step.format(tmp_path))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("replaced", [0, 1, 2, 3])
def test_a_refusal_in_the_swap_leaves_whole_files(tmp_path: Path, replaced: int) -> None:
    """Each file is the old or the new one, the error says which, and the index is still old."""
    publish(tmp_path, OLD)
    ill = IllDisk(refusal=OSError(errno.EIO, "Input/output error"), replaces=replaced)
    with pytest.raises(SwapError, match=r"\.json can't be written: Input") as caught:
        publish(tmp_path, NEW, disk=ill.disk())
    order = ("b.json", "a.json", "status.json")[:replaced]
    assert visible(tmp_path) == {**OLD.files, **{name: NEW.files[name] for name in order}}
    assert caught.value.written == order
    assert "check the disk" in caught.value.next_step


def test_a_refused_swap_is_finished_by_the_next_writer(tmp_path: Path) -> None:
    """What the disk refused once is put in place when it refuses no more, and all is tidy."""
    publish(tmp_path, OLD)
    ill = IllDisk(refusal=OSError(errno.EIO, "Input/output error"), replaces=1)
    with pytest.raises(SwapError):
        publish(tmp_path, NEW, disk=ill.disk())
    with pytest.raises(SwapError) as caught:
        recover(tmp_path, disk=ill.disk())
    assert caught.value.written == ()
    assert recover(tmp_path).finished == ("a.json", "status.json", "index.json")
    assert contents(tmp_path) == NEW.files


def test_a_file_that_is_held_open_is_tried_again(tmp_path: Path) -> None:
    """A short refusal, as of a reader on Windows, is waited out with growing pauses."""
    ill = IllDisk(refusal=PermissionError(errno.EACCES, "held"), replaces=1, times=3)
    assert publish(tmp_path, NEW, disk=ill.disk()).written == (*ill.replaced,)
    assert ill.slept == [*PAUSES[:3]]
    assert contents(tmp_path) == NEW.files


def test_a_file_that_stays_held_is_given_up(tmp_path: Path) -> None:
    """After the last pause comes one more try, and then the refusal."""
    ill = IllDisk(refusal=PermissionError(errno.EACCES, "held"), replaces=0)
    with pytest.raises(StoreError, match="held") as caught:
        publish(tmp_path, NEW, disk=ill.disk())
    assert ill.slept == [*PAUSES]
    assert "writable" in caught.value.next_step
    assert visible(tmp_path) == {}


def test_an_interrupt_leaves_nothing_staged(tmp_path: Path) -> None:
    """Whatever ends the staging, the staged files go."""

    def interrupt(path: Path, data: bytes) -> None:
        write_new(path, data)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, NEW, disk=Disk(write=interrupt))
    assert contents(tmp_path) == {}


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    """Staged files of a run that could not clean up go; what only looks like one stays."""
    (tmp_path / ".a.json.0123456789abcdef.tmp").write_bytes(b"half")
    (tmp_path / ".a.json.tmp").write_bytes(b"someone's")
    assert publish(tmp_path, OLD).swept == (".a.json.0123456789abcdef.tmp",)
    assert contents(tmp_path) == {**OLD.files, ".a.json.tmp": b"someone's"}


def test_a_staged_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    """Staging never writes to a file that is there: the publish fails, and says so."""
    disk = Disk(token=lambda: "not hexadecimal!")
    (tmp_path / ".b.json.not hexadecimal!.tmp").mkdir()
    with pytest.raises(StoreError, match="File exists"):
        publish(tmp_path, OLD, disk=disk)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("blocked", "out", "step"),
    [
        ("out", "out", "move {0} away"),
        ("out", "out/below", "move the file that stands above {0}/below away"),
    ],
)
def test_a_file_in_place_of_the_folder_is_named(
    tmp_path: Path, blocked: str, out: str, step: str
) -> None:
    """Where no folder can be, the message says what is in the way."""
    (tmp_path / blocked).write_bytes(b"")
    with pytest.raises(StoreError, match="can't be written") as caught:
        publish(tmp_path / out, OLD)
    assert caught.value.next_step.startswith(step.format(tmp_path / blocked))


def test_a_folder_in_place_of_a_file_stops_all(tmp_path: Path) -> None:
    """What can't be replaced is found before anything is staged."""
    publish(tmp_path, OLD)
    (tmp_path / "status.json").mkdir()
    with pytest.raises(StoreError, match="no regular file") as caught:
        publish(tmp_path, NEW)
    assert contents(tmp_path) == OLD.files
    assert "status.json away" in caught.value.next_step


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """A replaced file keeps the mode that someone gave it; a new one gets the usual one."""
    publish(tmp_path, OLD)
    (tmp_path / "a.json").chmod(0o640)
    publish(tmp_path, NEW)
    probe = tmp_path / "probe"
    probe.touch()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes["a.json"] == 0o640
    assert modes["status.json"] == modes["probe"]


@pytest.mark.parametrize("replaced", range(4))
def test_the_next_run_repairs_a_broken_swap(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    make_release: MakeRelease,
    *,
    replaced: int,
) -> None:
    """Wherever the swap broke off, the next set is whole, and its index agrees with every file."""
    publish(tmp_path, make_release(make_manifest("civitai", "filter/x", "1", "2")))
    accepted = {("civitai", "filter/x"): make_manifest("civitai", "filter/x", "2", "3")}
    entries = make_entries("civitai", "2", "3")
    wanted = compose(read_published(tmp_path, infos), accepted, entries, infos=infos)
    ill = IllDisk(refusal=no_space(), replaces=replaced)
    with pytest.raises(StoreError):
        publish(tmp_path, wanted, disk=ill.disk())

    assert read_published(tmp_path, infos).damaged == ()
    recover(tmp_path)
    assert contents(tmp_path) == wanted.files
    for entry in read_index((tmp_path / "index.json").read_bytes()).files:
        assert entry.sha256 == sha256((tmp_path / entry.file).read_bytes())


@pytest.mark.parametrize("names", [("a.json", "A.json"), ("\u00e9.json", "e\u0301.json")])
def test_names_that_clash_elsewhere_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    """Two names that are one file on other systems are refused before anything is written."""
    with pytest.raises(StoreError, match="are one file where") as caught:
        publish(tmp_path / "out", Release(files=dict.fromkeys(names, b"")))
    assert "another path" in caught.value.next_step
    assert not (tmp_path / "out").exists()


def test_a_journal_that_stays_does_no_harm(tmp_path: Path) -> None:
    """When the journal can't be removed after the swap, the set is published all the same."""

    def refuse(path: Path) -> None:
        if path.name == JOURNAL_FILE:
            raise PermissionError(errno.EACCES, "held")

    publish(tmp_path, NEW, disk=Disk(remove=refuse))
    assert visible(tmp_path) == NEW.files
    assert recover(tmp_path).finished == ()
    assert contents(tmp_path) == NEW.files


def test_a_limit_on_file_sizes_is_a_refusal(tmp_path: Path) -> None:
    """A real refusal by the kernel half-way through a file leaves the old set whole."""
    publish(tmp_path, OLD)
    program = """
import resource, sys
from pathlib import Path
from manifests.errors import StoreError
from manifests.store.publisher import publish
from manifests.store.release import Release, compose

soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
try:
    publish(Path(sys.argv[1]), Release(files={"a.json": b"new", "b.json": b"x" * 100_000}))
except StoreError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    sys.exit(f"{error.cause} | {error.next_step}")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, os.fspath(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "File too large | raise the limit" in done.stderr
    assert contents(tmp_path) == OLD.files
