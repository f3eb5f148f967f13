"""Keeping candidates that were not believed: the last of each filter, with its streak."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import StoreError
from manifests.store.database import connect
from manifests.store.quarantine import Held, Quarantine
from manifests.store.schema import MIGRATIONS
from manifests.store.verdict import Streak

if TYPE_CHECKING:
    from manifests.store.database import Database

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OUT = Path("out")
KEY = ("civitai", "filter/x")


@pytest.fixture
def quarantine(database: Database) -> Quarantine:
    """The quarantine of one output."""
    return Quarantine(database, out=OUT)


@given(st.text(), st.text(), st.binary())
def test_a_candidate_comes_back_as_it_was(source: str, path: str, body: bytes) -> None:
    """Whatever a candidate consists of, it is there until it is dropped."""
    database = connect(None, MIGRATIONS)
    quarantine, key = Quarantine(database, out=OUT), (source, path)
    quarantine.put(key, b"an earlier one", rule="empty", run="1", now=NOON)
    quarantine.put(key, body, rule="empty", run="2", now=NOON)
    assert quarantine.body(key) == quarantine.body(key) == body
    quarantine.drop([key])
    assert quarantine.body(key) is None
    database.close()


@pytest.mark.parametrize(
    ("verdicts", "runs", "since"),
    [
        ([("empty", "1")], 1, 0),
        ([("empty", "1"), ("empty", "2"), ("empty", "3")], 3, 0),
        ([("empty", "1"), ("shrunk", "2")], 1, 1),
        ([("empty", "1"), ("shrunk", "2"), ("empty", "3")], 1, 2),
        ([("empty", "1"), ("shrunk", "2"), ("shrunk", "3")], 2, 1),
        ([("empty", "1"), ("empty", "1")], 1, 0),
    ],
)
def test_the_same_rule_prolongs_a_streak(
    quarantine: Quarantine, verdicts: list[tuple[str, str]], runs: int, since: int
) -> None:
    """Runs in a row with one rule are counted once each, from the first; another begins anew."""
    for hours, (rule, run) in enumerate(verdicts):
        quarantine.put(KEY, b"", rule=rule, run=run, now=NOON + hours * HOUR)
    rule, run = verdicts[-1]
    began = NOON + since * HOUR
    held = Held(source=KEY[0], filter=KEY[1], rule=rule, since=began, runs=runs, run=run)
    assert quarantine.held() == (held,)
    assert quarantine.streaks() == {KEY: Streak(rule=rule, runs=runs, since=began)}


@pytest.mark.parametrize("moment", ["2026-08-01T11:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_streak_of_no_time_is_told(
    quarantine: Quarantine, database: Database, moment: str
) -> None:
    """A streak is reckoned with: its beginning has a zone, and lies in the calendar."""
    quarantine.put(KEY, b"", rule="empty", run="1", now=NOON)
    database.execute("UPDATE quarantine SET since = ?", moment)
    with pytest.raises(StoreError, match="values make no sense"):
        quarantine.streaks()


def test_a_filter_that_was_made_ends_its_streak(quarantine: Quarantine) -> None:
    """What is dropped is forgotten with its streak; others, and unknown ones, don't matter."""
    other = ("civitai", "filter/r")
    for key in (KEY, other):
        quarantine.put(key, b"", rule="empty", run="1", now=NOON)
    quarantine.drop([KEY, ("civitai", "filter/unknown")])
    assert [each.key for each in quarantine.held()] == [other]
    quarantine.put(KEY, b"", rule="empty", run="2", now=NOON + HOUR)
    assert quarantine.streaks()[KEY] == Streak(rule="empty", runs=1, since=NOON + HOUR)


def test_outputs_have_quarantines_of_their_own(database: Database, tmp_path: Path) -> None:
    """Two outputs that share a state folder don't see each other's candidates."""
    here = Quarantine(database, out=tmp_path / "a")
    there = Quarantine(database, out=tmp_path / "b")
    here.put(KEY, b"here", rule="empty", run="1", now=NOON)
    assert there.held() == ()
    assert there.body(KEY) is None
    there.put(KEY, b"there", rule="shrunk", run="1", now=NOON)
    there.drop([KEY])
    assert here.body(KEY) == b"here"


def test_a_damaged_candidate_is_refused(quarantine: Quarantine, database: Database) -> None:
    """A candidate that can't be read is an error that says how to make it again."""
    quarantine.put(KEY, b"a candidate", rule="empty", run="1", now=NOON)
    database.execute("UPDATE quarantine SET body = x'00'")
    with pytest.raises(StoreError, match="civitai:filter/x is damaged") as caught:
        quarantine.body(KEY)
    assert "--only civitai:filter/x" in caught.value.next_step
    assert len(quarantine.held()) == 1
