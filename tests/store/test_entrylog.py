"""Models of listings as bytes: they come back whole and in order, however many listings share."""

from __future__ import annotations

import pytest

from manifests.models import Model, Stats
from manifests.sources.base import Entry
from manifests.store.entrylog import BATCH, EntryLog, Gathered, entries_in, row_of, rows_in
from manifests.store.formats import Style, model_item, stats_item
from manifests.store.spool import Spool


def entry(number: int, name: str = "a name") -> Entry:
    """Return a model with counters."""
    model = Model(id=str(number), source="civitai", slug="s", name=name, tags=("a", "b"), nsfw=True)
    return Entry(model=model, stats=Stats(downloads=number))


@pytest.fixture
def log() -> EntryLog:
    """An empty log."""
    return EntryLog(Spool())


def test_what_was_added_comes_back(log: EntryLog) -> None:
    """Page after page, with every field as it was."""
    entries = [entry(number) for number in range(5)]
    log.add(entries[:2])
    log.add([])
    log.add(entries[2:])
    assert [*log] == entries
    assert (len(log), entries[3] in log, entry(9) in log) == (5, True, False)


def test_a_sibling_begins_anew(log: EntryLog) -> None:
    """Logs of one spool do not see each other's models."""
    log.add([entry(1)])
    other = log.sibling()
    other.add([entry(2)])
    assert ([*log], [*other]) == ([entry(1)], [entry(2)])


def test_many_are_written_in_batches(log: EntryLog) -> None:
    """A derived listing keeps its order beyond one batch."""
    entries = [entry(number) for number in range(2 * BATCH + 1)]
    assert [*log.like(iter(entries))] == entries
    assert len(log.like(())) == 0


def test_listings_follow_each_other(log: EntryLog) -> None:
    """Gathered models keep the order of their listings, in memory or not, with repetitions."""
    log.add([entry(1), entry(2)])
    gathered = Gathered([log, (entry(2, "newer"),)])
    assert [each.model.name for each in gathered] == ["a name", "a name", "newer"]
    assert (len(gathered), entry(2, "newer") in gathered, entry(3) in gathered) == (3, True, False)
    assert [*entries_in(gathered)] == [*gathered]
    assert [*entries_in({"1": entry(1)})] == [entry(1)]


def test_rows_say_the_same_as_records(log: EntryLog) -> None:
    """Plain data is the same out of a log, a listing in memory, and models by id."""
    log.add([entry(1)])
    (logged,) = Gathered([log]).rows()
    ((id_, model, stats),) = rows_in({"1": entry(1)})
    assert [*rows_in(Gathered([[entry(1)]]))] == [(id_, model, stats)]
    lists = {"tags": ["a", "b"], "base_models": [], "file_formats": []}  # JSON knows no tuples
    assert logged == (id_, {**(model or {}), **lists}, stats)


@pytest.mark.parametrize(
    "id_", ["7", "o/w", 'a"b', "a\\b", '": {\n', "é\u2028", '\n    "x": {', ""]
)
def test_items_are_what_is_published(log: EntryLog, id_: str) -> None:
    """Models come out laid out as in their file, with their ids, whatever these are."""
    odd = Model(id=id_, source="s", slug=id_, name='\n    },\n    "', tags=("],", id_))
    entries = [Entry(model=odd, stats=Stats(likes=1)), entry(1)]
    log.add(entries)
    assert [*log.items()] == [
        (each, model_item(each, model or {}, None, style=Style.STANDARD), stats_item(each, stats))
        for each, model, stats in map(row_of, entries)
        if stats is not None
    ]
    assert [*log] == entries


def test_a_model_twice_on_a_page_counts_once(log: EntryLog) -> None:
    """It keeps its first place, and the later word counts."""
    log.add([entry(1), entry(2), entry(1, "newer")])
    assert ([each.model.name for each in log], len(log)) == (["newer", "a name"], 2)
