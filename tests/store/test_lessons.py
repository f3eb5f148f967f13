"""What earlier runs teach: only good runs count, and only for their own output."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests.errors import ErrorCode
from manifests.models import Query
from manifests.results import Environment, Failure, Outcome, QueryRecord, RunRecord, State
from manifests.store.database import connect
from manifests.store.history import History
from manifests.store.lessons import Lessons, Pace
from manifests.store.schema import MIGRATIONS
from manifests.store.snapshots import Snapshot

if TYPE_CHECKING:
    from manifests.store.database import Database

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
OUT = Path("out")
HOST = "https://upstream.example anonymous"
ENVIRONMENT = Environment(tool="1", python="3.11", platform="any", auth={}, endpoints={})
ILL = Failure(code=ErrorCode.API_ERROR, cause="HTTP 503", next_step="wait")
BEST = (("sort", "best"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a rate controller learned."""

    window: float
    latency: float | None = None
    rate: float | None = None


def keep(database: Database, run: str, *, dry_run: bool = False, out: Path = OUT) -> Keeps:
    """Return what keeps the outcomes and queries of a run."""
    return Keeps(history=History(database, out=out), run=run, dry_run=dry_run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeps:
    """Keeps a run that came to what it is given."""

    history: History
    run: str
    dry_run: bool

    def outcomes(self, *outcomes: Outcome) -> None:
        """Keep a run with these outcomes."""
        self._finish(outcomes, ())

    def queries(self, *queries: QueryRecord) -> None:
        """Keep a run with these queries."""
        self._finish((), queries)

    def _finish(self, outcomes: tuple[Outcome, ...], queries: tuple[QueryRecord, ...]) -> None:
        record = RunRecord(
            run=self.run,
            started="2026-08-01T12:00:00Z",
            seconds=1.0,
            dry_run=self.dry_run,
            environment=ENVIRONMENT,
            outcomes=outcomes,
            queries=queries,
        )
        self.history.finish(record, Snapshot(), now=NOON)


def outcome(path: str, count: int | None, state: State = State.FRESH) -> Outcome:
    """Return what became of a filter."""
    return Outcome(source="s", filter=path, state=state, count=count)


def query(pages: int, failure: Failure | None = None) -> QueryRecord:
    """Return what became of the one listing of these tests."""
    return QueryRecord(source="s", parameters=BEST, filters=(), pages=pages, failure=failure)


def test_counts_are_those_of_the_last_runs(database: Database) -> None:
    """Each filter has the counts of the last runs that made it, oldest first."""
    for number in range(6):
        paths = ["always", "rarely"] if number % 3 == 0 else ["always"]
        keep(database, f"run {number}").outcomes(*(outcome(path, number) for path in paths))
    lessons = Lessons(database, out=OUT)
    assert lessons.counts(last=3) == {("s", "always"): (3, 4, 5), ("s", "rarely"): (0, 3)}
    assert lessons.counts()["s", "always"] == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("state", "count", "counts"),
    [
        (State.FRESH, 7, (1, 7)),
        (State.UNCHANGED, 7, (1, 7)),
        (State.UNCHANGED, 0, (1, 0)),
        (State.QUARANTINED, 7, (1,)),
        (State.STALE, 7, (1,)),
        (State.STALE, None, (1,)),
        (State.MISSING, None, (1,)),
    ],
)
def test_only_what_was_believed_counts(
    database: Database, state: State, count: int | None, counts: tuple[int, ...]
) -> None:
    """A count that was held back, or not published for another reason, teaches nothing."""
    keep(database, "first").outcomes(outcome("a", 1))
    keep(database, "second").outcomes(outcome("a", count, state))
    assert Lessons(database, out=OUT).counts() == {("s", "a"): counts}


def test_dry_runs_and_other_outputs_teach_nothing(database: Database) -> None:
    """Counts are those of the published set alone."""
    keep(database, "dry", dry_run=True).outcomes(outcome("a", 1))
    keep(database, "other", out=Path("elsewhere")).outcomes(outcome("a", 2))
    assert Lessons(database, out=OUT).counts() == {}


def test_what_was_learned_can_be_forgotten(database: Database) -> None:
    """Counts and lengths go, of this output alone; what is learned later counts again."""
    elsewhere = Lessons(database, out=Path("elsewhere"))
    keep(database, "other", out=Path("elsewhere")).outcomes(outcome("a", 2))
    keep(database, "counts").outcomes(outcome("a", 1))
    keep(database, "pages").queries(query(3))
    lessons = Lessons(database, out=OUT)
    lessons.forget()
    assert (lessons.counts(), lessons.pages()) == ({}, {})
    assert elsewhere.counts() == {("s", "a"): (2,)}
    keep(database, "later").outcomes(outcome("a", 7))
    assert lessons.counts() == {("s", "a"): (7,)}


def test_a_listing_is_as_long_as_it_was_last_time(database: Database) -> None:
    """The pages of a listing are those of the last run that read it well and sent for it."""
    lessons = Lessons(database, out=OUT)
    listing = Query(source="s", parameters=BEST)
    assert lessons.pages() == {}
    for pages, failure, expected in [(3, None, 3), (5, None, 5), (1, ILL, 5), (0, None, 5)]:
        keep(database, f"{pages} {failure}").queries(query(pages, failure))
        assert lessons.pages() == {listing: expected}
    assert Lessons(database, out=Path("elsewhere")).pages() == {}
    keep(database, "new").queries()
    History(database, out=OUT).prune(keep=1)
    assert lessons.pages() == {}


FLOATS = st.floats(0.001, 1000)


@given(window=FLOATS, latency=st.none() | FLOATS, rate=st.none() | FLOATS)
def test_a_pace_comes_back_as_it_was(
    window: float, latency: float | None, rate: float | None
) -> None:
    """What was learned of a host is there for the next run, of whatever output."""
    database = connect(None, MIGRATIONS)
    learned = Learned(window=window, latency=latency, rate=rate)
    Lessons(database, out=OUT).save_paces({HOST: Learned(window=1), "x": learned}, now=NOON)
    Lessons(database, out=OUT).save_paces({HOST: learned}, now=NOON)
    lessons = Lessons(database, out=Path("elsewhere"))
    pace = Pace(window=window, latency=latency, rate=rate, saved=NOON)
    assert (lessons.pace(HOST), lessons.pace("x"), lessons.pace("y")) == (pace, pace, None)
    database.close()


@pytest.mark.parametrize("window", [0, -1, float("nan"), float("inf"), 1e9])
def test_an_absurd_pace_is_not_kept(database: Database, window: float) -> None:
    """A pace that no run could learn is a bug, and is told as one."""
    with pytest.raises(ValidationError):
        Lessons(database, out=OUT).save_paces({HOST: Learned(window=window)}, now=NOON)
    assert Lessons(database, out=OUT).pace(HOST) is None
