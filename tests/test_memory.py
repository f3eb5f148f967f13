"""Hold what a run remembers, and that a memory which fails costs no more than itself."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from manifests.clock import Clock
from manifests.errors import StoreError
from manifests.events import Noted
from manifests.fetch.work import LearnedPace
from manifests.memory import KEPT_RUNS, HeldCandidate, Memory, Recalled, open_memory
from manifests.models import Manifest, Model, Stats
from manifests.results import Environment, Outcome, RunRecord, State
from manifests.sources.base import Entry, Reply
from manifests.store.candidates import Quarantined
from manifests.store.database import DATABASE_FILE, open_database
from manifests.store.quarantine import Quarantine
from manifests.store.snapshots import Snapshot
from manifests.store.verdict import GateRule, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from manifests.events import Event
    from manifests.stopping import EndedBy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ("civitai", "filter/a")
PACE = LearnedPace(window=7.5, latency=0.6, rate=3.25)
HOST = "https://civitai.example anonymous"


@dataclass(kw_only=True)
class Past:
    """A folder with a memory, a time of day that tests move, and what a person was told."""

    folder: Path
    now: datetime = NOON
    notes: list[str] = field(default_factory=list)

    def note(self, event: Event) -> None:
        """Take note of what is said."""
        assert isinstance(event, Noted)
        self.notes.append(event.message)

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """Yield the memory, opened anew."""
        clock = Clock(wall=lambda: self.now)
        out = self.folder / "out"
        with open_memory(self.folder, out=out, clock=clock, reporter=self.note) as memory:
            yield memory

    def break_tables(self, *tables: str) -> None:
        """Remove parts of the database."""
        database = open_database(self.folder, now=self.now).database
        for table in tables:
            database.execute(f"DROP TABLE {table}")
        database.close()


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """A folder in which nothing is remembered yet."""
    return Past(folder=tmp_path)


def record(run: str, *outcomes: Outcome, ended_by: EndedBy = "completion") -> RunRecord:
    """Return the record of a run at noon."""
    return RunRecord(
        run=run,
        started=NOON.isoformat(),
        seconds=1,
        ended_by=ended_by,
        environment=Environment(tool="0", python="3", platform="any", auth={}, endpoints={}),
        outcomes=outcomes,
        queries=(),
    )


def outcome(state: State, count: int = 3) -> Outcome:
    """Return an outcome of the one filter here."""
    return Outcome(source=KEY[0], filter=KEY[1], state=state, count=count)


def held() -> HeldCandidate:
    """Return a candidate of one model that the gate holds back."""
    model = Model(id="1", source=KEY[0], slug="1", name="a name")
    manifest = Manifest(
        source=KEY[0],
        filter=KEY[1],
        label="a",
        models_file="civitai-models.json",
        model_ids=("1",),
        complete=True,
    )
    return HeldCandidate(
        verdict=Verdict(
            source=KEY[0],
            filter=KEY[1],
            rule=GateRule.SHRUNK,
            cause="1 of 3 models",
            next_step="look",
            evidence={},
        ),
        candidate=Quarantined.of(manifest, {"1": Entry(model=model, stats=Stats(downloads=5))}),
    )


def test_a_memory_that_fails_says_so_and_returns_nothing(past: Past) -> None:
    """Whatever is asked or told, no error comes out; each loss is said with what follows of it."""
    with past.memory():
        past.break_tables("runs", "outcomes", "listings", "paces", "pages", "quarantine")
    with past.memory() as memory:
        assert memory.unfinished(within=3600) is None
        assert memory.recall() == Recalled()
        memory.begin("a run", pages_since=None)
        memory.pages("a run")
        assert memory.load(HOST) is None
        memory.save({HOST: PACE})
        memory.finish(record("a run", outcome(State.FRESH)), Snapshot(), [held()])
        memory.release([KEY])
    assert [note.split("; ")[1] for note in past.notes] == [
        "nothing is resumed",
        "this run learns nothing from earlier ones",
        "this run can't be resumed",
        "kept pages are not tidied up",
        "hosts are asked as if for the first time",
        "the next run starts slowly",
        "this run is not remembered",
        "they stay in the quarantine",
    ]
    assert all("is broken" in note and "; run again" in note for note in past.notes)


def test_who_asks_for_a_candidate_is_told_what_failed(past: Past) -> None:
    """To publish something else in its place, or nothing without a word, would be worse."""
    with past.memory():
        past.break_tables("quarantine")
    with past.memory() as memory:
        with pytest.raises(StoreError, match="is broken"):
            memory.held_back()
        with pytest.raises(StoreError, match="is broken"):
            memory.candidate(KEY)


def test_a_damaged_candidate_is_named_with_the_way_out(past: Past) -> None:
    """Bytes that are no candidate come as an error that the command line can tell."""
    with past.memory():
        database = open_database(past.folder, now=NOON).database
        quarantine = Quarantine(database, out=past.folder / "out")
        quarantine.put(KEY, b"{}", rule="shrunk", run="a run", now=NOON)
        database.close()
    with past.memory() as memory, pytest.raises(StoreError) as caught:
        memory.candidate(KEY)
    assert "civitai:filter/a is damaged" in caught.value.cause
    assert caught.value.next_step == "make it again: manifests generate --only civitai:filter/a"


def test_a_folder_that_can_not_be_used_is_no_obstacle(past: Past) -> None:
    """Where no file can be, the memory lasts as long as the run."""
    past.folder = past.folder / "in the way"
    past.folder.write_text("mine")
    with past.memory() as memory:
        memory.begin("a run", pages_since=None)
        memory.finish(record("a run", outcome(State.FRESH)), Snapshot(), [])
        assert memory.recall().counts == {KEY: (3,)}
    assert len(past.notes) == 1
    assert "nothing is remembered beyond this run" in past.notes[0]


def test_a_broken_file_is_set_aside(past: Past) -> None:
    """Its loss is told once, and a new one begins."""
    (past.folder / DATABASE_FILE).write_bytes(b"garbage" * 1000)
    for _ in range(2):
        with past.memory() as memory:
            assert memory.recall() == Recalled()
    assert len(past.notes) == 1
    assert "was set aside as state.sqlite3.broken-20261121T120000" in past.notes[0]


@pytest.mark.parametrize(
    ("ended_by", "later", "resumed"),
    [
        (None, timedelta(minutes=59), True),
        ("deadline", timedelta(minutes=59), True),
        ("SIGINT", timedelta(minutes=59), True),
        ("completion", timedelta(minutes=1), False),
        ("SIGTERM", timedelta(minutes=61), False),
        (None, timedelta(minutes=61), False),
    ],
)
def test_only_a_run_that_was_cut_short_not_long_ago_is_resumed(
    past: Past, *, ended_by: EndedBy | None, later: timedelta, resumed: bool
) -> None:
    """One that was killed leaves no end at all."""
    with past.memory() as memory:
        memory.begin("a run", pages_since=None)
        if ended_by:
            memory.finish(record("a run", ended_by=ended_by), Snapshot(), [])
    past.now += later
    with past.memory() as memory:
        found = memory.unfinished(within=3600)
    assert (found is not None) is resumed
    assert found is None or (found.run, found.pages_since) == ("a run", NOON)


def test_what_was_held_back_is_kept_until_it_is_released(past: Past) -> None:
    """With its models, so that publishing it needs no request, and with the time it was made."""
    with past.memory() as memory:
        assert memory.candidate(KEY) is None
        past.now += timedelta(minutes=5)
        memory.finish(record("a run", outcome(State.QUARANTINED)), Snapshot(), [held()])
    past.now += timedelta(hours=5)
    with past.memory() as memory:
        (kept,) = memory.held_back()
        assert memory.candidate(KEY) == held().candidate
        assert memory.made_at(kept) == NOON + timedelta(minutes=5)
        assert memory.recall().streaks[KEY].runs == 1
        memory.release([KEY])
        assert memory.held_back() == ()


def test_a_candidate_of_a_forgotten_run_is_as_old_as_its_doubt(past: Past) -> None:
    """Where nobody knows when it was made, it is not called younger than it is."""
    with past.memory() as memory:
        memory.finish(record("first", outcome(State.QUARANTINED)), Snapshot(), [held()])
        past.now += timedelta(hours=1)
        for number in range(KEPT_RUNS):
            memory.finish(record(f"{number}", outcome(State.STALE)), Snapshot(), [])
        (kept,) = memory.held_back()
        assert memory.made_at(kept) == NOON


def test_a_candidate_that_was_made_again_and_believed_is_dropped(past: Past) -> None:
    """A later good answer leaves nothing to accept."""
    with past.memory() as memory:
        memory.finish(record("one", outcome(State.QUARANTINED)), Snapshot(), [held()])
        memory.finish(record("two", outcome(State.UNCHANGED)), Snapshot(), [])
        assert memory.held_back() == ()


def test_what_others_listed_is_unlearned(past: Past) -> None:
    """Counts and candidates go, and the runs stay; a memory that fails says so."""
    with past.memory() as memory:
        memory.finish(record("one", outcome(State.FRESH)), Snapshot(), [])
        memory.finish(record("two", outcome(State.QUARANTINED)), Snapshot(), [held()])
        memory.unlearn()
        assert memory.recall() == Recalled()
        assert memory.held_back() == ()
        assert memory.upstream() == record("two").environment.endpoints
    past.break_tables("outcomes")
    with past.memory() as memory:
        memory.unlearn()
    assert past.notes[-1].split("; ")[1] == "what somebody else listed still counts"


def test_a_verdict_without_a_run_counts_but_is_no_run(past: Past) -> None:
    """One filter that was looked at leaves its candidate or takes it away, and no run to resume."""
    with past.memory() as memory:
        for run in ("one", "two"):
            memory.settle(record(run, outcome(State.QUARANTINED)), [held()])
        assert memory.recall().streaks[KEY].runs == 2
        assert memory.unfinished(within=3600) is None
        memory.settle(record("three", outcome(State.FRESH)), [])
        assert memory.held_back() == ()
    past.break_tables("quarantine")
    with past.memory() as memory:
        memory.settle(record("four", outcome(State.FRESH)), [])
    assert past.notes[-1].split("; ")[1] == "an older candidate may still be quarantined"


def test_old_runs_make_room(past: Past) -> None:
    """No more runs are remembered than anyone looks at."""
    with past.memory() as memory:
        for number in range(KEPT_RUNS + 2):
            memory.finish(record(f"{number:02}", outcome(State.FRESH)), Snapshot(), [])
    database = open_database(past.folder, now=past.now).database
    kept = database.execute("DELETE FROM runs")
    database.close()
    assert kept == KEPT_RUNS


def test_the_pace_of_a_host_is_handed_on(past: Past) -> None:
    """What was learned comes back as it was, for its host only."""
    with past.memory() as memory:
        memory.save({HOST: PACE})
    with past.memory() as memory:
        assert memory.load(HOST) == PACE
        assert memory.load("https://civitai.example token") is None


def test_pages_of_another_week_are_tidied_up(past: Past) -> None:
    """What is too old for any use leaves before a run begins, as does what is of the future."""
    with past.memory() as memory:
        store = memory.pages("a run")
        for name, days in [("old", -8), ("young", -6), ("ahead", 1)]:
            store.put(name, Reply(body=b"[]", headers={}), now=NOON + timedelta(days=days))
        kept = {name: memory.pages("next").newest(name) for name in ("old", "young", "ahead")}
    assert [name for name, page in kept.items() if page] == ["young"]
    assert past.notes == []
