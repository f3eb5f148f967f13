"""The journal of a swap: killed at any instant, a folder becomes the old set or the new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from manifests.errors import StoreError
from manifests.store.canonical import sha256
from manifests.store.disk import Disk
from manifests.store.publisher import publish
from manifests.store.release import Release
from manifests.store.swap import JOURNAL_FILE, Recovery, recover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAST = {"e.json": b"goes"}
OLD = {
    "a.json": b"old a",
    "b.json": b"same",
    "c.json": b"old c",
    "index.json": b"old index",
    **LAST,
}
NEW = {
    "a.json": b"new a",
    "b.json": b"same",
    "c.json": b"new c",
    "d.json": b"new d",
    "index.json": b"new index",
    "status.json": b"new status",
}
RELEASE = Release(files=NEW, removed=("e.json", "f.json"))
"""One of the files that go was never there."""


class Killed(BaseException):
    """The process is gone."""


def write(path: Path, data: bytes) -> None:
    """Write a new file without waiting for the disk: a kill, unlike a power cut, loses nothing."""
    with path.open("xb") as file:
        file.write(data)


@dataclass(slots=True, kw_only=True)
class MortalDisk:
    """A disk under a process that is killed at one of its steps, and does nothing after it."""

    steps: int
    """How many steps it does before; in the middle of the next it dies."""

    def step(self, act: Callable[[], object], half: Callable[[], object] | None = None) -> None:
        """Take a step, or die half-way through it."""
        self.steps -= 1
        if self.steps == -1 and half:
            half()

        if self.steps < 0:
            raise Killed

        act()

    def disk(self) -> Disk:
        """Return it as publishing sees it."""
        return Disk(
            write=lambda path, data: self.step(
                lambda: write(path, data), lambda: write(path, data[:3])
            ),
            replace=lambda source, target: self.step(lambda: source.replace(target)),
            remove=lambda path: self.step(lambda: path.unlink(missing_ok=True)),
            settle=lambda folder: self.step(folder.exists),
        )


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def visible(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that readers see."""
    return {name: data for name, data in contents(folder).items() if not name.startswith(".")}


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Make a folder of so many files."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def killed(folder: Path, *, steps: int) -> bool:
    """Publish the new set over the old one; tell whether it was killed after so many steps."""
    put(folder, OLD)
    try:
        publish(folder, RELEASE, disk=MortalDisk(steps=steps).disk())
    except Killed:
        return True

    return False


def steps_of_a_publish(folder: Path) -> int:
    """Return how many steps it takes."""
    return next(steps for steps in range(100) if not killed(folder / str(steps), steps=steps))


def test_no_instant_is_a_bad_one_to_die(tmp_path: Path) -> None:
    """Whole files only, the new index last, and the next writer makes the set old or new.

    A kill in its midst can strike the next writer too.
    """
    (tmp_path / "count").mkdir()
    count = steps_of_a_publish(tmp_path / "count")
    ends = set()
    for steps in range(count):
        folder = tmp_path / str(steps)
        assert killed(folder, steps=steps)
        seen = visible(folder)
        assert {name: data for name, data in seen.items() if data != NEW.get(name)}.items() <= {
            *OLD.items()
        }
        assert seen in (NEW, NEW | LAST) or seen["index.json"] == OLD["index.json"]

        for again in range(12):
            try:
                recover(folder, disk=MortalDisk(steps=again).disk())
            except Killed:
                assert visible(folder).items() <= {*OLD.items(), *NEW.items()}

        assert contents(folder) in (OLD, NEW)
        ends.add(contents(folder) == NEW)
        publish(folder, RELEASE, disk=MortalDisk(steps=100).disk())
        assert contents(folder) == NEW

    assert count > 15
    assert ends == {False, True}


def test_a_folder_that_nobody_left_needs_nothing(tmp_path: Path) -> None:
    """Without a journal or staged files nothing is done, be there a folder or not."""
    assert recover(tmp_path / "out") == Recovery()
    put(tmp_path, OLD)
    assert recover(tmp_path) == Recovery()


def halfway(folder: Path) -> None:
    """Kill a publish when the first of its files is in place."""

    def replace(source: Path, target: Path) -> None:
        if target.name == "c.json":
            raise Killed

        source.replace(target)

    put(folder, OLD)
    with pytest.raises(Killed):
        publish(folder, RELEASE, disk=Disk(replace=replace))
    assert visible(folder) == OLD | {"a.json": b"new a"}


def test_a_swap_is_finished_where_it_stopped(tmp_path: Path) -> None:
    """The next writer says what it put in place for the killed one."""
    halfway(tmp_path / "out")
    found = recover(tmp_path / "out")
    assert found.finished == ("c.json", "d.json", "status.json", "index.json", "e.json")
    assert found.swept == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.json", b"by hand"), ("c.json", b"by hand"), ("d.json", b"by hand")],
)
def test_what_others_wrote_since_is_not_undone(tmp_path: Path, name: str, data: bytes) -> None:
    """A swap is dropped when a file is neither what it was nor what it was to become."""
    out = tmp_path / "out"
    halfway(out)
    (out / name).write_bytes(data)
    before = visible(out)
    found = recover(out)
    assert found.finished == ()
    assert len(found.swept) == 4
    assert contents(out) == before


@pytest.mark.parametrize("cut", [True, False])
def test_a_staged_file_that_is_not_whole_is_not_used(tmp_path: Path, *, cut: bool) -> None:
    """A swap is dropped when one of its staged files is damaged or gone."""
    out = tmp_path / "out"
    halfway(out)
    staged = next(path for path in out.iterdir() if path.name.startswith(".c.json"))
    if cut:
        staged.write_bytes(b"new")
    else:
        staged.unlink()

    before = visible(out)
    assert recover(out).finished == ()
    assert contents(out) == before


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b'{"schema": 1, "files"',
        b'{"schema": 2, "files": []}',
        b'{"schema": 1, "files": [{"file": "../x", "staged": "y", "after": "", "before": null}]}',
        b'{"schema": 1, "files": [{"file": "x", "staged": "a/b", "after": "", "before": null}]}',
        *(
            b'{"files": [{"file": "%b", "staged": null, "after": null, "before": "0"}]}' % name
            for name in (b"", b".", b"..", b"a\\u0000b", b"x" * 256, b"a\\\\b", b"\\u202e")
        ),
    ],
)
def test_a_strange_journal_is_dropped(tmp_path: Path, journal: bytes) -> None:
    """What is no whole journal of this tool, or reaches out of the folder, moves nothing."""
    put(tmp_path, OLD)
    (tmp_path / JOURNAL_FILE).write_bytes(journal)
    assert recover(tmp_path).finished == ()
    assert contents(tmp_path) == OLD


def test_a_folder_in_place_of_the_journal_is_named(tmp_path: Path) -> None:
    """What stands in the way of the journal is named before anything is staged."""
    (tmp_path / JOURNAL_FILE).mkdir()
    with pytest.raises(StoreError, match=r"\.manifests\.swap can't be written") as caught:
        publish(tmp_path, Release(files=OLD))
    assert caught.value.next_step == f"move {tmp_path / JOURNAL_FILE} away, then run again"


TORTURE = """
import json, os, random, signal, sys
from dataclasses import replace
from pathlib import Path
from manifests.store.disk import MACHINE
from manifests.store.publisher import publish
from manifests.store.release import Release
from manifests.store.swap import recover

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
names = [f"{number}.json" for number in range(3)] + ["status.json", "index.json"]
sets = [Release(files={name: f"{turn} {name}".encode() * 500 for name in names}) for turn in "ab"]

def told(act, pipe):
    def tell(*args):
        os.write(pipe, b".")
        act(*args)
        os.write(pipe, b".")
    return tell

def live(pipe):
    acts = {name: told(getattr(MACHINE, name), pipe) for name in ("write", "replace", "remove")}
    while True:
        for release in sets:
            publish(folder, release, disk=replace(MACHINE, **acts))

def state():
    return {path.name: path.read_text() for path in folder.iterdir()}

publish(folder, sets[0])
for seed in range(kills):
    ears, mouth = os.pipe()
    child = os.fork()
    if not child:
        live(mouth)
    for _ in range(random.Random(seed).randint(1, 60)):
        os.read(ears, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ears), os.close(mouth)
    left = state()
    recover(folder)
    print(json.dumps([left, state()]))
"""
"""Publish two sets in turn until killed at an instant that only chance knows; then recover."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_sigkill_leaves_whole_files_and_whole_sets(tmp_path: Path) -> None:
    """Twenty times killed for real, the files are whole, and the next writer makes one set."""
    command = [sys.executable, "-c", TORTURE, os.fspath(tmp_path), "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    names = [f"{number}.json" for number in range(3)] + ["status.json", "index.json"]
    sets = [{name: f"{turn} {name}" * 500 for name in names} for turn in "ab"]
    digests = [{name: sha256(text.encode()) for name, text in each.items()} for each in sets]
    assert digests[0] != digests[1]
    assert len(kills) == 20
    for left, recovered in kills:
        seen = {name: text for name, text in left.items() if not name.startswith(".")}
        assert seen.keys() == set(names)
        assert all(text in (sets[0][name], sets[1][name]) for name, text in seen.items())
        assert recovered in sets
