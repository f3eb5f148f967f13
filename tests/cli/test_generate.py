"""A whole run from the shell: what it publishes, says, reports and leaves alone."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.models import Record
from manifests.store.columns import unpack
from manifests.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import RunsCommand, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")
FEW = ("--only", "x/week/sd21", "--only", "hf:likes/small/mit")
TOKENS = {"CIVITAI_TOKEN": "c1v1ta1s3cr3tc1v1ta1s3cr3t", "HF_TOKEN": "hf_huggings3cr3t"}


def contents(folder: Path) -> dict[str, bytes]:
    """Return name → bytes of all published files but the volatile one."""
    published = (path for path in folder.glob("[!.]*") if path.name != "status.json")
    return {path.name: path.read_bytes() for path in published}


def times(folder: Path) -> dict[str, int]:
    """Return name → when a file was last written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("[!.]*")}


class Packed(Record):
    """Something that the database holds in packed form."""

    data: bytes


def packed(state: Path) -> list[bytes]:
    """Return all records of runs and all pages that a state folder holds."""
    database = open_database(state, now=datetime.now(UTC)).database
    sql = "SELECT record AS data FROM runs UNION ALL SELECT body AS data FROM pages"
    found = [unpack(row.data) for row in database.read(Packed, sql)]
    database.close()
    return found


@pytest.mark.no_cover
def test_everything_from_the_embedded_upstream(manifests: RunsCommand, out: Path) -> None:
    """With --sandbox all 330 manifests are made, and every id of each stands in its catalogue."""
    found = manifests("generate", "--sandbox")
    assert (found.returncode, found.stdout) == (0, "")
    assert f"330 of 330 manifests stand in {out}/: 330 new" in found.stderr
    files = contents(out)
    index = orjson.loads(files.pop("index.json"))["files"]
    assert {each["file"]: each["sha256"] for each in index} == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in files.items()
        if not name.endswith("-stats.json")
    }
    known = {
        name: set(orjson.loads(files[name])["models"])
        for name in ("civitai-models.json", "huggingface-models.json")
    }
    read = [orjson.loads(data) for name, data in files.items() if "-filter-" in name]
    assert len(read) == 330
    assert all(set(each["model_ids"]) <= known[each["models_file"]] for each in read)
    assert set().union(*known.values()) == {id_ for each in read for id_ in each["model_ids"]}
    status = orjson.loads((out / "status.json").read_bytes())
    assert {each["state"] for each in status["filters"].values()} == {"fresh"}


@pytest.mark.no_cover
def test_the_same_answers_give_the_same_bytes(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """A second run writes no file but the status; another folder holds the same bytes."""
    serve(models=500)
    manifests("generate", *FAST)
    before, written = contents(out), times(out)
    again = manifests("generate", *FAST)
    assert "330 unchanged" in again.stderr
    assert contents(out) == before
    after = times(out)
    assert {name for name in after if after[name] != written[name]} == {"status.json"}
    manifests("generate", *FAST, "--out", "elsewhere", "--source", "hf")
    elsewhere = contents(Path("elsewhere"))
    del elsewhere["index.json"]
    assert len(elsewhere) == 33
    assert elsewhere == {name: before[name] for name in elsewhere}


def test_a_run_of_some_filters_keeps_all_others(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """What a run does not ask for stays, also in index and status."""
    serve()
    manifests("generate", *FAST, *FEW)
    before = contents(out)
    found = manifests("generate", *FAST, "--source", "hf", "--only", "likes")
    assert found.returncode == 0
    after = contents(out)
    assert after["civitai-filter-x-week-sd21.json"] == before["civitai-filter-x-week-sd21.json"]
    assert after["civitai-models.json"] == before["civitai-models.json"]
    listed = {each["file"] for each in orjson.loads(after["index.json"])["files"]}
    assert {"hf-filter-likes.json", "hf-filter-likes-small-mit.json"} < listed
    status = orjson.loads((out / "status.json").read_bytes())
    assert set(status["filters"]) == {
        *("civitai:filter/x/week/sd21", "huggingface:filter/likes"),
        "huggingface:filter/likes/small/mit",
    }


def test_a_dry_run_writes_nothing(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """With --dry-run everything is asked for and judged, and nothing is there afterwards."""
    upstream = serve()
    found = manifests("generate", *FAST, *FEW, "--dry-run")
    assert found.returncode == 0
    assert f"2 of 2 manifests would stand in {out}/ (dry run): 2 new" in found.stderr
    assert sum(upstream.requests.values()) >= 2
    assert not out.exists()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that refuses, and that nobody else can take meanwhile."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("broken", ["huggingface=503", "refused"])
def test_one_source_down_costs_the_other_nothing(
    manifests: RunsCommand,
    serve: Serves,
    out: Path,
    silent_port: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    broken: str,
) -> None:
    """The other source is complete, nothing old is lost, and the status says why and since when."""
    only = ("--only", "x/week/*", "--only", "hf:*mit")
    serve()
    assert manifests("generate", *FAST, *only).returncode == 0
    before = contents(out)
    serve("" if broken == "refused" else broken)
    if broken == "refused":
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent_port}")
    found = manifests("generate", *FAST, *only)
    assert found.returncode == 3, found.stderr
    assert "8 of huggingface's 8 filters failed; --max-failed allows 10%" in found.stderr
    assert contents(out) == before
    status = orjson.loads((out / "status.json").read_bytes())
    entry = status["filters"]["huggingface:filter/mit"]
    assert entry["state"] == "stale"
    assert entry["code"] == "MAX_RETRIES_EXCEEDED"
    assert entry["consecutive_failures"] == 1
    assert entry["stale_since"] == status["updated"] >= entry["last_success"]
    assert status["filters"]["civitai:filter/x/week/loras"]["state"] == "fresh"


def test_one_source_down_without_history(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """Where nothing stood before, the ill source's manifests are missing, never empty."""
    serve("civitai=html")
    found = manifests("generate", *FAST, *FEW)
    assert found.returncode == 3
    assert "1 manifest missing: neither made now nor published before" in found.stderr
    assert found.stdout == ""
    assert {path.name for path in out.glob("*-filter-*")} == {"hf-filter-likes-small-mit.json"}
    status = orjson.loads((out / "status.json").read_bytes())
    entry = status["filters"]["civitai:filter/x/week/sd21"]
    assert (entry["state"], entry["last_success"]) == ("missing", None)


def test_the_summary_names_a_command_that_shows_the_failure(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the summary tells to type meets the same definitions, folder and failure."""
    monkeypatch.setenv("COLUMNS", "400")
    serve("404")
    found = manifests("generate", *FAST, "--only", "hf:mit", "--out", "here")
    line = next(line for line in found.stderr.splitlines() if "manifests test-filter" in line)
    command = line[line.index("manifests ") :].split()
    assert command[1:3] == ["test-filter", "huggingface:filter/mit"]
    again = manifests(*command[1:])
    assert again.returncode == 1
    assert "verdict   NOT_FOUND: HTTP 404" in again.stdout


def test_nothing_made(manifests: RunsCommand, serve: Serves) -> None:
    """When every filter fails the run says so and ends with 1, whatever is allowed to fail."""
    serve("reset")
    found = manifests("generate", *FAST, *FEW, "--max-failed", "100%")
    assert found.returncode == 1
    assert "0 of 2 manifests stand" in found.stderr
    assert found.stderr.splitlines()[-2:] == ["nothing was made", "exit code 1"]


def test_the_deadline_publishes_what_is_complete(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """A deadline costs only what was not complete; that has a code of its own."""
    serve("huggingface=slow:60s")
    manifests("generate", *FAST, *FEW[:2], "--dry-run")  # so that a second is more than enough
    found = manifests("generate", *FAST, *FEW, "--deadline", "1s", "--report", "run.json")
    assert found.returncode == 3
    assert "ended early by the deadline; what was complete is published" in found.stderr
    assert "DEADLINE_EXCEEDED" in found.stderr
    assert {path.name for path in out.glob("*-filter-*")} == {"civitai-filter-x-week-sd21.json"}
    record = orjson.loads(Path("run.json").read_bytes())
    assert record["ended_by"] == "deadline"
    states = {each["filter"]: each["state"] for each in record["outcomes"]}
    assert states == {"filter/x/week/sd21": "fresh", "filter/likes/small/mit": "missing"}


def test_the_report_is_the_run_record(manifests: RunsCommand, serve: Serves) -> None:
    """The report holds every outcome and every request, in the canonical form."""
    upstream = serve()
    manifests("generate", *FAST, *FEW, "--report", "run.json", "-q")
    text = Path("run.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert text == json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert record["schema"] == 1
    assert len(record["outcomes"]) == 2
    attempts = [attempt for query in record["queries"] for attempt in query["attempts"]]
    assert len(attempts) == sum(upstream.requests.values())
    assert all(attempt["url"].startswith(upstream.url) for attempt in attempts)


def test_a_report_that_cannot_be_written_costs_only_itself(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """The run is published and summed up first; then the report's failure is said, with exit 1."""
    serve()
    Path("loop").symlink_to("loop")
    found = manifests("generate", *FAST, *FEW, "--report", "loop")
    assert found.returncode == 1
    assert "2 of 2 manifests stand" in found.stderr
    assert "error: --report loop: Too many levels of symbolic links" in found.stderr
    assert len(list(out.glob("*-filter-*"))) == 2


def test_no_folder(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """Where the output folder is a file, nothing is sent, and the folder is named."""
    upstream = serve(models=10)
    out.write_text("mine", encoding="utf-8")
    found = manifests("generate", *FAST, *FEW)
    assert found.returncode == 1
    assert found.stderr.startswith(f"error: {out} can't be listed: Not a directory\nnext: ")
    assert sum(upstream.requests.values()) == 0
    assert out.read_text(encoding="utf-8") == "mine"


def test_a_disk_that_refuses(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """Even where no manifest changed, a file that can't be replaced is told, with exit code 1."""
    serve()
    manifests("generate", *FAST, *FEW)
    before = contents(out)
    (out / "index.json").unlink()
    (out / "index.json").mkdir()
    found = manifests("generate", *FAST, *FEW)
    assert found.returncode == 1
    assert "not every file could be written: " in found.stderr
    (out / "index.json").rmdir()
    assert {**contents(out), "index.json": before["index.json"]} == before


@pytest.mark.parametrize(
    ("option", "lines"), [("-q", 0), ("--quiet", 0), ("--no-color", 2), ("-v", 2), ("-vv", 4)]
)
def test_how_much_is_told(
    manifests: RunsCommand,
    serve: Serves,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    lines: int,
) -> None:
    """With -q a good run says nothing, with -vv each request has a line; data there is none."""
    serve()
    monkeypatch.setenv("CIVITAI_TOKEN", TOKENS["CIVITAI_TOKEN"])
    found = manifests("generate", "--fixed", "1/0ms", *FEW, option)
    assert found.stdout == ""
    told = [line for line in found.stderr.splitlines() if "/2 filters; " not in line]
    assert len(told) == lines


def test_who_asks_anonymously_is_told_once(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that wants a key is named once, not for the sandbox, nor when there is a key."""
    serve()
    advice = "CivitAI is asked anonymously."
    assert manifests("generate", *FAST, *FEW).stderr.count(advice) == 1
    assert advice not in manifests("generate", *FAST, "--only", "hf:mit").stderr
    monkeypatch.setenv("CIVITAI_TOKEN", TOKENS["CIVITAI_TOKEN"])
    assert advice not in manifests("generate", *FAST, *FEW).stderr


def test_a_ci_log_has_colours_but_no_live_frames(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With FORCE_COLOR in CI the log is coloured, and nothing in it redraws itself."""
    serve("404")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("CI", "true")
    log = manifests("generate", *FAST, *FEW).stderr
    assert "\x1b[31m" in log
    assert not any(frame in log for frame in ("\x1b[?25l", "\x1b[2K", "\x1b[1A", "\r"))


@pytest.mark.parametrize(
    "simulate", ["401", "503", "error", "html", "reset", "429:1s"], ids=lambda spec: spec[:3]
)
def test_no_secret_leaves(
    manifests: RunsCommand,
    serve: Serves,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    simulate: str,
) -> None:
    """However upstream fails, no token stands in any output, report or file."""
    for name, token in TOKENS.items():
        monkeypatch.setenv(name, token)
    serve()
    manifests("generate", *FAST, "--only", "hf:mit")
    serve(simulate)
    printed = [
        manifests("generate", *FAST, *FEW, "-vv", "--report", "run.json"),
        manifests("test-filter", "x/week/sd21", *FAST),
        manifests("test-filter", "hf:likes", *FAST, "--json"),
    ]
    assert [each.returncode for each in printed] == [1, 1, 1]
    texts = [(each.stdout + each.stderr).encode() for each in printed]
    texts += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    texts += packed(tmp_path / "state")
    assert len(texts) > 10
    assert [token for token in TOKENS.values() for text in texts if token.encode() in text] == []


def test_compact_files(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """The compact style has the short keys of its readers, and no white space."""
    serve()
    assert manifests("generate", *FAST, *FEW, "--style", "compact").returncode == 0
    text = (out / "hf-filter-likes-small-mit.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert list(manifest) == ["f", "ids", "mf", "s"]
    assert manifest["f"] == "hf-filter/likes/small/mit"
    assert (manifest["mf"], manifest["s"]) == ("huggingface-models.json", "hf")
    assert text == json.dumps(manifest, separators=(",", ":")) + "\n"
    catalogue = orjson.loads((out / "huggingface-models.json").read_bytes())
    assert (catalogue["t"], catalogue["s"]) == (len(catalogue["m"]), "hf")
    assert set(manifest["ids"]) == set(catalogue["m"])
    assert set(catalogue["m"][manifest["ids"][0]]) == {
        *("id", "slug", "name", "author", "description", "downloads", "likes", "tags", "source"),
    }


def test_compact_runs_are_as_careful(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """A second compact run writes nothing but the status, and a failed filter keeps its file."""
    compact = (*FAST, *FEW, "--style", "compact")
    serve()
    manifests("generate", *compact)
    before, written = contents(out), times(out)
    assert "2 unchanged" in manifests("generate", *compact).stderr
    after = times(out)
    assert {name for name in after if after[name] != written[name]} == {"status.json"}
    serve("civitai=error")
    found = manifests("generate", *compact)
    assert "1 unchanged, 1 kept stale" in found.stderr
    assert contents(out) == before


def test_a_catalogue_of_the_sandbox_is_not_mixed_with_a_real_one(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch, out: Path
) -> None:
    """A folder made from made-up models is refused to the real upstreams, before any request."""
    serve()
    manifests("generate", *FAST, *FEW)
    before = contents(out)
    monkeypatch.setenv("CIVITAI_ENDPOINT", "https://civitai.example")
    found = manifests("generate", *FAST, *FEW)
    assert found.returncode == 2
    assert "next: add --sandbox, or set CIVITAI_ENDPOINT=http://127.0.0.1:" in found.stderr
    assert " yours, choose another folder with --out DIR" in found.stderr
    assert contents(out) == before


@pytest.mark.parametrize("flag", ["--out", "--state", "--filters"])
def test_a_folder_without_a_name_is_refused(
    manifests: RunsCommand, tmp_path: Path, flag: str
) -> None:
    """What a shell makes of a variable that is not set does not fill the working folder."""
    before = sorted(tmp_path.iterdir())
    found = manifests("generate", "--sandbox", *FEW, flag, "")
    assert found.returncode == 2
    assert "no folder is named; write . for the working folder" in found.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_path_that_is_no_utf8_is_as_good_as_any(
    manifests: RunsCommand, serve: Serves, tmp_path: Path
) -> None:
    """A run into such a folder, past a foreign file of such a name, is published and remembered."""
    serve(models=50)
    odd = tmp_path / os.fsdecode(b"o\xff")
    odd.mkdir()
    (odd / os.fsdecode(b"hf-filter-\xfe.json")).touch()
    folders = ("--out", str(odd), "--state", str(odd / "state"))
    report = odd / "run.json"
    found = manifests("generate", *FEW, *FAST, *folders, "--report", str(report))
    assert found.returncode == 0, found.stderr
    assert json.loads(report.read_bytes())["damaged"] == [
        "hf-filter-\\udcfe.json: the file is empty"
    ]
    assert "2 fresh" in manifests("runs", "--state", str(odd / "state"), "--out", str(odd)).stdout
