"""Several processes change a text one at a time, and a file that can't be used is an error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from manifests.errors import StoreError
from manifests.store.cells import open_cells

if TYPE_CHECKING:
    from pathlib import Path


def longer(text: str | None) -> tuple[str, int]:
    """Add a letter; tell how many there were."""
    return f"{text or ''}x", len(text or "")


def test_a_text_stays(tmp_path: Path) -> None:
    """What one wrote another reads, in a folder made for it."""
    path = tmp_path / "new" / "budget.sqlite3"
    with open_cells(path) as cells:
        assert [cells.change("a", longer), cells.change("a", longer)] == [0, 1]
        assert cells.change("b", longer) == 0
    with open_cells(path) as cells:
        assert cells.change("a", longer) == 2


def test_changes_come_one_after_the_other(tmp_path: Path) -> None:
    """Whoever changes a text, from whichever connection and thread, no change is lost."""
    path = tmp_path / "budget.sqlite3"
    with open_cells(path) as one, open_cells(path) as other, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: (one, other)[n % 2].change("a", longer), range(60)))
    assert sorted(found) == list(range(60))


def test_a_new_file_is_opened_by_all_at_once(tmp_path: Path) -> None:
    """Processes that begin together don't stand in each other's way."""

    def begin(number: int) -> int:
        with open_cells(tmp_path / str(number // 4)) as cells:
            barrier.wait()
            return cells.change("a", longer)

    barrier = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(begin, range(80)))
    assert sorted(found) == sorted([0, 1, 2, 3] * 20)


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    """An error in the midst leaves the text, and the file, to the next."""

    def fail(text: str | None) -> tuple[str, int]:
        raise ValueError(text)

    with open_cells(tmp_path / "budget.sqlite3") as cells:
        cells.change("a", longer)
        with pytest.raises(ValueError, match="x"):
            cells.change("a", fail)
        assert cells.change("a", longer) == 1


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """What is no database is left as it is, and named."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but a text that is long enough to look at " * 20)
    with open_cells(path) as cells, pytest.raises(StoreError, match=r"notes\.txt"):
        cells.change("a", longer)
    assert path.read_text().startswith("not a database")


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    """A folder where the file should be is named."""
    with open_cells(tmp_path) as cells, pytest.raises(StoreError, match="can't be used"):
        cells.change("a", longer)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    """A path through a file is named."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "budget.sqlite3"
    with open_cells(path) as cells, pytest.raises(StoreError, match="can't be used"):
        cells.change("a", longer)
