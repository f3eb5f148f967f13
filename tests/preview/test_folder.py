"""A preview stands whole in its folder at every instant, and no other folder is touched."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from manifests.errors import StoreError
from manifests.preview.folder import MARKER_FILE, check_target, put
from manifests.preview.site import Site
from manifests.store.disk import MACHINE
from manifests.store.lock import LOCK_FILE

if TYPE_CHECKING:
    from pathlib import Path

OLD = Site(page=b"old", name=f"set-{'0' * 16}", files={"a.js": b"1", "b.js": b"2"})
NEW = Site(page=b"new", name=f"set-{'1' * 16}", files={"a.js": b"3"})


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The folder of the preview, which is not there yet."""
    return tmp_path / "some" / "preview"


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, but for the lock."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_FILE)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def expected(site: Site) -> dict[str, bytes]:
    """Return what a folder holds that shows a site."""
    marker = b"Made by `manifests preview`, which rewrites and removes what it made here.\n"
    own = {f"{site.name}/{name}": data for name, data in site.files.items()}
    return {**own, "index.html": site.page, MARKER_FILE: marker}


def test_a_new_preview_replaces_the_old_one(target: Path) -> None:
    """The folder shows the last site and nothing of the one before; files of others stay."""
    for site in (OLD, NEW, NEW, OLD):
        check_target(target, target.parent / "out")
        put(site, target)
        assert files(target) == expected(site)

    (target / "CNAME").write_text("mine")
    put(NEW, target)
    assert files(target) == {**expected(NEW), "CNAME": b"mine"}


def test_an_unchanged_preview_is_not_rewritten(target: Path) -> None:
    """What stands there already keeps its time, so that copying it elsewhere costs nothing."""
    put(OLD, target)
    paths = [target / "index.html", target / OLD.name / "a.js"]
    for path in paths:
        os.utime(path, (1, 1))

    put(OLD, target)
    assert [path.stat().st_mtime for path in paths] == [1, 1]


def test_a_damaged_set_is_mended(target: Path) -> None:
    """A set of the right name with wrong bytes, or too few files, is made anew."""
    put(OLD, target)
    (target / OLD.name / "a.js").write_bytes(b"damaged")
    put(OLD, target)
    assert files(target) == expected(OLD)
    (target / OLD.name / "a.js").unlink()
    put(OLD, target)
    assert files(target) == expected(OLD)


@pytest.mark.parametrize("writes", range(3))
def test_the_old_preview_stays_until_the_new_one_is_whole(target: Path, writes: int) -> None:
    """Wherever the disk refuses, the old preview is there whole, and the next try ends well."""
    put(OLD, target)
    left = iter(range(writes))

    def refuse(path: Path, data: bytes) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        MACHINE.write(path, data)

    more = replace(NEW, files={"a.js": b"3", "b.js": b"4"})
    with pytest.raises(StoreError, match="can't be written") as refused:
        put(more, target, disk=replace(MACHINE, write=refuse))
    assert "--to" in refused.value.next_step
    found = files(target)
    assert {name: found[name] for name in expected(OLD)} == expected(OLD)
    put(more, target)
    assert files(target) == expected(more)


def test_what_a_killed_command_left_is_swept(target: Path) -> None:
    """Staged files and sets of a command that was killed go with the next one."""
    put(OLD, target)
    (target / f".{NEW.name}.{'a' * 16}.tmp").mkdir()
    (target / f".index.html.{'a' * 16}.tmp").write_bytes(b"half")
    (target / f"set-{'2' * 16}").symlink_to(target.parent)
    put(NEW, target)
    assert files(target) == expected(NEW)
    assert target.parent.is_dir()


@pytest.mark.parametrize("below", ["", "preview", "a/b"])
def test_the_output_folder_is_refused(tmp_path: Path, below: str) -> None:
    """A preview never stands in the output folder, by whatever name that is called."""
    out = tmp_path / "out"
    out.mkdir()
    link = tmp_path / "link"
    link.symlink_to(out)
    for name in (out, link, tmp_path / "x" / ".." / "out"):
        with pytest.raises(StoreError, match="where only the published set stands"):
            check_target(name / below, out)


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    """A folder that holds anything but a preview is left alone."""
    (tmp_path / "photo.jpeg").touch()
    with pytest.raises(StoreError, match="not empty, and no preview") as refused:
        check_target(tmp_path, tmp_path / "out")
    assert refused.value.next_step == "choose an empty or a new folder with --to"
    check_target(tmp_path / "new", tmp_path / "out")


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    """A target that is no folder is an error that says what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="can't be written to"):
        check_target(tmp_path / "file", tmp_path / "out")


def test_two_at_once(target: Path) -> None:
    """While another process writes there, nothing is touched."""
    put(OLD, target)
    with FileLock(target / LOCK_FILE), pytest.raises(StoreError, match="by another process"):
        put(NEW, target)
    assert files(target) == expected(OLD)
