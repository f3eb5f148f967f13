"""A doubtful answer is held back whatever it looks like, until somebody accepts it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from filelock import FileLock

from manifests.cli.acceptance import candidate
from manifests.cli.consoles import notes_on
from manifests.clock import Clock
from manifests.errors import StoreError
from manifests.events import AttemptStarted, Noted, silent
from manifests.memory import open_memory
from manifests.store.database import open_database
from manifests.store.history import History
from manifests.store.lock import LOCK_FILE
from manifests.store.quarantine import Held, Quarantine

if TYPE_CHECKING:
    from tests.cli.conftest import ReadsFiles, ReadsStatus, RunsCommand, Screen, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")
ALL = ("all", "checkpoints", "loras", "sdxl", "year")
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def states(report: Path) -> dict[str, str]:
    """Return what became of each filter, by source and path."""
    record = orjson.loads(report.read_bytes())
    return {f"{each['source']}:{each['filter']}": each["state"] for each in record["outcomes"]}


@pytest.fixture(autouse=True)
def few(lists: Path) -> Path:
    """The definitions of all runs here."""
    return lists


@pytest.mark.parametrize(
    ("simulate", "models", "rule"),
    [
        ("", 90, "87 of 231 models are left, and at most 50% may go"),
        ("", 160, "civitai as a whole lists 388 models in 5 filters that hold 588"),
        ("empty", 240, "upstream lists no models, 231 are published"),
    ],
    ids=["shrunk", "collapsed", "emptied"],
)
def test_what_lost_too_much_is_not_published(
    manifests: RunsCommand,
    serve: Serves,
    files: ReadsFiles,
    told: ReadsStatus,
    *,
    simulate: str,
    models: int,
    rule: str,
) -> None:
    """Not a byte of the source changes; its status, its summary and the exit code say why."""
    serve(models=240)
    assert manifests("generate", *FAST).returncode == 0
    before = files()
    serve(simulate, models=models)
    found = manifests("generate", *FAST, "--source", "civitai", "--report", "run.json")
    assert found.returncode == 1
    assert set(states(Path("run.json")).values()) == {"quarantined"}
    assert files() == before
    status = told("civitai:filter/all")
    assert (status["state"], status["code"]) == ("quarantined", "QUARANTINED")
    record = orjson.loads(Path("run.json").read_bytes())
    assert rule in record["outcomes"][0]["failure"]["cause"]
    step = record["outcomes"][0]["failure"]["next_step"]
    assert "manifests accept civitai:filter/all" in step
    assert ("manifests accept 'civitai:*'" in step) is ("as a whole" in rule)
    assert "QUARANTINED" in found.stderr


def test_alone_each_filter_of_a_collapsed_source_passes(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """What the source as a whole is doubted for, no single filter of it would be."""
    serve(models=240)
    manifests("generate", *FAST)
    serve(models=160)
    for name in ALL:
        assert manifests("generate", *FAST, "--only", f"civitai:{name}").returncode == 0
        assert told(f"civitai:filter/{name}")["state"] == "fresh"


def test_one_ill_source_holds_nothing_of_the_other_back(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """A source is judged by its own models, and too many failures of one are exit code 3."""
    serve(models=240)
    manifests("generate", *FAST)
    serve("civitai=empty", models=240)
    found = manifests("generate", *FAST)
    assert found.returncode == 3
    assert "5 of civitai's 5 filters failed" in found.stderr
    assert told("civitai:filter/all")["state"] == "quarantined"
    assert told("huggingface:filter/all")["state"] == "fresh"


@pytest.mark.parametrize(
    ("settings", "models", "state"),
    [
        ("allow_empty = true", 90, "fresh"),
        ('max_shrink = "90%"', 90, "fresh"),
        ('max_shrink = "30%"', 160, "quarantined"),
        ("min_count = 156", 160, "quarantined"),
        ("min_count = 155", 160, "fresh"),
        ("", 160, "fresh"),
        ("", 90, "quarantined"),
    ],
)
def test_a_definition_has_the_word_about_its_filter(
    manifests: RunsCommand,
    serve: Serves,
    told: ReadsStatus,
    lists: Path,
    *,
    settings: str,
    models: int,
    state: str,
) -> None:
    """What a definition allows passes, and what it forbids does not, whatever the gate thinks."""
    path = lists / "civitai.toml"
    text = path.read_text(encoding="utf-8") + f'[overrides."filter/all"]\n{settings}\n'
    path.write_text(text, encoding="utf-8")
    serve(models=240)
    manifests("generate", *FAST, "--only", "civitai:all")
    serve(models=models)
    manifests("generate", *FAST, "--only", "civitai:all")
    assert told("civitai:filter/all")["state"] == state


def test_a_filter_that_may_be_empty_is_published_empty(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus, out: Path, lists: Path
) -> None:
    """With allow_empty the last model may go."""
    path = lists / "civitai.toml"
    text = path.read_text(encoding="utf-8") + '[overrides."filter/sdxl"]\nallow_empty = true\n'
    path.write_text(text, encoding="utf-8")
    serve(models=240)
    manifests("generate", *FAST, "--only", "sdxl")
    serve("empty", models=240)
    manifests("generate", *FAST, "--only", "sdxl")
    assert told("civitai:filter/sdxl")["state"] == "fresh"
    assert orjson.loads((out / "civitai-filter-sdxl.json").read_bytes())["count"] == 0


def test_accepted_candidates_are_published_as_they_were_made(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, told: ReadsStatus
) -> None:
    """Without a request, and as old as they are: afterwards all is as if they were believed."""
    serve(models=240)
    manifests("generate", *FAST)
    upstream = serve(models=90)
    manifests("generate", *FAST)
    asked = dict(upstream.requests)
    names = [f"civitai:{name}" for name in ALL]
    found = manifests("accept", *names[:4], "year", "hf:all", "hf:filter/mit", "gguf")
    assert (found.returncode, found.stdout) == (0, "")
    assert "published civitai:filter/all: 87 models" in found.stderr
    assert len(found.stderr.splitlines()) == 8
    assert upstream.requests == asked
    accepted = files()
    manifests("generate", *FAST, "--out", "elsewhere")
    assert accepted == files(Path("elsewhere"))
    status = told("civitai:filter/all")
    assert (status["state"], status["code"], status["stale_since"]) == ("fresh", None, None)
    run = orjson.loads(manifests("runs", "--json").stdout)[0]
    assert str(status["last_success"])[:19] == run["ended"][:19]
    again = manifests("accept", "civitai:all")
    assert (again.returncode, "means 0 quarantined candidates" in again.stderr) == (2, True)


def test_an_accepted_candidate_is_the_new_measure(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """The next run finds it unchanged rather than doubtful once more."""
    serve(models=240)
    manifests("generate", *FAST, "--only", "civitai:all")
    serve(models=90)
    manifests("generate", *FAST, "--only", "civitai:all")
    manifests("accept", "all")
    found = manifests("generate", *FAST, "--only", "civitai:all")
    assert (found.returncode, "1 unchanged" in found.stderr) == (0, True)
    assert told("civitai:filter/all")["state"] == "fresh"


def test_accepting_keeps_the_short_keys(
    manifests: RunsCommand, serve: Serves, out: Path, lists: Path
) -> None:
    """A compact set stays compact when the command is told so, and needs no status.json."""
    del lists
    serve(models=240)
    manifests("generate", *FAST, "--only", "civitai:all", "--style", "compact")
    serve(models=90)
    manifests("generate", *FAST, "--only", "civitai:all", "--style", "compact")
    (out / "status.json").unlink()
    assert manifests("accept", "all", "--style", "compact").returncode == 0
    made = orjson.loads((out / "civitai-filter-all.json").read_bytes())
    assert (made["f"], len(made["ids"])) == ("civitai-filter/all", 87)
    assert not (out / "status.json").exists()


def test_a_name_that_means_no_single_candidate(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles
) -> None:
    """The nearest one is named, and nothing is published, not even what was named rightly."""
    serve(models=240)
    manifests("generate", *FAST)
    serve(models=90)
    manifests("generate", *FAST)
    before = files()
    for name, told in {
        "civitai:filter/al": "did you mean 'civitai:filter/all'?",
        "checkpoint": "means 0 quarantined candidates; did you mean 'checkpoints'?",
        "all": "'all' means 2 quarantined candidates\n",
        "nonsense": "'nonsense' means 0 quarantined candidates\n",
    }.items():
        found = manifests("accept", "civitai:loras", name)
        assert found.returncode == 2
        assert told in found.stderr
        assert "next: see them with: manifests status" in found.stderr
    assert files() == before


def test_a_glob_means_all_that_it_matches(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """What a whole source was doubted for is believed with one word, and nothing else is."""
    serve(models=240)
    manifests("generate", *FAST)
    serve(models=90)
    manifests("generate", *FAST)
    found = manifests("accept", "civitai:*", "all?", "civitai:all")
    assert (found.returncode, "'all?' means 0 quarantined" in found.stderr) == (2, True)
    found = manifests("accept", "civitai:*", "civitai:all")
    assert (found.returncode, len(found.stderr.splitlines())) == (0, len(ALL))
    assert {told(f"civitai:filter/{name}")["state"] for name in ALL} == {"fresh"}
    assert told("huggingface:filter/all")["state"] == "quarantined"


@pytest.mark.parametrize("simulate", ["loop", "503"])
def test_what_is_no_answer_can_not_be_accepted(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, simulate: str
) -> None:
    """A listing that went round, or did not come, leaves no candidate behind."""
    serve(models=240)
    manifests("generate", *FAST)
    before = files()
    serve(simulate, models=240)
    assert manifests("generate", *FAST).returncode == 3 if simulate == "loop" else 1
    assert manifests("accept", "civitai:all").returncode == 2
    assert files()["civitai-filter-all.json"] == before["civitai-filter-all.json"]


def held(state: Path, out: Path, body: bytes, *, source: str = "civitai") -> None:
    """Put something into the quarantine, where a candidate should be."""
    database = open_database(state, now=NOW).database
    key = (source, "filter/all")
    Quarantine(database, out=out).put(key, body, rule="shrunk", run="a run", now=NOW)
    assert History(database, out=out).runs() == ()
    database.close()


@pytest.mark.parametrize("body", [b"", b"garbage", b'{"schema": 1}'])
def test_a_damaged_candidate_is_told(
    manifests: RunsCommand, out: Path, tmp_path: Path, body: bytes
) -> None:
    """What can't be read is not published; the command that makes it again is named."""
    held(tmp_path / "state", out, body)
    found = manifests("accept", "civitai:filter/all")
    assert found.returncode == 1
    assert "error: the candidate held back for civitai:filter/all is damaged" in found.stderr
    assert "next: make it again: manifests generate --only civitai:filter/all" in found.stderr
    assert [path.name for path in out.glob("[!.]*")] == []


def test_a_source_that_is_known_no_more_is_in_nobodys_way(
    manifests: RunsCommand, out: Path, tmp_path: Path
) -> None:
    """What another version held back of a source of its own can't be published by this one."""
    held(tmp_path / "state", out, b"", source="elsewhere")
    held(tmp_path / "state", out, b"")
    for name, told in {"elsewhere:filter/all": "means 0", "filter/all": "is damaged"}.items():
        found = manifests("accept", name)
        assert (told in found.stderr, "Traceback" in found.stderr) == (True, False)


def test_without_a_memory_nothing_is_quarantined(manifests: RunsCommand, out: Path) -> None:
    """Another folder is asked for, and none is made."""
    found = manifests("accept", "civitai:all", "--state", "nowhere")
    assert found.returncode == 2
    assert "error: nothing is quarantined: there is no nowhere/" in found.stderr
    assert not out.exists()
    assert not Path("nowhere").exists()


def test_an_output_that_is_being_written_is_left_alone(
    manifests: RunsCommand, out: Path, tmp_path: Path
) -> None:
    """Whoever accepts is a writer like any other, and waits like one."""
    held(tmp_path / "state", out, b"")
    out.mkdir()
    with FileLock(out / LOCK_FILE):
        found = manifests("accept", "civitai:all")
        waited = manifests("accept", "civitai:all", "--wait", "10ms")
    assert (found.returncode, waited.returncode) == (1, 1)
    assert "is being written by another process\nnext: wait for it" in found.stderr
    assert "another process; waiting for it\nerror: " in waited.stderr


def test_a_candidate_that_went_meanwhile_is_told(tmp_path: Path) -> None:
    """What was there when it was named, and is there no more, is an error of its own."""
    known = Held(source="civitai", filter="filter/a", rule="empty", since=NOW, runs=1, run="a run")
    memory = open_memory(tmp_path, out=tmp_path, clock=Clock(), reporter=silent)
    with memory as opened, pytest.raises(StoreError) as caught:
        candidate(opened, known)
    assert caught.value.cause == "the candidate held back for civitai:filter/a is gone"
    assert caught.value.next_step == "make it again: manifests retry"


def test_only_notes_are_said(screen: Screen) -> None:
    """Whatever else happens is not for whoever accepts."""
    tell = notes_on(screen)
    tell(AttemptStarted(source="civitai"))
    tell(Noted(message="waiting for it"))
    assert screen.text == "waiting for it\n"


def test_a_broken_memory_is_told(manifests: RunsCommand, tmp_path: Path) -> None:
    """A database that is none is set aside, and said to be."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.sqlite3").write_bytes(b"no database" * 1000)
    found = manifests("accept", "civitai:all")
    assert found.returncode == 2
    assert "it was set aside as state.sqlite3.broken-" in found.stderr
    assert "means 0 quarantined candidates" in found.stderr


def test_acceptance_keeps_the_layout(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles
) -> None:
    """What was published in short keys stays so, unless --style says otherwise."""
    serve(models=240)
    run = ("generate", *FAST, "--source", "civitai")
    assert manifests(*run, "--style", "compact").returncode == 0
    serve(models=90)
    assert manifests(*run).returncode == 1
    names = ("civitai:filter/all", "civitai:filter/loras")
    assert manifests("accept", names[0]).returncode == 0
    assert {data[:5] for name, data in files().items() if "-filter-" in name} == {b'{"f":'}
    assert files()["civitai-models.json"].startswith(b'{"m":')
    assert manifests("accept", names[1], "--style", "standard").returncode == 0
    assert b'"schema"' in files()["civitai-filter-loras.json"]
