"""Remember from run to run what is not published; a memory that fails costs no run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from manifests.errors import StoreError
from manifests.events import Noted
from manifests.fetch.work import LearnedPace
from manifests.store.candidates import Quarantined, quarantined_bytes, read_quarantined
from manifests.store.canonical import DamagedFileError
from manifests.store.database import open_database
from manifests.store.history import History
from manifests.store.lessons import Lessons
from manifests.store.pages import PageStore
from manifests.store.quarantine import Quarantine, damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.models import Query
    from manifests.results import RunRecord
    from manifests.store.database import Database
    from manifests.store.history import Unfinished
    from manifests.store.names import Key
    from manifests.store.quarantine import Held
    from manifests.store.snapshots import Snapshot
    from manifests.store.verdict import Streak, Verdict

__all__ = ["KEPT_RUNS", "HeldCandidate", "Memory", "Recalled", "open_memory"]

ResultT = TypeVar("ResultT")

KEPT_RUNS = 50
"""Runs that are remembered, at most; older ones make room by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What earlier runs teach the next one."""

    counts: Mapping[Key, tuple[int, ...]] = field(default_factory=dict)
    """Source and path → models of the last believed manifests, oldest first."""
    streaks: Mapping[Key, Streak] = field(default_factory=dict)
    """Source and path → the runs in a row that came to the same doubt."""
    pages: Mapping[Query, int] = field(default_factory=dict)
    """Listing → pages that it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCandidate:
    """A candidate that the gate held back, with all that publishing it would need."""

    verdict: Verdict
    candidate: Quarantined


class Memory:
    """The history, the quarantine, the pages and the learned paces of one output folder."""

    def __init__(self, database: Database, *, out: Path, clock: Clock, reporter: Reporter) -> None:
        self._database = database
        self._history = History(database, out=out)
        self._lessons = Lessons(database, out=out)
        self._quarantine = Quarantine(database, out=out)
        self._clock = clock
        self._reporter = reporter

    def unfinished(self, *, within: float) -> Unfinished | None:
        """Return the last run if it was cut short and was alive at most *within* seconds ago."""
        since = self._now() - timedelta(seconds=within)
        return self._tried(
            lambda: self._history.unfinished(since=since), None, else_="nothing is resumed"
        )

    def upstream(self) -> Mapping[str, str]:
        """Return source → endpoint of the last run; nothing where none is known."""
        return self._tried(self._upstream, {}, else_="who was asked before is not known")

    def recall(self) -> Recalled:
        """Return what earlier runs teach."""
        return self._tried(
            lambda: Recalled(
                counts=self._lessons.counts(),
                streaks=self._quarantine.streaks(),
                pages=self._lessons.pages(),
            ),
            Recalled(),
            else_="this run learns nothing from earlier ones",
        )

    def unlearn(self) -> None:
        """Forget what earlier runs teach, and what they held back: they asked somebody else."""
        self._tried(self._unlearn, None, else_="what somebody else listed still counts")

    def begin(self, run: str, *, pages_since: datetime | None) -> None:
        """Note that a run has begun, so that the next one can tell when it was killed."""
        now = self._now()
        self._tried(
            lambda: self._history.begin(run, now=now, pages_since=pages_since),
            None,
            else_="this run can't be resumed",
        )

    def finish(self, record: RunRecord, snapshot: Snapshot, held: Iterable[HeldCandidate]) -> None:
        """Keep what became of a run, and the candidates that it held back."""
        self._tried(
            lambda: self._finish(record, snapshot, held), None, else_="this run is not remembered"
        )

    def settle(self, record: RunRecord, held: Iterable[HeldCandidate]) -> None:
        """Keep what the gate said in a run that is not to be remembered as one.

        What it believed is quarantined no more, and what it held back prolongs a streak.
        """
        now = self._now()
        self._tried(
            lambda: self._settle(record, held, now=now),
            None,
            else_="an older candidate may still be quarantined",
        )

    def held_back(self) -> tuple[Held, ...]:
        """Return what is quarantined.

        Raises:
            StoreError: the database or the disk refused.
        """
        return self._quarantine.held()

    def candidate(self, key: Key) -> Quarantined | None:
        """Return the candidate that is quarantined for a filter, if there is one.

        Raises:
            StoreError: the database or the disk refused, or the candidate is damaged.
        """
        body = self._quarantine.body(key)
        try:
            return read_quarantined(body) if body is not None else None
        except DamagedFileError as error:
            raise damaged(key, error) from error

    def made_at(self, held: Held) -> datetime:
        """Return when a candidate was made, or at least when its filter was first held back.

        Raises:
            StoreError: the database or the disk refused.
        """
        known = {each.run: each.ended or each.started for each in self._history.runs()}
        return known.get(held.run, held.since)

    def release(self, keys: Iterable[Key]) -> None:
        """Forget the candidates of filters: they were published."""
        self._tried(lambda: self._quarantine.drop(keys), None, else_="they stay in the quarantine")

    def pages(self, run: str) -> PageStore:
        """Return the pages of all runs, for *run* to use and to add to."""
        store = PageStore(self._database, run=run)
        self._tried(lambda: store.prune(now=self._now()), 0, else_="kept pages are not tidied up")
        return store

    def load(self, host: str) -> LearnedPace | None:
        """Return the pace learned of *host*: an endpoint and `anonymous` or `token`."""
        pace = self._tried(
            lambda: self._lessons.pace(host), None, else_="hosts are asked as if for the first time"
        )
        if pace is None:
            return None
        return LearnedPace(window=pace.window, latency=pace.latency, rate=pace.rate)

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Remember what a run learned of its hosts."""
        now = self._now()
        self._tried(
            lambda: self._lessons.save_paces(paces, now=now),
            None,
            else_="the next run starts slowly",
        )

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _upstream(self) -> Mapping[str, str]:
        known = (each.run for each in self._history.runs() if not each.dry_run)
        record = next((each for run in known if (each := self._history.record(run))), None)
        return record.environment.endpoints if record else {}

    def _unlearn(self) -> None:
        self._lessons.forget()
        self._quarantine.drop(each.key for each in self._quarantine.held())

    def _finish(self, record: RunRecord, snapshot: Snapshot, held: Iterable[HeldCandidate]) -> None:
        now = self._now()
        self._history.finish(record, snapshot, now=now)
        self._settle(record, held, now=now)
        self._history.prune(keep=KEPT_RUNS)

    def _settle(self, record: RunRecord, held: Iterable[HeldCandidate], *, now: datetime) -> None:
        for each in held:
            body = quarantined_bytes(each.candidate)
            rule, key = each.verdict.rule, each.verdict.key
            self._quarantine.put(key, body, rule=rule, run=record.run, now=now)
        believed = (each for each in record.outcomes if each.state.is_current)
        self._quarantine.drop((each.source, each.filter) for each in believed)

    def _now(self) -> datetime:
        return self._clock.wall()

    def _tried(self, call: Callable[[], ResultT], default: ResultT, *, else_: str) -> ResultT:
        try:
            return call()
        except StoreError as error:
            self._reporter(Noted(message=f"{error.cause}; {else_}; {error.next_step}"))
            return default


@contextmanager
def open_memory(state: Path, *, out: Path, clock: Clock, reporter: Reporter) -> Iterator[Memory]:
    """Yield the memory of one output folder, kept in the state folder *state*."""
    opened = open_database(state, now=clock.wall())
    for warning in opened.warnings:
        reporter(Noted(message=warning))
    memory = Memory(opened.database, out=out, clock=clock, reporter=reporter)
    try:
        yield memory
    finally:
        memory.close()
