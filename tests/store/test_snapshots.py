"""Keeping the set that each run left: whole, and each body once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.models import Record
from manifests.store.columns import pack
from manifests.store.database import connect
from manifests.store.formats import Style
from manifests.store.schema import MIGRATIONS
from manifests.store.shelving import Shelving
from manifests.store.snapshots import (
    ModelNote,
    ModelNotes,
    Snapshot,
    keep_snapshot,
    load_snapshot,
    sweep_contents,
)
from manifests.store.spool import Spool

if TYPE_CHECKING:
    from tests.store.conftest import MakeEntries

    from manifests.sources.base import SourceInfo
    from manifests.store.database import Database

NAMES = st.text(max_size=8)
NOTES = st.builds(
    ModelNote, name=NAMES, author=st.none() | NAMES, mode=st.sampled_from([None, "TakenDown"])
)
SNAPSHOTS = st.builds(
    Snapshot,
    manifests=st.dictionaries(
        st.tuples(NAMES, NAMES), st.lists(NAMES, max_size=4).map(tuple), max_size=4
    ),
    models=st.dictionaries(NAMES, st.dictionaries(NAMES, NOTES, max_size=3), max_size=2),
)


class Count(Record):
    """A number of rows."""

    count: int


def begin(database: Database, *runs: int) -> None:
    """Make runs known, as snapshots belong to runs."""
    sql = "INSERT INTO runs (id, out, run, started, pages_since) VALUES (?, 'out', ?, '', '')"
    database.execute_all(sql, [(run, f"run {run}") for run in runs])


def bodies(database: Database) -> int:
    """Return how many bodies are kept."""
    return database.read(Count, "SELECT COUNT(*) AS count FROM contents")[0].count


@given(SNAPSHOTS, SNAPSHOTS)
@settings(max_examples=40)
def test_a_snapshot_comes_back_as_it_was(first: Snapshot, second: Snapshot) -> None:
    """Each run has its own snapshot; one that is kept again takes the place of the first."""
    database = connect(None, MIGRATIONS)
    begin(database, 1, 2)
    keep_snapshot(database, 1, first)
    keep_snapshot(database, 2, first)
    keep_snapshot(database, 2, second)
    assert load_snapshot(database, 1) == first
    assert load_snapshot(database, 2) == second
    database.close()


def test_what_stays_is_kept_once(database: Database) -> None:
    """Runs that left the same share its bodies, which go with the last of them."""
    note = ModelNote(name="a name")
    same = Snapshot(manifests={("s", "a"): ("1",), ("s", "b"): ("1",)}, models={"s": {"1": note}})
    other = Snapshot(manifests={("s", "a"): ("1",), ("s", "b"): ("2",)}, models={"s": {"1": note}})
    begin(database, 1, 2, 3)
    for run, snapshot in [(1, same), (2, same), (3, other)]:
        keep_snapshot(database, run, snapshot)
    assert bodies(database) == 3
    database.execute("DELETE FROM runs WHERE id = 3")
    sweep_contents(database)
    assert bodies(database) == 2
    assert load_snapshot(database, 1) == load_snapshot(database, 2) == same
    database.execute("DELETE FROM runs")
    sweep_contents(database)
    assert bodies(database) == 0


def test_of_an_unknown_run_nothing_was_kept(database: Database) -> None:
    """A run without a snapshot left an empty set, as far as is known."""
    assert load_snapshot(database, 7) == Snapshot()


@pytest.mark.parametrize("damage", ["x'00'", "substr(body, 1, 9)"])
def test_a_damaged_body_is_no_smaller_set(database: Database, damage: str) -> None:
    """A body that can't be read is refused; the manifest is not left out."""
    begin(database, 1)
    keep_snapshot(database, 1, Snapshot(manifests={("s", "a"): ("1", "2")}))
    database.execute(f"UPDATE contents SET body = {damage}")  # noqa: S608 - a constant of this test
    with pytest.raises(ValueError, match="damaged"):
        load_snapshot(database, 1)


def test_a_large_catalogue_is_kept_in_parts(
    database: Database, infos: dict[str, SourceInfo], make_entries: MakeEntries
) -> None:
    """A run that changes one part of a catalogue adds one body; all of it comes back."""
    begin(database, 1, 2)
    ids = [str(number) for number in range(40)]
    info, spool = infos["civitai"], Spool()
    shelving = Shelving(info=info, style=Style.STANDARD, spool=spool, most_bytes=8_000)
    for run, more in [(1, ids), (2, [*ids, "40"])]:
        _, shelf = shelving.make(make_entries("civitai", *more)["civitai"], more)
        notes = ModelNotes(shelf.catalogue())
        keep_snapshot(database, run, Snapshot(models={"civitai": notes}))
        assert shelf.parts > 1
        assert bodies(database) == shelf.parts + run - 1
        found = load_snapshot(database, run).models["civitai"]
        assert found == notes
        assert found["7"] == notes["7"] == ModelNote(name="a name")
        assert len(notes) == len(more)


def test_a_database_of_whole_catalogues_is_brought_up_to_date() -> None:
    """What earlier versions kept of a run is its one part."""
    database = connect(None, MIGRATIONS[:1])
    begin(database, 1)
    body = pack(b'{"7":{"name":"a name","author":null,"mode":null}}')
    database.execute("INSERT INTO contents VALUES (1, 'digest', ?)", body)
    database.execute("INSERT INTO models VALUES (1, 'civitai', 1)")
    for statement in MIGRATIONS[1]:
        database.execute(statement)
    notes = {"7": ModelNote(name="a name")}
    assert load_snapshot(database, 1) == Snapshot(models={"civitai": notes})
    database.close()
