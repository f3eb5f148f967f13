"""Hold a whole run, from definitions to files: a bad day never makes the published set worse."""

from __future__ import annotations

import errno
import hashlib
import json
import random
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.clock import Clock
from manifests.errors import DefinitionError, ErrorCode, SettingsError, StoreError
from manifests.events import FilterSettled, Noted, RunPlanned
from manifests.fetch.fetcher import Fetched
from manifests.memory import Memory, open_memory
from manifests.models import Model, Stats
from manifests.preparing import prepare
from manifests.results import Failure, RunRecord, State
from manifests.runner import Workplace, run
from manifests.settings import Access, Settings
from manifests.sources import SOURCES
from manifests.sources.base import Entry, Page
from manifests.store.database import open_database
from manifests.store.history import History
from manifests.store.publisher import MACHINE, Disk
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manifests.events import Event
    from manifests.fetch.fetcher import ReadPage
    from manifests.sources.base import Request

Answers: TypeAlias = Mapping[str, "Sequence[str] | Page | Failure | None"]
"""Listing → its ids, the page that is always given, why it fails, or None: no answer ever comes."""

DEFINITIONS = {
    "civitai": """
source = "civitai"
sort = "Most Downloaded"
limit = 3
[[facets]]
name = "type"
default = "all"
slugs = { all = [], loras = ["LORA"], vaes = ["VAE"] }
[[filters]]
path = "filter/by-someone"
parameters = { username = "someone" }
""",
    "huggingface": """
source = "huggingface"
sort = "likes"
[[filters]]
path = "filter/gguf"
parameters = { filter = "gguf" }
""",
}
ACCESS = {name: Access(endpoint=f"https://{name}.example") for name in SOURCES}
DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")
GOOD: Answers = {"LORA": ["1", "2", "3"], "VAE": ["4"], "someone": ["1", "4"], "gguf": ["a/b"]}


def write(path: Path, data: bytes) -> None:
    """Write a new file without waiting until the disk has it."""
    with path.open("xb") as file:
        file.write(data)


NO_POWER_CUT = replace(MACHINE, write=write)
"""The disk without its waits; that nothing is lost with the power, the tests of the store hold."""
LORAS, VAES = "civitai-filter-loras.json", "civitai-filter-vaes.json"
SOMEONE, GGUF = "civitai-filter-by-someone.json", "hf-filter-gguf.json"


@dataclass(kw_only=True)
class Upstream:
    """Answers each listing with one page, a failure, or not at all."""

    answers: Answers
    asked: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def name(self, request: Request) -> str:
        """Return the listing that is asked for."""
        return next(value for _, value in request.parameters if value in self.answers)

    def forget(self, request: Request) -> None:
        """Take note of a page that is not to be kept."""
        self.forgotten.append(self.name(request))

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return what is to become of the listing."""
        del read, hints
        name = self.name(request)
        self.asked.append(name)
        log.append(Attempt(number=1, url=name, started=0, seconds=0))
        found = self.answers[name]
        if found is None:
            await anyio.sleep_forever()
        if isinstance(found, Failure):
            return Fetched(failure=found)
        if isinstance(found, Page):
            return Fetched(page=found)
        return Fetched(page=Page(entries=tuple(entry(request.source, id_) for id_ in found or ())))


def entry(source: str, id_: str, *, type_: str | None = None) -> Entry:
    """Return a model, of each type at once as far as anyone looks."""
    model = Model(
        id=id_, source=source, slug="any", name=f"Model {id_}", tags=("gguf",), type=type_
    )
    return Entry(model=model, stats=Stats(downloads=1))


@dataclass(kw_only=True)
class Site:
    """A folder with definitions, and a day on which runs are made of them."""

    folder: Path
    out: Path
    day: int = 1
    remembers: bool = False
    """Whether its runs know of each other."""
    events: list[Event] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path) -> Site:
        """Lay out the definitions."""
        (folder / "filters").mkdir()
        for name, text in DEFINITIONS.items():
            (folder / "filters" / f"{name}.toml").write_text(text, encoding="utf-8")
        return cls(folder=folder, out=folder / "out")

    def settings(self) -> Settings:
        """Return the settings of its runs."""
        return Settings(filters=self.folder / "filters", out=self.out, access=ACCESS, deadline=60.0)

    async def run(
        self,
        answers: Answers | None = None,
        *,
        only: Sequence[str] = (),
        disk: Disk = NO_POWER_CUT,
        settings: Settings | None = None,
    ) -> RunRecord:
        """Make a run, a day after the last one; *answers* are what differs from a good day."""
        prepared = prepare(settings or self.settings(), SOURCES, now=self.clock().wall(), only=only)
        upstream = Upstream(answers={**GOOD, **(answers or {})})
        with ExitStack() as stack:
            workplace = Workplace(
                fetchers=dict.fromkeys(SOURCES, upstream),
                reporter=self.note,
                clock=self.clock(),
                disk=disk,
                memory=stack.enter_context(self.memory()) if self.remembers else None,
            )
            self.day += 1
            record = await run(prepared, workplace)
        self.asked, self.forgotten = upstream.asked, upstream.forgotten
        return record

    def clock(self) -> Clock:
        """Return the time of this day's run."""
        moment = datetime(2026, 11, self.day, tzinfo=UTC)
        return Clock(wall=lambda: moment, random=random.Random(moment.timestamp() + self.runs))

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """Yield what its runs remember."""
        state = self.folder / "state"
        with open_memory(state, out=self.out, clock=self.clock(), reporter=self.note) as memory:
            yield memory

    @property
    def runs(self) -> int:
        """How many runs there were, as far as anyone watched."""
        return sum(isinstance(event, RunPlanned) for event in self.events)

    def note(self, event: Event) -> None:
        """Watch a run."""
        self.events.append(event)

    def files(self) -> dict[str, bytes]:
        """Return what is published, but for the file that every run writes."""
        return {path.name: path.read_bytes() for path in self.visible()}

    def times(self) -> dict[str, int]:
        """Return when each of these files was written, in nanoseconds."""
        return {path.name: path.stat().st_mtime_ns for path in self.visible()}

    def visible(self) -> list[Path]:
        """Return the paths of these files."""
        return [path for path in sorted(self.out.glob("[!.]*.json")) if path.name != "status.json"]

    def json(self, name: str) -> dict[str, dict[str, dict[str, object]]]:
        """Return a published file."""
        found: dict[str, dict[str, dict[str, object]]] = json.loads((self.out / name).read_bytes())
        return found

    def status(self, path: str) -> dict[str, object]:
        """Return what `status.json` says of a filter of CivitAI's."""
        return self.json("status.json")["filters"][f"civitai:{path}"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a folder in which nothing was published yet."""
    return Site.at(tmp_path)


def states(record: RunRecord) -> dict[str, State]:
    """Return what became of each filter."""
    return {outcome.filter.removeprefix("filter/"): outcome.state for outcome in record.outcomes}


def faults(out: Path) -> list[str]:
    """Return the ids without a record, and the files that the index does not vouch for."""
    catalogues = {
        name: json.loads((out / f"{name}-models.json").read_bytes())["models"]
        for name in SOURCES
        if (out / f"{name}-models.json").exists()
    }
    found = []
    for path in out.glob("*-filter-*.json"):
        manifest = json.loads(path.read_bytes())
        found += [id_ for id_ in manifest["model_ids"] if id_ not in catalogues[manifest["source"]]]
    for listed in json.loads((out / "index.json").read_bytes())["files"]:
        if hashlib.sha256((out / listed["file"]).read_bytes()).hexdigest() != listed["sha256"]:
            found.append(listed["file"])
    return found


async def test_a_failed_filter_keeps_its_old_manifest(site: Site) -> None:
    """Absent is not empty: the last good one stays, byte for byte, with its models."""
    await site.run()
    before = site.files()
    record = await site.run({"LORA": DOWN, "VAE": ["5"]})
    assert states(record) == {
        "loras": State.STALE,
        "vaes": State.FRESH,
        "by-someone": State.UNCHANGED,
        "gguf": State.UNCHANGED,
    }
    assert record.outcomes[0].failure == DOWN
    assert site.files()[LORAS] == before[LORAS]
    assert site.json("civitai-models.json")["models"].keys() == {"1", "2", "3", "4", "5"}
    assert faults(site.out) == []


async def test_the_status_says_since_when_and_why_a_manifest_is_stale(site: Site) -> None:
    """The first failure dates it, further ones are counted, a success clears it."""
    await site.run()
    told = []
    for answer in (DOWN, DOWN, ["1", "2", "3"]):
        await site.run({"LORA": answer})
        told.append(site.status("filter/loras"))
    stale = {
        "state": "stale",
        "code": "API_ERROR",
        "last_success": "2026-11-01T00:00:00Z",
        "stale_since": "2026-11-02T00:00:00Z",
    }
    assert told[:2] == [{**stale, "consecutive_failures": count} for count in (1, 2)]
    assert told[2] == {
        "state": "fresh",
        "code": None,
        "last_success": "2026-11-04T00:00:00Z",
        "stale_since": None,
        "consecutive_failures": 0,
    }


async def test_a_filter_that_never_was_made_is_missing(site: Site) -> None:
    """Without an old manifest nothing is written in its place."""
    record = await site.run({"LORA": DOWN})
    assert states(record)["loras"] is State.MISSING
    assert not (site.out / LORAS).exists()
    assert site.status("filter/loras")["state"] == "missing"
    assert faults(site.out) == []


async def test_a_run_in_which_everything_fails_changes_only_the_status(site: Site) -> None:
    """Not even the index is touched."""
    await site.run()
    before = site.times()
    record = await site.run({"LORA": DOWN, "VAE": DOWN, "someone": DOWN, "gguf": DOWN})
    assert set(states(record).values()) == {State.STALE}
    assert record.written == ("status.json",)
    assert site.times() == before


async def test_an_empty_answer_where_there_were_models_is_quarantined(site: Site) -> None:
    """The old manifest stays until someone, or time, says that the new one is right."""
    await site.run()
    before = site.files()
    record = await site.run({"LORA": []})
    outcome = record.outcomes[0]
    assert (outcome.state, outcome.count, outcome.previous) == (State.QUARANTINED, 0, 3)
    assert outcome.failure is not None
    assert outcome.failure.code is ErrorCode.QUARANTINED
    assert site.files() == before
    assert site.status("filter/loras")["state"] == "quarantined"


@pytest.mark.virtual_time
async def test_a_dry_run_writes_nothing(site: Site) -> None:
    """It fetches and judges, and leaves no file and no folder."""
    record = await site.run(settings=replace(site.settings(), dry_run=True))
    assert set(states(record).values()) == {State.FRESH}
    assert (record.dry_run, record.written, record.requests) == (True, (), 4)
    assert not site.out.exists()


async def test_a_file_in_the_place_of_the_folder_is_refused_first(site: Site) -> None:
    """Nothing is asked for that could not be written."""
    site.out.write_text("in the way")
    with pytest.raises(StoreError, match="can't be listed"):
        await site.run()
    assert site.events == []


async def test_a_disk_of_temporary_files_that_refuses_is_told_as_it_is(site: Site) -> None:
    """What one listing of many can't keep ends the run by itself, in no group of exceptions."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(StoreError, match="temporary files can't be kept"):
            await site.run({name: [name * 2_000_000] for name in ("LORA", "VAE")})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not site.out.exists()


async def test_an_obstacle_costs_nothing_that_was_published(site: Site) -> None:
    """A folder in the place of a manifest stops the publish before anything was replaced."""
    await site.run()
    before = site.files()
    (site.out / LORAS).unlink()
    (site.out / LORAS).mkdir()
    record = await site.run({"VAE": ["5"]})
    assert states(record) == {
        "loras": State.MISSING,
        "vaes": State.STALE,
        "by-someone": State.UNCHANGED,
        "gguf": State.UNCHANGED,
    }
    codes = {outcome.failure.code for outcome in record.outcomes if outcome.failure}
    assert codes == {ErrorCode.STORE_ERROR}
    assert record.refusal is not None
    assert LORAS in record.refusal.cause
    assert record.written == ()
    assert [line for line in record.damaged if LORAS in line] != []
    (site.out / LORAS).rmdir()
    assert site.files() == {name: data for name, data in before.items() if name != LORAS}


async def test_a_folder_that_vanished_behind_a_file_is_told(site: Site) -> None:
    """Where nothing can be read any more, nothing is claimed to be in place."""

    def trip(path: Path, data: bytes) -> None:
        shutil.rmtree(path.parent)
        path.parent.write_bytes(data)
        raise OSError(errno.ENOTDIR, "Not a directory")

    record = await site.run(disk=replace(MACHINE, write=trip))
    assert set(states(record).values()) == {State.MISSING}
    assert (record.refusal is not None, record.written) == (True, ())


@pytest.mark.parametrize("count", range(9))
async def test_a_refusal_in_the_middle_of_the_swap_is_told_as_it_is(site: Site, count: int) -> None:
    """Each filter is called new exactly when its new bytes are there; the next run repairs."""
    await site.run()
    before = site.files()
    replaced: list[str] = []

    def fill(source: Path, target: Path) -> None:
        if len(replaced) == count:
            raise OSError(errno.ENOSPC, "No space left on device")
        source.replace(target)
        replaced.append(target.name)

    changes: Answers = {"LORA": ["3", "2", "1"], "VAE": ["5"], "gguf": ["c/d"]}
    record = await site.run(changes, disk=replace(NO_POWER_CUT, replace=fill))
    names = {"loras": LORAS, "vaes": VAES, "by-someone": SOMEONE, "gguf": GGUF}
    now = site.files()
    is_new = {path: now[name] != before[name] for path, name in names.items()}
    assert {path: state is State.FRESH for path, state in states(record).items()} == is_new
    assert states(record)["by-someone"] is State.UNCHANGED
    changed = {name for name, data in now.items() if data != before.get(name)}
    assert set(record.written) - {"status.json"} == changed
    assert record.refusal is not None
    assert "No space left" in record.refusal.cause
    repaired = await site.run(changes)
    assert repaired.failures == ()
    assert repaired.refusal is None
    assert faults(site.out) == []


@pytest.mark.virtual_time
async def test_a_deadline_publishes_what_is_complete(site: Site) -> None:
    """A listing that never comes costs its own filters, and nothing else."""
    record = await site.run({"LORA": None})
    assert record.ended_by == "deadline"
    assert states(record) == {
        "loras": State.MISSING,
        "vaes": State.FRESH,
        "by-someone": State.FRESH,
        "gguf": State.FRESH,
    }
    assert record.outcomes[0].failure is not None
    assert record.outcomes[0].failure.code is ErrorCode.DEADLINE_EXCEEDED
    assert record.seconds == 60.0
    assert faults(site.out) == []


@pytest.mark.virtual_time
async def test_what_failed_is_asked_once_more_while_there_is_time(site: Site) -> None:
    """Failures of one minute are often gone in the next; those that stay are told."""
    await site.run()
    record = await site.run(
        {"LORA": DOWN, "VAE": DOWN}, settings=replace(site.settings(), deadline=600.0)
    )
    assert sorted(site.asked) == ["LORA", "LORA", "VAE", "VAE", "gguf", "someone"]
    assert [outcome.attempts for outcome in record.outcomes] == [2, 2, 1, 1]
    assert record.outcomes[0].failure == DOWN


async def test_a_catalogue_of_this_machine_is_never_mixed_with_a_real_one(site: Site) -> None:
    """The sandbox's models must not stand among real ones, nor the other way round."""
    await site.run()
    here = {**ACCESS, "civitai": Access(endpoint="http://127.0.0.1:8000")}
    with pytest.raises(SettingsError) as caught:
        await site.run(settings=replace(site.settings(), access=here))
    assert "https://civitai.example, not from http://127.0.0.1:8000" in caught.value.cause
    assert "--out" in caught.value.next_step


async def test_a_source_that_is_not_asked_is_not_compared(site: Site) -> None:
    """Another real endpoint, or none, is no mixture."""
    await site.run()
    other = {"huggingface": Access(endpoint="https://mirror.example")}
    record = await site.run(settings=replace(site.settings(), access=other))
    assert record.failures == ()


async def test_an_unknown_selection_sends_nothing(site: Site) -> None:
    """All is valid before anything is sent."""
    with pytest.raises(DefinitionError):
        await site.run(only=["lora"])
    assert site.events == []


async def test_the_first_run_makes_everything(site: Site) -> None:
    """Each filter has its manifest, each source its catalogue and counters, all in the index."""
    record = await site.run()
    assert set(states(record).values()) == {State.FRESH}
    catalogues = {f"{name}-{what}.json" for name in SOURCES for what in ("models", "stats")}
    assert site.files().keys() == {LORAS, VAES, SOMEONE, GGUF, "index.json", *catalogues}
    assert set(record.written) == {*site.files(), "status.json"}
    assert {*record.written[-2:]} == {"index.json", "status.json"}
    assert json.loads(site.files()[LORAS])["model_ids"] == ["1", "2", "3"]
    assert [outcome.complete for outcome in record.outcomes] == [False, True, True, True]
    assert sorted(site.asked) == ["LORA", "VAE", "gguf", "someone"]
    assert (record.run[:17], record.started) == ("20261101T000000Z-", "2026-11-01T00:00:00Z")
    assert (record.ended_by, record.unlisted, record.damaged) == ("completion", (), ())
    assert (record.orphans, record.refusal, len(record.queries)) == ((), None, 4)
    assert faults(site.out) == []


async def test_whoever_watches_learns_of_the_plan_and_of_each_filter(site: Site) -> None:
    """The plan comes first, so that a bar knows its length."""
    await site.run()
    assert site.events[0] == RunPlanned(filters=4, queries=4)
    settled = [event for event in site.events if isinstance(event, FilterSettled)]
    assert len(settled) == len(site.events) - 1 == 4
    assert not any(event.keeps_old for event in settled)
    site.events.clear()
    await site.run()
    assert all(event.keeps_old for event in site.events if isinstance(event, FilterSettled))


async def test_equal_answers_write_only_the_status(site: Site) -> None:
    """An unchanged file is not rewritten, so that a mirror or a diff has nothing to do."""
    await site.run()
    before = site.times()
    record = await site.run()
    assert set(states(record).values()) == {State.UNCHANGED}
    assert record.written == ("status.json",)
    assert site.times() == before


async def test_equal_answers_are_equal_bytes_in_any_folder(site: Site) -> None:
    """Neither the time nor the place of a run stands in what it publishes."""
    await site.run()
    first = site.files()
    site.out = site.folder / "elsewhere"
    await site.run()
    assert site.files() == first


async def test_a_run_of_some_filters_leaves_the_others_alone(site: Site) -> None:
    """Their files, their models and their entries in the status stay."""
    await site.run()
    await site.run({"VAE": DOWN})
    before, told = site.files(), site.status("filter/vaes")
    record = await site.run({"LORA": ["3", "2", "1"], "VAE": DOWN}, only=["loras"])
    assert states(record) == {"loras": State.FRESH}
    assert site.asked == ["LORA"]
    changed = {name for name, data in site.files().items() if data != before[name]}
    assert changed == {LORAS, "index.json"}
    assert site.status("filter/vaes") == told
    assert faults(site.out) == []


async def test_the_compact_style_is_written_where_it_is_wanted(site: Site) -> None:
    """The same run, in short keys."""
    await site.run(settings=replace(site.settings(), compact=True))
    assert json.loads(site.files()[LORAS]) == {
        "f": "civitai-filter/loras",
        "ids": ["1", "2", "3"],
        "mf": "civitai-models.json",
        "s": "ca",
    }


async def test_a_manifest_of_no_definition_is_named_and_kept(site: Site) -> None:
    """A filter that was renamed leaves a file; whether a site still asks for it is not ours."""
    await site.run()
    path = site.folder / "filters" / "civitai.toml"
    path.write_text(DEFINITIONS["civitai"].replace("by-someone", "by-another"), encoding="utf-8")
    record = await site.run()
    assert record.unlisted == (SOMEONE,)
    assert (site.out / SOMEONE).exists()
    assert faults(site.out) == []


async def test_a_damaged_file_is_named_and_made_anew(site: Site) -> None:
    """What can't be read counts as absent, and is no reason to stop."""
    await site.run()
    before = site.files()
    (site.out / LORAS).write_bytes(before[LORAS][:20])
    record = await site.run()
    assert [line.partition(":")[0] for line in record.damaged] == [LORAS]
    assert states(record)["loras"] is State.FRESH
    assert site.files() == before


async def test_ids_that_lost_their_records_are_named(site: Site) -> None:
    """Where a catalogue was lost and a manifest could not be made anew, its models are told."""
    await site.run()
    (site.out / "civitai-models.json").unlink()
    record = await site.run({"LORA": DOWN})
    assert record.orphans == ("civitai:2", "civitai:3")
    assert states(record)["loras"] is State.STALE
    assert (await site.run()).orphans == ()


ANSWERS = st.just(DOWN) | st.lists(st.sampled_from("123456"), unique=True, max_size=5)
DAYS: st.SearchStrategy[Answers] = st.fixed_dictionaries(
    {"LORA": ANSWERS, "VAE": ANSWERS, "someone": ANSWERS}
)


@settings(max_examples=25)
@given(days=st.lists(DAYS, min_size=1, max_size=4))
async def test_every_published_id_stands_in_its_catalogue(
    days: list[Answers],
) -> None:
    """After any days, good or bad, no list names a model that can't be looked up."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site.at(Path(folder))
        for day in days:
            record = await site.run(day)
            assert faults(site.out) == []
            kept = {LORAS: "loras", VAES: "vaes", SOMEONE: "by-someone"}
            there = {path for name, path in kept.items() if (site.out / name).exists()}
            assert {path for path in kept.values() if states(record)[path].is_current} <= there


def gone(*ids: str) -> Page:
    """Return a page of checkpoints only, whatever was asked for."""
    return Page(entries=tuple(entry("civitai", id_, type_="Checkpoint") for id_ in ids))


ROUND = Page(entries=(entry("civitai", "1"),), cursor="again")
"""A page whose successor is itself."""


@pytest.fixture
def lasting(site: Site) -> Site:
    """Return a folder whose runs know of each other."""
    site.remembers = True
    return site


@pytest.mark.parametrize(
    ("page", "code"),
    [(gone("7", "8"), ErrorCode.FILTER_IGNORED), (ROUND, ErrorCode.PAGINATION_ERROR)],
)
async def test_what_the_audit_refuses_is_never_published(
    lasting: Site, page: Page, code: ErrorCode
) -> None:
    """However often it comes: it is no candidate, waits for nobody, and its pages are not kept."""
    await lasting.run()
    before = lasting.files()
    for _ in range(4):
        record = await lasting.run({"LORA": page})
        outcome = record.outcomes[0]
        assert outcome.failure is not None
        assert (outcome.state, outcome.failure.code) == (State.STALE, code)
        assert lasting.files() == before
        assert set(lasting.forgotten) == {"LORA"}
    with lasting.memory() as memory:
        assert memory.held_back() == ()
    assert lasting.status("filter/loras")["consecutive_failures"] == 4


async def test_what_is_doubted_is_asked_for_again(lasting: Site) -> None:
    """No later run may take the pages of a candidate that was held back for a second witness."""
    await lasting.run()
    assert lasting.forgotten == []
    await lasting.run({"LORA": []})
    assert lasting.forgotten == ["LORA"]


async def test_time_accepts_what_stays_the_same(lasting: Site) -> None:
    """The third run over at least a day with the same doubt publishes it, and says so."""
    await lasting.run()
    for _ in range(2):
        record = await lasting.run({"LORA": []})
        assert states(record)["loras"] is State.QUARANTINED
    with lasting.memory() as memory:
        assert [(each.filter, each.runs) for each in memory.held_back()] == [("filter/loras", 2)]
    record = await lasting.run({"LORA": []})
    assert states(record)["loras"] is State.FRESH
    assert record.outcomes[0].accepted is not None
    assert "3 runs since 2026-11-02" in record.outcomes[0].accepted
    assert json.loads(lasting.files()[LORAS])["count"] == 0
    assert lasting.status("filter/loras")["state"] == "fresh"
    with lasting.memory() as memory:
        assert memory.held_back() == ()


async def test_a_day_must_pass(lasting: Site) -> None:
    """Any number of runs in one bad hour proves nothing."""
    await lasting.run()
    for _ in range(5):
        lasting.day = 2
        record = await lasting.run({"LORA": []})
        assert states(record)["loras"] is State.QUARANTINED


@pytest.mark.parametrize(
    ("between", "state"),
    [
        ({"LORA": ["1", "2", "3"]}, State.QUARANTINED),
        ({"LORA": DOWN}, State.FRESH),
    ],
    ids=["recovered", "failed"],
)
async def test_only_a_good_answer_ends_a_streak(
    lasting: Site, between: Answers, state: State
) -> None:
    """A run that learned nothing of a filter neither counts nor interrupts."""
    await lasting.run()
    for answers in ({"LORA": []}, {"LORA": []}, between):
        await lasting.run(answers)
    assert states(await lasting.run({"LORA": []}))["loras"] is state


async def test_without_a_memory_nothing_is_accepted_by_itself(site: Site) -> None:
    """Whoever remembers no doubt can't count them."""
    await site.run()
    for _ in range(4):
        assert states(await site.run({"LORA": []}))["loras"] is State.QUARANTINED


async def test_a_run_leaves_what_it_made_and_what_stands(lasting: Site) -> None:
    """The history holds the record as it was returned, and the set as it was published."""
    first = await lasting.run()
    second = await lasting.run({"LORA": ["3", "4"], "VAE": []})
    with lasting.memory() as memory:
        assert memory.recall().counts["civitai", "filter/loras"] == (3, 2)
        assert memory.recall().counts["civitai", "filter/vaes"] == (1,)
        assert len(memory.recall().pages) == 4
    database = open_database(lasting.folder / "state", now=lasting.clock().wall()).database
    history = History(database, out=lasting.out)
    assert [history.record(each.run) for each in history.runs()] == [second, first]
    left = history.snapshot(second.run)
    database.close()
    assert left is not None
    assert left.manifests["civitai", "filter/loras"] == ("3", "4")
    assert left.manifests["civitai", "filter/vaes"] == ("4",)
    assert left.models["civitai"].keys() == {"1", "3", "4"}


async def test_a_run_that_the_disk_refused_left_the_old_set(lasting: Site) -> None:
    """What is remembered as published is what can be read, not what was meant."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    await lasting.run()
    before = lasting.files()
    record = await lasting.run({"LORA": ["9"]}, disk=replace(NO_POWER_CUT, write=refuse))
    assert record.refusal is not None
    assert lasting.files() == before
    database = open_database(lasting.folder / "state", now=lasting.clock().wall()).database
    left = History(database, out=lasting.out).snapshot(record.run)
    database.close()
    assert left is not None
    assert left.manifests["civitai", "filter/loras"] == ("1", "2", "3")


async def test_the_stalest_filters_go_first(site: Site) -> None:
    """What was never made comes before what was made long ago, and that before the rest."""
    await site.run(only=["vaes", "by-someone"])
    await site.run(only=["vaes", "gguf"])
    await site.run()
    assert site.asked == ["LORA", "someone", "VAE", "gguf"]


async def test_a_memory_that_fails_costs_no_run(lasting: Site) -> None:
    """Each thing that is not remembered is told once, and the set is published as ever."""
    await lasting.run()
    with lasting.memory():
        database = open_database(lasting.folder / "state", now=lasting.clock().wall()).database
        for table in ("outcomes", "quarantine", "listings"):
            database.execute(f"DROP TABLE {table}")
        database.close()
    record = await lasting.run({"LORA": ["3", "2", "1"], "VAE": []})
    assert states(record)["loras"] is State.FRESH
    assert states(record)["vaes"] is State.QUARANTINED
    assert json.loads(lasting.files()[LORAS])["model_ids"] == ["3", "2", "1"]
    notes = [event.message for event in lasting.events if isinstance(event, Noted)]
    assert len(notes) == 2
    assert "this run learns nothing from earlier ones" in notes[0]
    assert "this run is not remembered" in notes[1]
