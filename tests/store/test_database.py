"""Opening the state database: what is broken or refused costs its memory, never a run."""

from __future__ import annotations

import shutil
import sqlite3  # noqa: TID251 - a bug must come as sqlite's own exception
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import StoreError
from manifests.models import Record
from manifests.store.database import DATABASE_FILE, Database, Opened, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
ASIDE = f"{DATABASE_FILE}.broken-20260801T120000000000Z"
FIRST = ("CREATE TABLE words (word TEXT PRIMARY KEY, body BLOB)",)
SECOND = ("ALTER TABLE words ADD COLUMN language TEXT NOT NULL DEFAULT 'en'",)


class Word(Record):
    """A row of the tables of these tests."""

    word: str


class Count(Record):
    """A number of rows."""

    count: int


def words(database: Database) -> list[str]:
    """Return all words in their order."""
    return [row.word for row in database.read(Word, "SELECT word FROM words ORDER BY word")]


def say(database: Database, word: str, body: bytes = b"") -> None:
    """Keep a word."""
    database.execute("INSERT INTO words (word, body) VALUES (?, ?)", word, body)


def reopen(folder: Path, *migrations: tuple[str, ...]) -> Opened:
    """Open the database of these tests."""
    return open_database(folder, now=NOON, migrations=migrations or (FIRST,))


@pytest.fixture
def spoken(tmp_path: Path) -> Iterator[Database]:
    """An open database that holds one word."""
    database = reopen(tmp_path).database
    say(database, "one")
    yield database
    database.close()


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database of several pages, closed well."""
    folder = tmp_path_factory.mktemp("whole")
    with closing(reopen(folder).database) as database:
        for number in range(20):
            say(database, f"word {number}", bytes(range(256)) * 4 * number)
    return (folder / DATABASE_FILE).read_bytes()


@pytest.fixture(scope="session")
def unsettled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a killed run leaves it: all that it wrote still stands in the log."""
    live, left = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("left")
    with closing(reopen(live).database) as database:
        say(database, "one")
        for path in live.iterdir():
            shutil.copy(path, left / path.name)
    assert (left / f"{DATABASE_FILE}-wal").stat().st_size > 0
    return left


def test_a_new_state_folder_is_made(tmp_path: Path) -> None:
    """The first run needs no preparation, and is told nothing."""
    opened = open_database(tmp_path / "deep" / "state", now=NOON)
    with closing(opened.database) as database:
        assert opened.warnings == ()
        assert database.is_lasting
        assert (tmp_path / "deep" / "state" / DATABASE_FILE).is_file()
        assert database.read(Count, "SELECT COUNT(*) AS count FROM runs") == (Count(count=0),)


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    """A database that was closed opens again without a word, as often as one likes."""
    for expected in ([], ["0"], ["0", "1"]):
        opened = reopen(tmp_path)
        assert opened.warnings == ()
        assert words(opened.database) == expected
        say(opened.database, str(len(expected)))
        opened.database.close()


def test_what_a_killed_run_wrote_is_there(tmp_path: Path, unsettled: Path) -> None:
    """Whatever was committed is read from the log, though the file itself was cut off."""
    shutil.copytree(unsettled, tmp_path, dirs_exist_ok=True)
    file = tmp_path / DATABASE_FILE
    file.write_bytes(file.read_bytes()[:-100])
    opened = reopen(tmp_path)
    with closing(opened.database) as database:
        assert opened.warnings == ()
        assert words(database) == ["one"]


def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    """A step of the schema is taken once, and keeps what was there."""
    with closing(reopen(tmp_path).database) as database:
        say(database, "one")
    for _ in range(2):
        opened = reopen(tmp_path, FIRST, SECOND)
        with closing(opened.database) as database:
            assert opened.warnings == ()
            english = "SELECT word FROM words WHERE language = 'en'"
            assert database.read(Word, english) == (Word(word="one"),)


def test_a_newer_database_is_set_aside(tmp_path: Path) -> None:
    """A version that this tool does not know is kept whole for the tool that does."""
    with closing(reopen(tmp_path, FIRST, SECOND).database) as database:
        say(database, "one")
    opened = reopen(tmp_path)
    with closing(opened.database) as database:
        assert words(database) == []
    (tmp_path / ASIDE).replace(tmp_path / DATABASE_FILE)
    with closing(reopen(tmp_path, FIRST, SECOND).database) as database:
        assert words(database) == ["one"]
    assert "a newer version of this tool made it: schema 2" in opened.warnings[0]
    assert ASIDE in opened.warnings[0]


@settings(max_examples=50)
@given(st.data())
def test_a_cut_off_database_is_set_aside(whole: bytes, data: st.DataObject) -> None:
    """Wherever a file was cut, what is left of it is kept, and a new one begins with a warning."""
    cut = data.draw(st.integers(1, len(whole) - 1))
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / DATABASE_FILE).write_bytes(whole[:cut])
        opened = reopen(folder)
        with closing(opened.database) as database:
            say(database, "new")
            assert words(database) == ["new"]
            assert database.is_lasting
        assert [ASIDE in warning for warning in opened.warnings] == [True]
        assert (folder / ASIDE).read_bytes() == whole[:cut]


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    """Another run that has just begun leaves an empty file for a moment: nothing is broken."""
    (tmp_path / DATABASE_FILE).touch()
    opened = reopen(tmp_path)
    with closing(opened.database) as database:
        assert opened.warnings == ()
        assert words(database) == []


@pytest.mark.parametrize(
    "damage",
    [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 5000],
    ids=["foreign", "header only"],
)
def test_what_is_no_database_is_set_aside_with_its_log(
    tmp_path: Path, unsettled: Path, damage: bytes
) -> None:
    """A broken file is kept with the log beside it, which would spoil the new one."""
    log = (unsettled / f"{DATABASE_FILE}-wal").read_bytes()[:31]
    (tmp_path / DATABASE_FILE).write_bytes(damage)
    (tmp_path / f"{DATABASE_FILE}-wal").write_bytes(log)
    opened = reopen(tmp_path)
    with closing(opened.database) as database:
        assert words(database) == []
    assert len(opened.warnings) == 1
    assert (tmp_path / ASIDE).read_bytes() == damage


def test_an_inner_contradiction_is_found(tmp_path: Path, whole: bytes) -> None:
    """Damage in the midst is found before anything is read from it."""
    pages = [whole[at : at + 4096] for at in range(0, len(whole), 4096)]
    (tmp_path / DATABASE_FILE).write_bytes(b"".join([*pages[:2], *reversed(pages[2:])]))
    opened = reopen(tmp_path)
    opened.database.close()
    assert "is broken" in opened.warnings[0]


def no_folder(folder: Path) -> None:
    """Put a file where the state folder should be."""
    folder.write_text("a file")


def no_file(folder: Path) -> None:
    """Put a folder where the database should be."""
    (folder / DATABASE_FILE).mkdir(parents=True)


def no_way_aside(folder: Path) -> None:
    """Put a folder where a broken database should be set aside."""
    (folder / ASIDE / "full").mkdir(parents=True)
    (folder / DATABASE_FILE).write_text("broken")


@pytest.mark.parametrize("spoil", [no_folder, no_file, no_way_aside])
def test_a_refused_database_lives_in_memory(tmp_path: Path, spoil: object) -> None:
    """Where the disk takes no database, the run goes on with a warning that says what to do."""
    assert callable(spoil)
    spoil(tmp_path / "state")
    opened = reopen(tmp_path / "state")
    with closing(opened.database) as database:
        say(database, "one")
        assert words(database) == ["one"]
        assert not database.is_lasting
    (warning,) = opened.warnings
    assert "nothing is remembered beyond this run" in warning
    assert f"{tmp_path / 'state'}" in warning
    assert "then run again" in warning


def test_a_full_disk_is_noticed_when_opening(tmp_path: Path) -> None:
    """A disk without room is told from a broken file: the old one stays where it is."""
    with closing(open_database(tmp_path, now=NOON).database) as database:
        database.execute("INSERT INTO pages VALUES ('a', '', NULL, 1, '{}', x'00')")
    before = (tmp_path / DATABASE_FILE).read_bytes()
    program = """
import pathlib, resource, sys
from datetime import UTC, datetime
from manifests.store.database import open_database
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
opened = open_database(pathlib.Path(sys.argv[1]), now=datetime(2026, 8, 1, tzinfo=UTC))
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(opened.database.is_lasting, *opened.warnings)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("False ")
    assert "nothing is remembered beyond this run" in done.stdout
    assert (tmp_path / DATABASE_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("pragma", "step"),
    [
        ("PRAGMA query_only = ON", "make {folder} and its files writable"),
        ("PRAGMA max_page_count = 1", "free space on the disk of {folder}"),
    ],
)
def test_a_refusal_says_what_to_do(
    tmp_path: Path, spoken: Database, pragma: str, step: str
) -> None:
    """What the disk refuses in the midst of a run is an error that names the folder."""
    spoken.execute(pragma)
    with pytest.raises(StoreError, match="can't be used") as caught:
        say(spoken, "two", bytes(100_000))
    assert step.format(folder=tmp_path) in caught.value.next_step
    assert words(spoken) == ["one"]


def test_two_processes_share_a_database(tmp_path: Path, spoken: Database) -> None:
    """What one has written the other reads; while one writes, the other waits or says so."""
    with closing(reopen(tmp_path).database) as other:
        assert words(other) == ["one"]
        other.execute("PRAGMA busy_timeout = 0")
        with spoken.transaction():
            say(spoken, "two")
            assert words(other) == ["one"]
            with pytest.raises(StoreError, match="locked") as caught:
                say(other, "three")
        assert "wait for the other run" in caught.value.next_step
        say(other, "three")
        assert words(spoken) == ["one", "three", "two"]


def test_a_transaction_is_kept_as_a_whole(spoken: Database) -> None:
    """A block that ends well is kept with all that joined it."""
    with spoken.transaction():
        say(spoken, "two")
        with spoken.transaction():
            say(spoken, "three")
    assert words(spoken) == ["one", "three", "two"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreError])
def test_a_broken_off_transaction_leaves_nothing(
    spoken: Database, error: type[BaseException]
) -> None:
    """A block that ends in an error leaves nothing, and the database can be used again."""

    def write() -> None:
        with spoken.transaction():
            say(spoken, "two")
            with spoken.transaction():
                say(spoken, "three")
            raise error("stop")

    with pytest.raises(error):
        write()
    with spoken.transaction():
        say(spoken, "four")
    assert words(spoken) == ["four", "one"]


def test_a_transaction_that_outgrows_the_disk_leaves_nothing(spoken: Database) -> None:
    """A disk that fills up in the midst takes nothing of the block."""

    def write() -> None:
        with spoken.transaction():
            say(spoken, "two")
            say(spoken, "three", bytes(100_000))

    spoken.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="full"):
        write()
    assert words(spoken) == ["one"]


def test_a_commit_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    """What is wrong only as a whole is refused as a whole."""
    tables = (
        "CREATE TABLE words (word TEXT PRIMARY KEY)",
        "CREATE TABLE uses (word TEXT REFERENCES words DEFERRABLE INITIALLY DEFERRED)",
    )

    def write(database: Database) -> None:
        with database.transaction():
            database.execute("INSERT INTO words VALUES ('one')")
            database.execute("INSERT INTO uses VALUES ('two')")

    with closing(reopen(tmp_path, tables).database) as database:
        with pytest.raises(StoreError, match="FOREIGN KEY"):
            write(database)
        assert words(database) == []


def test_a_row_that_makes_no_sense_is_no_record(spoken: Database) -> None:
    """A value that does not fit is refused: the file was written by something else."""
    spoken.execute("INSERT INTO words VALUES (x'FF00', NULL)")
    with pytest.raises(StoreError, match="1 values make no sense") as caught:
        spoken.read(Count, "SELECT 'many' AS count")
    assert "set aside" in caught.value.next_step
    with pytest.raises(StoreError):
        words(spoken)


def test_text_that_is_no_text_is_refused(spoken: Database) -> None:
    """A column whose bytes are no text is refused like every other damage."""
    with pytest.raises(StoreError, match="is broken"):
        spoken.read(Word, "SELECT CAST(x'FF00' AS TEXT) AS word")


def test_a_bug_is_no_refusal(spoken: Database) -> None:
    """A call that makes no sense is our own fault, and says so."""
    with pytest.raises(sqlite3.ProgrammingError):
        spoken.execute("SELECT ?")


def test_many_rows_are_written_at_once(spoken: Database) -> None:
    """Rows are written in their order; one that is refused is named."""
    sql = "INSERT INTO words (word) VALUES (?)"
    spoken.execute_all(sql, [("two",), ("three",)])
    assert words(spoken) == ["one", "three", "two"]
    with pytest.raises(StoreError, match="UNIQUE"):
        spoken.execute_all(sql, [("four",), ("one",)])


def test_room_is_given_back(tmp_path: Path, spoken: Database) -> None:
    """A database that has forgotten much needs less of the disk."""
    say(spoken, "large", bytes(1_000_000))
    spoken.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (tmp_path / DATABASE_FILE).stat().st_size > 1_000_000
    assert spoken.execute("DELETE FROM words WHERE word = ?", "large") == 1
    spoken.shrink()
    spoken.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (tmp_path / DATABASE_FILE).stat().st_size < 50_000


def test_broken_databases_are_kept_apart(tmp_path: Path) -> None:
    """A second broken database does not take the place of the first."""
    for hours in range(2):
        (tmp_path / DATABASE_FILE).write_text(f"broken {hours}")
        opened = open_database(tmp_path, now=NOON + timedelta(hours=hours))
        opened.database.close()
    aside = sorted(tmp_path.glob("*.broken-*"))
    assert [path.read_text() for path in aside] == ["broken 0", "broken 1"]
