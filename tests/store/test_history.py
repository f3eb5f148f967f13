"""Remembering runs: what was told of them comes back, and a kill leaves one known as unfinished."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import ErrorCode, StoreError
from manifests.models import Record
from manifests.results import (
    DroppedRecord,
    Environment,
    Failure,
    Funnel,
    Outcome,
    QueryRecord,
    RuleCount,
    RunRecord,
    State,
)
from manifests.sources.base import Reply
from manifests.store.columns import pack
from manifests.store.database import connect, open_database
from manifests.store.history import History, RunSummary, Unfinished
from manifests.store.pages import PageStore
from manifests.store.schema import MIGRATIONS
from manifests.store.snapshots import Snapshot
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from manifests.store.database import Database

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OUT = Path("out")
ENVIRONMENT = Environment(tool="1", python="3.11", platform="any", auth={}, endpoints={})

# Hypothesis fills in what it finds in a signature, and a record has none before it is first used.
for kind in (Attempt, DroppedRecord, Failure, Funnel, Outcome, QueryRecord, RuleCount, RunRecord):
    kind.model_rebuild()

TEXTS = st.text(max_size=8)
FLOATS = st.floats(0, 1e9)
COUNTS = st.integers(0, 10**9)
FAILURES = st.builds(
    Failure, status=st.none() | COUNTS, last_code=st.none() | st.sampled_from(ErrorCode)
)
ATTEMPTS = st.builds(
    Attempt,
    number=COUNTS,
    started=FLOATS,
    seconds=FLOATS,
    wait=FLOATS,
    status=st.none() | COUNTS,
)
FUNNELS = st.builds(
    Funnel,
    fetched=COUNTS,
    kept=COUNTS,
    dropped=st.lists(
        st.builds(RuleCount, dropped=COUNTS, examples=st.tuples(TEXTS)), max_size=2
    ).map(tuple),
)
OUTCOMES = st.builds(
    Outcome,
    state=st.sampled_from(State),
    count=st.none() | COUNTS,
    waited=FLOATS,
    funnel=st.none() | FUNNELS,
    failure=st.none() | FAILURES,
)
QUERIES = st.builds(
    QueryRecord,
    parameters=st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
    filters=st.tuples(TEXTS),
    pages=st.integers(0, 9),
    dropped=st.tuples(st.builds(DroppedRecord)),
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
    failure=st.none() | FAILURES,
)
RECORDS = st.builds(
    RunRecord,
    run=TEXTS,
    started=st.just("2026-08-01T11:00:00Z"),
    seconds=FLOATS,
    ended_by=st.sampled_from(["completion", "deadline", "SIGINT"]),
    dry_run=st.booleans(),
    environment=st.just(ENVIRONMENT),
    outcomes=st.lists(OUTCOMES, max_size=4, unique_by=lambda each: (each.source, each.filter)).map(
        tuple
    ),
    queries=st.lists(QUERIES, max_size=3).map(tuple),
    written=st.tuples(TEXTS),
    refusal=st.none() | FAILURES,
)


class Count(Record):
    """A number of rows."""

    count: int


def count(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    sql = f"SELECT COUNT(*) AS count FROM {table}"  # noqa: S608 - a constant of these tests
    return database.read(Count, sql)[0].count


def record(run: str = "run", **changes: object) -> RunRecord:
    """Return the record of a run over one filter."""
    base = RunRecord(
        run=run,
        started="2026-08-01T12:00:00Z",
        seconds=60.0,
        environment=ENVIRONMENT,
        outcomes=(Outcome(source="s", filter="filter/a", state=State.FRESH, count=1),),
        queries=(),
    )
    return base.model_copy(update=changes)


@pytest.fixture
def history(database: Database) -> History:
    """The history of one output."""
    return History(database, out=OUT)


@given(RECORDS)
@settings(max_examples=40)
def test_a_record_comes_back_as_it_was(truth: RunRecord) -> None:
    """Whatever a run was, its record is read again field by field, and its line is right."""
    with closing(connect(None, MIGRATIONS)) as database:
        history = History(database, out=OUT)
        history.begin(truth.run, now=NOON)
        history.finish(truth, Snapshot(), now=NOON + MINUTE)
        assert history.record(truth.run) == truth
        assert history.runs() == (
            RunSummary(
                run=truth.run,
                started=NOON,
                ended=NOON + MINUTE,
                ended_by=truth.ended_by,
                seconds=truth.seconds,
                requests=truth.requests,
                states=truth.counts,
                dry_run=truth.dry_run,
            ),
        )


def test_a_run_that_was_killed_is_seen(history: History) -> None:
    """A run without an end stays in the list, without a record and without a set."""
    history.begin("killed", now=NOON)
    assert history.runs() == (RunSummary(run="killed", started=NOON),)
    assert history.record("killed") is None
    assert history.snapshot("killed") is None


@pytest.mark.parametrize(
    "moment", ["2026-08-01T11:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
@pytest.mark.parametrize("column", ["started", "pages_since"])
def test_a_moment_that_is_none_is_told(
    history: History, database: Database, column: str, moment: str
) -> None:
    """One without a zone, or at an end of the calendar, is a broken file and never a bug."""
    history.begin("killed", now=NOON)
    database.execute(f"UPDATE runs SET {column} = ?", moment)  # noqa: S608 - a constant
    with pytest.raises(StoreError, match="values make no sense"):
        history.unfinished(since=NOON)


def test_a_record_that_counts_too_far_is_told(history: History, database: Database) -> None:
    """Its numbers would break whatever tells of it."""
    history.finish(record(), Snapshot(), now=NOON)
    far = record().model_copy(update={"seconds": 1e300}).model_dump_json(by_alias=True)
    database.execute("UPDATE runs SET record = ?", pack(far.encode()))
    with pytest.raises(StoreError, match="can't be read"):
        history.record(record().run)


def test_an_unknown_run_is_none(history: History) -> None:
    """Before the first run there is nothing to list, to show or to resume."""
    assert history.runs() == ()
    assert history.record("run") is None
    assert history.snapshot("run") is None
    assert history.unfinished(since=NOON) is None


def test_a_run_leaves_its_set(history: History) -> None:
    """The set that a run left comes back; an empty one is a set too."""
    left = Snapshot(manifests={("s", "filter/a"): ("1", "2")})
    history.finish(record("one"), left, now=NOON)
    history.finish(record("two"), Snapshot(), now=NOON)
    assert history.snapshot("one") == left
    assert history.snapshot("two") == Snapshot()


def test_a_run_is_known_by_its_end_too(history: History) -> None:
    """A run whose beginning could not be noted is listed by its record, and once."""
    for _ in range(2):
        history.finish(record(), Snapshot(), now=NOON + MINUTE)
    (summary,) = history.runs()
    assert (summary.started, summary.ended) == (NOON, NOON + MINUTE)


def test_the_newest_run_comes_first_whatever_the_clock_says(history: History) -> None:
    """Runs are listed in the order in which they began, though the clock was set back."""
    for run, moment in [("a", NOON), ("b", NOON - MINUTE), ("c", NOON + MINUTE)]:
        history.begin(run, now=moment)
    assert [each.run for each in history.runs()] == ["c", "b", "a"]


def test_outputs_have_histories_of_their_own(database: Database, tmp_path: Path) -> None:
    """Two outputs that share a state folder don't see each other's runs, even of equal names."""
    here, there = History(database, out=tmp_path / "a"), History(database, out=tmp_path / "b")
    here.finish(record(), Snapshot(), now=NOON)
    there.begin("run", now=NOON)
    there.begin("other", now=NOON)
    assert [each.run for each in here.runs()] == ["run"]
    assert [each.run for each in there.runs()] == ["other", "run"]
    assert there.record("run") is None
    assert here.unfinished(since=NOON) is None
    assert there.prune(keep=0) == 2
    assert here.record("run") == record()


@pytest.mark.parametrize("damage", ["x'00'", "substr(record, 1, 20)"])
def test_a_damaged_record_is_refused(history: History, database: Database, damage: str) -> None:
    """A record that can't be read is an error that names the run; the list still shows it."""
    history.finish(record(), Snapshot(), now=NOON)
    database.execute(f"UPDATE runs SET record = {damage}")  # noqa: S608 - a constant of this test
    with pytest.raises(StoreError, match="run run can't be read") as caught:
        history.record("run")
    assert "manifests runs" in caught.value.next_step
    assert len(history.runs()) == 1


def test_a_damaged_set_is_refused(history: History, database: Database) -> None:
    """A set of which a part can't be read is an error that names the run."""
    history.finish(record(), Snapshot(manifests={("s", "a"): ("1",)}), now=NOON)
    database.execute("UPDATE contents SET body = x'00'")
    with pytest.raises(StoreError, match="run run can't be read"):
        history.snapshot("run")


@pytest.mark.parametrize(
    ("ended_by", "is_resumed"),
    [(None, True), ("deadline", True), ("SIGINT", True), ("SIGTERM", True), ("completion", False)],
)
def test_only_what_was_cut_short_is_resumed(
    history: History, ended_by: str | None, *, is_resumed: bool
) -> None:
    """A run that was killed, interrupted or out of time can be resumed, a completed one not."""
    history.begin("run", now=NOON)
    if ended_by:
        history.finish(record(ended_by=ended_by), Snapshot(), now=NOON + MINUTE)
    found = history.unfinished(since=NOON)
    seen = NOON + MINUTE if ended_by else NOON
    expected = Unfinished(run="run", started=NOON, seen=seen, pages_since=NOON)
    assert found == (expected if is_resumed else None)


def test_a_completed_run_leaves_nothing_to_resume(history: History) -> None:
    """A run that was cut short before another was completed is over."""
    history.begin("killed", now=NOON)
    history.finish(record("run"), Snapshot(), now=NOON + MINUTE)
    assert history.unfinished(since=NOON) is None


def test_a_run_lives_as_long_as_it_gets_pages(history: History, database: Database) -> None:
    """A long run counts by its last page, not by its start; one long over is not resumed."""
    history.begin("run", now=NOON)
    pages = PageStore(database, run="run")
    for minutes in (30, 90, 60):
        pages.put(f"page {minutes}", Reply(body=b"", headers={}), now=NOON + minutes * MINUTE)
    found = history.unfinished(since=NOON + 90 * MINUTE)
    assert found is not None
    assert (found.started, found.seen) == (NOON, NOON + 90 * MINUTE)
    assert history.unfinished(since=NOON + 91 * MINUTE) is None


def test_a_resumed_run_hands_on_what_it_was_given(history: History) -> None:
    """When a run that resumed another is killed too, the pages of both can be used."""
    history.begin("first", now=NOON)
    first = history.unfinished(since=NOON)
    assert first is not None
    history.begin("second", now=NOON + 5 * MINUTE, pages_since=first.pages_since)
    second = history.unfinished(since=NOON)
    assert second is not None
    assert (second.run, second.pages_since) == ("second", NOON)


def test_old_runs_are_pruned_with_what_is_theirs(history: History, database: Database) -> None:
    """The last runs stay with their sets and pages; pages of no run at all stay too."""
    PageStore(database).put("of no run", Reply(body=b"", headers={}), now=NOON)
    for number in range(5):
        run = f"run {number}"
        history.begin(run, now=NOON)
        PageStore(database, run=run).put(run, Reply(body=b"", headers={}), now=NOON)
        left = Snapshot(manifests={("s", "same"): ("1",), ("s", "other"): (run,)})
        history.finish(record(run), left, now=NOON)
    assert history.prune(keep=2) == 3
    assert [each.run for each in history.runs()] == ["run 4", "run 3"]
    assert count(database, "pages") == 3
    assert count(database, "contents") == 3
    assert count(database, "outcomes") == 2
    assert history.snapshot("run 3") is not None
    assert history.prune(keep=2) == 0


def test_an_end_that_the_disk_refuses_leaves_a_killed_run(
    history: History, database: Database
) -> None:
    """When a disk fills up at the end of a run, nothing of the end is kept."""
    history.begin("run", now=NOON)
    database.execute("PRAGMA max_page_count = 1")
    large = Snapshot(manifests={("s", f"{at}"): tuple(map(str, range(at))) for at in range(400)})
    with pytest.raises(StoreError, match="full"):
        history.finish(record(), large, now=NOON)
    assert history.runs() == (RunSummary(run="run", started=NOON),)
    assert [count(database, table) for table in ("outcomes", "manifests", "contents")] == [0, 0, 0]


RUNS = """
import itertools, pathlib, sys
from datetime import UTC, datetime
from manifests.results import Environment, Outcome, RunRecord, State
from manifests.store.database import open_database
from manifests.store.history import History
from manifests.store.snapshots import Snapshot
now = datetime(2026, 8, 1, 12, tzinfo=UTC)
database = open_database(pathlib.Path(sys.argv[1]), now=now).database
history = History(database, out=pathlib.Path("out"))
environment = Environment(tool="1", python="3.11", platform="any", auth={}, endpoints={})
for number in itertools.count():
    run = str(number)
    history.begin(run, now=now)
    sys.stdout.write(f"{run}\\n")
    sys.stdout.flush()
    paths = [f"filter/{each}" for each in range(100)]
    outcomes = tuple(Outcome(source="s", filter=path, state=State.FRESH, count=1) for path in paths)
    record = RunRecord(
        run=run, started="2026-08-01T12:00:00Z", seconds=1.0,
        environment=environment, outcomes=outcomes, queries=(),
    )
    left = Snapshot(manifests={("s", path): (run, path) for path in paths})
    history.finish(record, left, now=now)
"""


@pytest.mark.parametrize("lines", [1, 2, 9])
def test_a_kill_at_the_end_leaves_all_or_nothing(tmp_path: Path, lines: int) -> None:
    """A SIGKILL while a run is being kept leaves a run that is whole, or one known as killed."""
    command = [sys.executable, "-c", RUNS, os.fspath(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.kill()

    opened = open_database(tmp_path, now=NOON)
    with closing(opened.database) as database:
        assert opened.warnings == ()
        history = History(database, out=OUT)
        newest, *others = history.runs()
        assert len(others) >= lines - 1
        assert all(each.states == {State.FRESH: 100} for each in others)
        for each in [newest, *others]:
            left = history.snapshot(each.run)
            assert (left is None) == (each.ended is None)
            assert left is None or {ids[0] for ids in left.manifests.values()} == {each.run}
            assert left is None or len(left.manifests) == 100
        if newest.ended is None:
            found = history.unfinished(since=NOON)
            assert found is not None
            assert found.run == newest.run
