"""A folder is looked at by really writing to it, and is left as it was."""

from __future__ import annotations

import errno
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from manifests.doctor.diagnosis import Check, Level
from manifests.doctor.disks import judge_database, judge_folder, judge_writer
from manifests.doctor.folders import (
    FolderFacts,
    Space,
    WriterFacts,
    look_at_folder,
    look_for_writer,
    size_of,
    space_of,
)
from manifests.doctor.machine import clashes
from manifests.errors import StoreError
from manifests.store.canonical import encode
from manifests.store.disk import MACHINE
from manifests.store.inspection import DatabaseFacts
from manifests.store.lock import HOLDER_FILE, LOCK_FILE, Holder
from manifests.store.names import is_temporary
from manifests.store.swap import JOURNAL_FILE

OUT = Path("out")
PLENTY = Space(free=90_000_000_000)
HOLDER = Holder(
    pid=7, host="here", since=datetime(2026, 8, 1, 12, tzinfo=UTC), command="manifests generate"
)
REFUSAL = StoreError("out can't be written", next_step="make it writable")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            FolderFacts(folder=OUT, is_there=True, space=PLENTY),
            [(Level.OK, "out/ can be written; 90 GB free")],
        ),
        (
            FolderFacts(folder=OUT, is_there=False),
            [(Level.OK, "out/ is not there yet, and can be made")],
        ),
        (
            FolderFacts(folder=OUT, is_there=True, refusal=REFUSAL),
            [(Level.FAIL, "out can't be written")],
        ),
        (
            FolderFacts(folder=OUT, is_there=True, space=Space(free=150_000_000), size=30_000_000),
            [(Level.OK, "150.0 MB free"), (Level.WARN, "the disk of out/ has 150.0 MB left")],
        ),
        (
            FolderFacts(folder=OUT, is_there=True, space=Space(free=1000), size=30_000_000),
            [
                (Level.OK, "can be written"),
                (Level.FAIL, "out/ holds 30.0 MB, and the disk has 1 kB left: no room to stage"),
            ],
        ),
        (
            FolderFacts(folder=OUT, is_there=True, space=replace(PLENTY, files=7)),
            [(Level.OK, "can be written"), (Level.WARN, "takes 7 more files")],
        ),
        (
            FolderFacts(folder=OUT, is_there=True, ignores_case=True),
            [(Level.OK, "can be written"), (Level.FAIL, "would mix up a.json and A.json")],
        ),
    ],
)
def test_what_is_said_of_a_folder(facts: FolderFacts, expected: list[tuple[Level, str]]) -> None:
    """Rights, space and letters each have a line, and what is not well has a step."""
    names = ["a.json", "b.json", "A.json"]
    found = list(judge_folder(Check.OUT, facts, flag="--out", names=names))
    assert [each.level for each in found] == [level for level, _ in expected]
    for each, (level, words) in zip(found, expected, strict=True):
        assert words in each.found
        assert bool(each.next_step) == (level is not Level.OK)


def test_names_that_differ_by_case_only() -> None:
    """Each name that an earlier one would take the place of is found with it."""
    assert clashes(["a", "b", "A", "a", "straße", "STRASSE"]) == [("a", "A"), ("straße", "STRASSE")]


@pytest.mark.parametrize("names", [(), ("deep", "down")])
def test_nothing_is_left_behind(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Where a run may write, or make the folder to write to, nothing has changed afterwards."""
    before = sorted(tmp_path.rglob("*"))
    facts = look_at_folder(tmp_path.joinpath(*names))
    assert (facts.refusal, facts.is_there) == (None, not names)
    assert facts.space is not None
    assert facts.space.free > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A file where the folder should be is told as such."""
    (tmp_path / "out").write_bytes(b"")
    facts = look_at_folder(tmp_path / "out")
    assert facts.refusal is not None
    assert "Not a directory" in facts.refusal.cause
    assert "--out" in facts.refusal.next_step


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.EROFS, "make {} writable, or choose another --out"),
        (errno.EACCES, "make {} and its files writable for this user"),
        (errno.ENOSPC, "free space on the disk of {}"),
    ],
)
def test_a_disk_that_refuses(tmp_path: Path, number: int, step: str) -> None:
    """Whichever file a disk refuses, all are removed, and its reason has a step of its own."""
    for fails_at in (1, 2):
        written: list[Path] = []

        def write(
            path: Path, data: bytes, *, written: list[Path] = written, last: int = fails_at
        ) -> None:
            MACHINE.write(path, data)
            written.append(path)
            if len(written) == last:
                raise OSError(number, "refused")

        facts = look_at_folder(tmp_path, disk=replace(MACHINE, write=write))
        assert facts.refusal is not None
        assert facts.refusal.next_step.startswith(step.format(tmp_path))
        assert len(written) == fails_at
        assert all(is_temporary(path.name) for path in written)
        assert list(tmp_path.iterdir()) == []


def test_a_disk_that_ignores_case(tmp_path: Path) -> None:
    """A disk that finds a file by its name in capitals takes the two for one."""

    def replace_twice(source: Path, target: Path) -> None:
        target.with_name(target.name.upper()).write_bytes(source.read_bytes())
        MACHINE.replace(source, target)

    facts = look_at_folder(tmp_path, disk=replace(MACHINE, replace=replace_twice))
    assert facts.ignores_case
    assert not look_at_folder(tmp_path).ignores_case


def test_sizes(tmp_path: Path) -> None:
    """The size of a folder is that of its files; what is not there has none."""
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").mkdir()
    assert size_of(tmp_path) == 5
    assert size_of(tmp_path / "none") == 0
    assert space_of(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (WriterFacts(), Level.OK, "nobody else is writing"),
        (WriterFacts(is_locked=True), Level.WARN, "another process is writing"),
        (
            WriterFacts(is_locked=True, holder=HOLDER, staged=3, has_journal=True),
            Level.WARN,
            "process 7 on here has been writing since 2026-08-01 12:00 UTC (manifests generate)",
        ),
        (
            WriterFacts(has_journal=True, staged=1),
            Level.WARN,
            "a run was killed here and left a swap that was not ended and 1 staged file",
        ),
        (WriterFacts(staged=2), Level.WARN, "left 2 staged files"),
        (WriterFacts(holder=HOLDER), Level.OK, "nobody is writing; 'manifests generate' was"),
    ],
)
def test_who_writes(facts: WriterFacts, level: Level, words: str) -> None:
    """A living writer is told apart from what a dead one has left."""
    found = judge_writer(facts)
    assert found.level is level
    assert words in found.found


def test_a_living_writer(tmp_path: Path) -> None:
    """Who holds the lock is found, and still holds it afterwards."""
    (tmp_path / HOLDER_FILE).write_bytes(encode(HOLDER.model_dump()))
    with FileLock(tmp_path / LOCK_FILE):
        assert look_for_writer(tmp_path) == WriterFacts(is_locked=True, holder=HOLDER)
        assert look_for_writer(tmp_path).is_locked


@pytest.mark.parametrize("note", [b"", b"{}", encode(HOLDER.model_dump())])
def test_a_dead_writer(tmp_path: Path, note: bytes) -> None:
    """What a killed run has left is counted; its note alone is no lock, whole or not."""
    (tmp_path / HOLDER_FILE).write_bytes(note)
    (tmp_path / LOCK_FILE).write_bytes(b"")
    (tmp_path / JOURNAL_FILE).write_bytes(b"{}")
    (tmp_path / f".index.json.{'0' * 16}.tmp").write_bytes(b"")
    found = look_for_writer(tmp_path)
    assert (found.is_locked, found.has_journal, found.staged) == (False, True, 1)
    assert (found.holder == HOLDER) == (len(note) > 2)


def test_a_lock_that_cannot_be_tried(tmp_path: Path) -> None:
    """What can't be opened tells nothing of who writes."""
    (tmp_path / HOLDER_FILE).write_bytes(encode(HOLDER.model_dump()))
    (tmp_path / LOCK_FILE).mkdir()
    assert look_for_writer(tmp_path) == WriterFacts(holder=HOLDER)


def test_a_lock_without_a_note_is_left_alone(tmp_path: Path) -> None:
    """Where nobody says to write, the lock is not even tried."""
    with FileLock(tmp_path / LOCK_FILE):
        assert look_for_writer(tmp_path) == WriterFacts()
    assert look_for_writer(tmp_path / "none") == WriterFacts()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DatabaseFacts(), [(Level.OK, "there is no state database yet")]),
        (
            DatabaseFacts(bytes=1_200_000, schema_version=1, runs=1),
            [(Level.OK, "is sound: schema 1, 1 run, 1.2 MB")],
        ),
        (
            DatabaseFacts(bytes=5000, schema_version=1, runs=9, is_in_use=True),
            [(Level.OK, "9 runs, 5 kB, in use, or left by a killed run")],
        ),
        (
            DatabaseFacts(bytes=5000, refusal=REFUSAL),
            [(Level.WARN, "out can't be written; what it remembered is lost")],
        ),
        (
            DatabaseFacts(set_aside=("x.broken-1", "x.broken-2"), set_aside_bytes=2000),
            [(Level.OK, "no state"), (Level.WARN, "2 broken databases set aside earlier, 2 kB")],
        ),
    ],
)
def test_what_is_said_of_the_database(
    facts: DatabaseFacts, expected: list[tuple[Level, str]]
) -> None:
    """A broken state costs what it remembered, and no run: it warns."""
    found = list(judge_database(facts))
    assert [each.level for each in found] == [level for level, _ in expected]
    assert all(words in each.found for each, (_, words) in zip(found, expected, strict=True))


def test_a_look_is_no_leftover(tmp_path: Path) -> None:
    """The file with which another look tries the same disk is not taken for a dead run's."""
    counted: list[int] = []

    def write_and_look(path: Path, data: bytes) -> None:
        MACHINE.write(path, data)
        counted.append(look_for_writer(tmp_path).staged)

    look_at_folder(tmp_path, disk=replace(MACHINE, write=write_and_look))
    assert counted == [0, 0]
