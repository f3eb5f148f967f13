"""What a run may use of earlier ones, and how it gets along with others at the same time."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.cli.remembering import MemoryFlags, Remembrance, resumed_since, usable_since
from manifests.cli.wiring import workplace
from manifests.clock import Clock
from manifests.errors import SettingsError
from manifests.events import silent
from manifests.memory import open_memory
from manifests.preparing import prepare
from manifests.settings import Access, Settings
from manifests.sources import SOURCES
from manifests.store.database import DATABASE_FILE, open_database
from manifests.store.history import History, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.cli.conftest import ReadsFiles, ReadsStatus, RunsCommand, Serves

    from manifests.store.names import Key

FAST = ("--fixed", "8/0ms", "--attempts", "1")
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLAGS = MemoryFlags(
    state=Path("state"), wait="1m", resume=True, resume_within="2h", fresh_within="6h", cache=True
)


@pytest.fixture(autouse=True)
def few(lists: Path) -> Path:
    """The definitions of all runs here."""
    return lists


@contextmanager
def started(*arguments: str, limit: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start the command in a process of its own, which may write files of so many bytes."""

    def confine() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "manifests", *arguments]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=confine,  # noqa: PLW1509 - no threads of ours touch it before it runs
    ) as process:
        yield process
        process.kill()


def wait_for(process: subprocess.Popen[str], start: str) -> str:
    """Read what a process tells people until a line begins so; return that line."""
    assert process.stderr is not None
    return next(line for line in process.stderr if line.startswith(start))


def rest_of(process: subprocess.Popen[str]) -> str:
    """Return what a process still tells people, once it has ended."""
    assert process.stderr is not None
    told = process.stderr.read()
    process.wait()
    return told


def body_bytes(report: Path) -> int:
    """Return how many bytes upstream's answers came to."""
    queries = orjson.loads(report.read_bytes())["queries"]
    return sum(attempt["bytes"] for query in queries for attempt in query["attempts"])


# Options and pure decisions


def test_options_become_numbers() -> None:
    """Times are seconds, whatever unit they were given in; --no-resume is no time at all."""
    wanted = Remembrance(
        state=Path("state"), wait=60, resume_within=7200, fresh_within=21600, cache=True
    )
    assert FLAGS.remembrance() == wanted
    assert FLAGS._replace(resume=False).remembrance().resume_within is None


@pytest.mark.parametrize(
    "flags",
    [
        FLAGS._replace(wait="3"),
        FLAGS._replace(resume_within="3"),
        FLAGS._replace(fresh_within="3"),
    ],
)
def test_a_time_without_a_unit_is_refused(flags: MemoryFlags) -> None:
    """Nobody knows what it means; it is said before anything is sent."""
    with pytest.raises(SettingsError, match="'3' is no duration"):
        flags.remembrance()


def unfinished(*, started: timedelta, pages: timedelta) -> Unfinished:
    """Return a run that began so long before noon, with pages from so long before."""
    return Unfinished(run="a run", started=NOON - started, seen=NOON, pages_since=NOON - pages)


@pytest.mark.parametrize(
    ("last", "within", "since"),
    [
        (None, 3600.0, None),
        (unfinished(started=HOUR, pages=HOUR), None, None),
        (unfinished(started=HOUR, pages=HOUR), 60.0, HOUR),
        (unfinished(started=HOUR, pages=2 * HOUR), 3600.0, 2 * HOUR),
        (unfinished(started=HOUR, pages=48 * HOUR), 3600.0, 2 * HOUR),
    ],
)
def test_pages_are_not_handed_on_for_ever(
    last: Unfinished | None, within: float | None, since: timedelta | None
) -> None:
    """A chain of runs that all end early lets go of what was too old when its last one began."""
    found = resumed_since(last, Remembrance(resume_within=within))
    assert found == (None if since is None else NOON - since)


@pytest.mark.parametrize(
    ("resumed", "fresh_within", "since"),
    [
        (None, 0.0, None),
        (NOON - HOUR, 0.0, NOON - HOUR),
        (None, 7200.0, NOON - 2 * HOUR),
        (NOON - HOUR, 7200.0, NOON - 2 * HOUR),
        (NOON - HOUR, 60.0, NOON - HOUR),
    ],
)
def test_the_earlier_moment_counts(
    resumed: datetime | None, fresh_within: float, since: datetime | None
) -> None:
    """Pages that may be used for either reason are used."""
    assert usable_since(resumed, Remembrance(fresh_within=fresh_within), NOON) == since


@pytest.mark.parametrize(
    ("endpoint", "kept"), [("https://upstream.example", True), ("http://127.0.0.1:8765", False)]
)
async def test_the_pace_is_remembered_where_it_lasts(
    endpoint: str, tmp_path: Path, lists: Path, *, kept: bool
) -> None:
    """What was learned of a host is kept for the next run, but not of a port of this machine."""
    access = {"civitai": Access(endpoint=endpoint)}
    settings = Settings(filters=lists, out=tmp_path / "out", access=access)
    prepared = prepare(settings, SOURCES, now=NOON)
    with open_memory(tmp_path, out=tmp_path / "out", clock=Clock(), reporter=silent) as memory:
        async with workplace(prepared, silent, sandbox=False, memory=memory):
            pass
        assert (memory.load(f"{endpoint} anonymous") is not None) is kept


# Kept pages


def test_young_pages_answer_without_a_request(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, told: ReadsStatus
) -> None:
    """With --fresh-within nothing is sent, and what comes out is as old as its pages."""
    upstream = serve(models=240)
    manifests("generate", *FAST)
    before, made = files(), told("civitai:filter/all")["last_success"]
    asked = dict(upstream.requests)
    found = manifests("generate", *FAST, "--fresh-within", "1h")
    assert found.returncode == 0
    assert "8 unchanged — 0 requests" in found.stderr
    assert upstream.requests == asked
    assert files() == before
    assert told("civitai:filter/all")["last_success"] == made


def test_what_has_not_changed_is_not_sent_again(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles
) -> None:
    """Each page is asked for with its mark; upstream vouches for it in no bytes at all."""
    upstream = serve(models=240)
    manifests("generate", *FAST, "--report", "first.json")
    before = files()
    manifests("generate", *FAST, "--report", "second.json")
    assert body_bytes(Path("first.json")) > 100_000
    assert body_bytes(Path("second.json")) == 0
    assert sum(upstream.requests.values()) == 14
    assert files() == before
    manifests("generate", *FAST, "--out", "elsewhere", "--report", "third.json", "--no-cache")
    assert body_bytes(Path("third.json")) == body_bytes(Path("first.json"))
    assert files(Path("elsewhere")) == before


@pytest.mark.parametrize("simulate", ["503", "html"])
def test_a_kept_page_never_stands_in_for_a_failure(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus, simulate: str
) -> None:
    """What is too old to answer by itself does not become younger because upstream is ill."""
    well = serve(models=240)
    manifests("generate", *FAST)
    made = told("civitai:filter/all")["last_success"]
    ill = serve(simulate, models=240, after=well)
    found = manifests("generate", *FAST)
    assert found.returncode == 1
    assert sum(ill.requests.values()) == 8
    status = told("civitai:filter/all")
    assert (status["state"], status["last_success"]) == ("stale", made)


def test_no_page_is_younger_for_being_used(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """Answers of kept pages are no news: the limit counts from when upstream gave them."""
    upstream = serve(models=240)
    manifests("generate", *FAST)
    made = told("civitai:filter/all")["last_success"]
    for _ in range(2):
        manifests("generate", *FAST, "--fresh-within", "1h")
    assert told("civitai:filter/all")["last_success"] == made
    assert "7 requests" in manifests("generate", *FAST, "--fresh-within", "1ms").stderr
    assert sum(upstream.requests.values()) == 14


@pytest.mark.parametrize("how", ["endpoint", "token"])
def test_another_upstream_has_pages_of_its_own(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Neither another endpoint nor another right to see is answered with what was kept."""
    serve(models=240)
    manifests("generate", *FAST)
    if how == "token":
        monkeypatch.setenv("CIVITAI_TOKEN", "c1v1ta1s3cr3tc1v1ta1s3cr3t")
        monkeypatch.setenv("HF_TOKEN", "hf_huggings3cr3t")
    else:
        serve(models=240)
    found = manifests("generate", *FAST, "--fresh-within", "1h")
    assert "7 requests" in found.stderr


def test_what_is_doubted_is_asked_for_again(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """Three looks at one bad page are not three runs that came to the same."""
    well = serve(models=240)
    manifests("generate", *FAST)
    ill = serve("empty", models=240, after=well)
    manifests("generate", *FAST)
    asked = sum(ill.requests.values())
    manifests("generate", *FAST, "--fresh-within", "1h")
    assert told("civitai:filter/all")["state"] == "quarantined"
    assert sum(ill.requests.values()) == 2 * asked


def test_without_the_cache_nothing_is_kept_or_looked_up(
    manifests: RunsCommand, serve: Serves, tmp_path: Path
) -> None:
    """With --no-cache a run neither leaves pages nor takes any, young as they may be."""
    upstream = serve(models=240)
    manifests("generate", *FAST, "--no-cache")
    database = open_database(tmp_path / "state", now=NOON).database
    assert database.execute("DELETE FROM pages") == 0
    database.close()
    manifests("generate", *FAST)
    found = manifests("generate", *FAST, "--no-cache", "--fresh-within", "1h")
    assert "7 requests" in found.stderr
    assert sum(upstream.requests.values()) == 21


# Others at the same time


def test_a_second_run_says_who_is_first(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, out: Path
) -> None:
    """One that may wait does so and then finds all as the first one left it."""
    serve("huggingface=slow:60s", models=240)
    only = ("--source", "civitai", *FAST)
    with started("generate", *FAST, "-vv") as first:
        wait_for(first, "200 ")
        second = manifests("generate", *only)
        assert second.returncode == 1
        who = f"{out}/ is being written by process {first.pid} on "
        assert second.stderr.splitlines()[-2].startswith(f"error: {who}")
        assert second.stderr.splitlines()[-2].endswith(" UTC (manifests generate)")
        assert (
            second.stderr.splitlines()[-1] == "next: wait for it, or give it time with --wait 10m"
        )
        assert files() == {}
        with started("generate", *only, "--wait", "1m") as third:
            assert wait_for(third, who).endswith("; waiting for it\n")
            first.send_signal(signal.SIGINT)
            told = rest_of(third)
            # Each says its last a little before it ends.
            assert (third.wait(), first.wait()) == (0, 130)
    assert "5 of 5 manifests stand" in told


def test_a_dry_run_waits_for_nobody(manifests: RunsCommand, serve: Serves) -> None:
    """Whoever writes nothing is in nobody's way."""
    serve("huggingface=slow:60s", models=240)
    with started("generate", *FAST, "-vv") as first:
        wait_for(first, "200 ")
        found = manifests("generate", "--source", "civitai", *FAST, "--dry-run")
    assert found.returncode == 0


def test_a_killed_run_blocks_nobody(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """Its lock ends with it, whatever it has left in the folder."""
    well = serve("huggingface=slow:60s", models=240)
    with started("generate", *FAST, "-vv") as first:
        wait_for(first, "200 ")
        first.kill()
        first.wait()
    assert (out / ".manifests.holder").exists()
    serve(models=240, after=well)
    found = manifests("generate", *FAST)
    assert found.returncode == 0
    assert "resumes run " in found.stderr


# A memory or a disk that fails


def test_a_broken_history_is_set_aside(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, tmp_path: Path
) -> None:
    """It costs what it knew: the run goes on, and says where the old one is."""
    serve(models=240)
    manifests("generate", *FAST)
    before = files()
    (tmp_path / "state" / DATABASE_FILE).write_bytes(b"garbage" * 5000)
    found = manifests("generate", *FAST)
    assert found.returncode == 0
    assert "is broken" in found.stderr
    (aside,) = (tmp_path / "state").glob("*.broken-*")
    assert f"it was set aside as {aside.name}, and a new one begins" in found.stderr
    assert files() == before
    assert len(orjson.loads(manifests("runs", "--json").stdout)) == 1


def test_a_memory_that_can_not_be_kept_is_told(
    manifests: RunsCommand, serve: Serves, tmp_path: Path
) -> None:
    """A file in the place of the state folder costs the memory, and nothing else."""
    serve(models=240)
    (tmp_path / "state").write_text("mine")
    found = manifests("generate", *FAST)
    assert found.returncode == 0
    assert "nothing is remembered beyond this run; make " in found.stderr
    assert (tmp_path / "state").read_text() == "mine"


@pytest.mark.parametrize("how", ["garbage", "table", "removed"])
def test_a_memory_that_fails_in_the_middle_costs_no_run(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, tmp_path: Path, how: str
) -> None:
    """Whatever becomes of the database while a run reads, it is published, as is the next one."""
    serve("latency:30ms", models=240)
    state = tmp_path / "state"
    with started("generate", "--fixed", "1/0ms", "-vv") as process:
        wait_for(process, "200 ")
        if how == "garbage":
            (state / DATABASE_FILE).write_bytes(b"garbage" * 5000)
        elif how == "removed":
            state.rename(tmp_path / "elsewhere")
        else:
            database = open_database(state, now=datetime.now(UTC)).database
            database.execute("DROP TABLE pages")
            database.close()
        told = rest_of(process)
    assert process.returncode == 0, told
    assert "8 of 8 manifests stand" in told
    assert len(files()) == 13
    assert how != "table" or told.count("pages are neither kept nor looked up any more") == 2
    again = manifests("generate", *FAST)
    assert (again.returncode, "8 unchanged" in again.stderr) == (0, True)


@pytest.mark.parametrize("how", ["full", "folder"])
def test_a_disk_that_refuses_keeps_the_old_set(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, tmp_path: Path, how: str
) -> None:
    """A disk without room, or a folder that is none, is one clear message and exit code 1."""
    upstream = serve(models=240)
    if how == "folder":
        (tmp_path / "file").write_text("mine")
        found = manifests("generate", *FAST, "--out", tmp_path / "file" / "out")
        assert (found.returncode, sum(upstream.requests.values())) == (1, 0)
        assert "can't be listed: Not a directory\nnext: make " in found.stderr
        return
    manifests("generate", *FAST)
    before = files()
    serve(models=300)
    with started("generate", *FAST, limit=40_000) as process:
        told = rest_of(process)
    assert process.returncode == 1
    assert "not every file could be written: " in told
    assert "File too large" in told
    assert "next: raise the limit on the size of files" in told
    assert files() == before
    assert manifests("generate", *FAST).returncode == 0
    assert files() != before


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("index.json", b"{"),
        ("index.json", b'{"schema": 1, "generation": "lies", "files": []}'),
        ("civitai-filter-all.json", b'{"schema": 1, "sou'),
        ("civitai-models.json", b""),
    ],
)
def test_a_damaged_file_is_named_and_made_again(
    manifests: RunsCommand,
    serve: Serves,
    files: ReadsFiles,
    out: Path,
    *,
    name: str,
    data: bytes,
) -> None:
    """What can't be read counts as absent; afterwards the set is whole."""
    serve(models=240)
    manifests("generate", *FAST)
    before = files()
    (out / name).write_bytes(data)
    found = manifests("generate", *FAST)
    assert found.returncode == 0
    assert files() == before
    assert f"damaged, counted as absent: {name}: " in found.stderr


def test_a_damaged_manifest_of_an_ill_source_is_missing(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus, out: Path
) -> None:
    """What can neither be read nor made again is not called kept."""
    serve(models=240)
    manifests("generate", *FAST)
    (out / "civitai-filter-all.json").write_bytes(b'{"schema": 1, "sou')
    serve("civitai=503", models=240)
    assert manifests("generate", *FAST).returncode == 3
    assert told("civitai:filter/all")["state"] == "missing"
    assert told("civitai:filter/loras")["state"] == "stale"


def test_a_run_is_remembered_whatever_becomes_of_it(
    manifests: RunsCommand, serve: Serves, out: Path, tmp_path: Path
) -> None:
    """Each run but a dry one stands in the history, the last one first."""
    well = serve(models=240)
    manifests("generate", *FAST)
    serve("503", models=240, after=well)
    manifests("generate", *FAST)
    manifests("generate", *FAST, "--dry-run")
    database = open_database(tmp_path / "state", now=NOON).database
    runs = History(database, out=out).runs()
    database.close()
    assert [(dict(each.states), each.requests) for each in runs] == [
        ({"stale": 8}, 8),
        ({"fresh": 8}, 7),
    ]


def test_the_history_knows_whose_a_set_without_status_is(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch, out: Path
) -> None:
    """A set made from this machine takes no real models, though its status.json is lost."""
    serve(models=60)
    assert manifests("generate", *FAST).returncode == 0
    (out / "status.json").write_text('{"schema":', encoding="utf-8")
    before = {path.name: path.read_bytes() for path in out.glob("*.json")}
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "https://upstream.invalid")
    refused = manifests("generate", *FAST)
    assert refused.returncode == 2
    assert "holds a catalogue made from http://127.0.0.1" in refused.stderr
    assert "next: add --sandbox, or set CIVITAI_ENDPOINT=http://127.0.0.1:" in refused.stderr
    assert {path.name: path.read_bytes() for path in out.glob("*.json")} == before


def test_without_any_history_a_real_run_mends_what_was_lost(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where nothing tells who was asked before, a real run goes on; here it finds nobody there."""
    serve(models=60)
    assert manifests("generate", *FAST).returncode == 0
    (tmp_path / "out" / "status.json").unlink()
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "https://upstream.invalid")
    ended = manifests("generate", *FAST, "--deadline", "5s", "--state", tmp_path / "another")
    assert ended.returncode == 1
    assert "holds a catalogue" not in ended.stderr


def counts_in(state: Path, out: Path) -> Mapping[Key, tuple[int, ...]]:
    """Return how many models each filter is remembered to have had."""
    with open_memory(state, out=out, clock=Clock(), reporter=silent) as memory:
        return memory.recall().counts


@pytest.mark.parametrize("command", [("generate",), ("test-filter", "hf:mit", "--publish")])
def test_a_rehearsal_teaches_no_real_run(
    manifests: RunsCommand,
    serve: Serves,
    monkeypatch: pytest.MonkeyPatch,
    out: Path,
    command: tuple[str, ...],
) -> None:
    """A set that is emptied after runs of the sandbox is not judged by how much that listed."""
    serve(models=60)
    assert manifests("generate", *FAST).returncode == 0
    assert counts_in(out.parent / "state", out)
    for path in out.glob("*.json"):
        path.unlink()
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "https://upstream.invalid")
    assert manifests(*command, *FAST, "--deadline", "500ms").returncode == 1
    assert counts_in(out.parent / "state", out) == {}


def test_quiet_tells_of_a_lost_history(
    manifests: RunsCommand, serve: Serves, tmp_path: Path
) -> None:
    """`--quiet` hides progress, never that the history was broken and set aside."""
    serve(models=60)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / DATABASE_FILE).write_bytes(b"no database")
    ended = manifests("generate", "--quiet", *FAST)
    assert ended.returncode == 0
    assert "it was set aside as" in ended.stderr
    assert "asked anonymously" not in ended.stderr
