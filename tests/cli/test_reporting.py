"""Reports of a run, written as it ends or made later: whole files, equal bytes, where CI looks."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from jsonschema import Draft202012Validator

from manifests.cli.past import past_runs
from manifests.cli.reporting import (
    parse_reports,
    read_record,
    stored_story,
    tell_github,
    write_whole,
)
from manifests.cli.schemas import schema_bytes
from manifests.errors import SettingsError, StoreError
from manifests.report.exits import ExitCode
from manifests.report.formats import FORMATS
from manifests.report.story import tell
from manifests.results import State
from manifests.store.database import open_database

if TYPE_CHECKING:
    from tests.cli.conftest import (
        Days,
        MakesOutcome,
        MakesRecord,
        RunsCommand,
        Screen,
        Serves,
    )

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
FAST = ("--max-concurrency", "8", "--attempts", "2", "--no-cache", "-q")
FEW = ("--only", "x/week/sd21", "--only", "hf:likes/small/mit")
BEFORE_PLANS = {
    "schema": 1,
    "run": "20250801T120000Z-0000",
    "started": "2025-08-01T12:00:00Z",
    "seconds": 3.5,
    "environment": {
        "tool": "0.1.0",
        "python": "3.11.9",
        "platform": "Linux",
        "auth": {"civitai": "anonymous"},
        "endpoints": {"civitai": "https://civitai.example"},
    },
    "outcomes": [{"source": "civitai", "filter": "filter/x", "state": "fresh", "count": 3}],
    "queries": [{"source": "civitai", "parameters": [["sort", "Newest"]], "filters": ["filter/x"]}],
    "hosts": [
        {
            "source": "civitai",
            "requests": 1,
            "refused": 0,
            "abandoned": 0,
            "window": 4,
            "most_in_flight": 1,
            "most_parked": 0,
            "openings": 0,
            "circuit": "closed",
        }
    ],
}
"""A record as it was before there were plan, totals, changes, samples and notes."""


@pytest.fixture(autouse=True)
def _not_in_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is told to the CI system that runs these tests."""
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_of_a_stored_run(manifests: RunsCommand, days: Days, name: str) -> None:
    """A run tells the same from the history, from its record's file, to stdout and to a file."""
    assert days.first
    told = manifests("report", days.first, "--format", name)
    assert told.returncode == 0
    assert manifests("report", days.first[:-2], "--format", name).stdout == told.stdout
    file = Path(f"{name}.out")
    written = manifests("report", days.first, "--format", name, "-o", file)
    assert (written.returncode, written.stdout) == (0, "")
    assert file.read_text(encoding="utf-8") == told.stdout
    manifests("report", days.first, "--out-file", "record.json")
    assert manifests("report", "record.json", "--format", name).stdout == told.stdout


def test_the_latest_run_for_a_person(manifests: RunsCommand, days: Days) -> None:
    """Without arguments the last run is summed up, as `runs show` does."""
    told = manifests("report")
    assert told.stdout.startswith(f"run {days.second}, manifests ")
    assert told.stdout == manifests("runs", "show").stdout
    manifests("report", "-o", "run.txt")
    assert Path("run.txt").read_text(encoding="utf-8").split() == told.stdout.split()


def test_a_run_is_judged_as_it_was_then(manifests: RunsCommand, days: Days) -> None:
    """The verdict of a run that failed stays what it was, with the flags of its command."""
    told = manifests("report", days.bad)
    assert "exit code 3" in told.stdout
    assert f"--out {days.folder / 'out'}" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch"], "'nosuch' means 0 runs"),
        (["2"], "means 3 runs"),
        (["latest", "--format", "junitt"], "no format 'junitt'; did you mean 'junit'?"),
        (["latest", "-o", "run.pdf"], "run.pdf: its suffix stands for no format"),
        (["latest", "-o", "no/such/run.md"], "no/such/run.md: no file can be written there"),
        (["gone.json"], "gone.json: No such file or directory"),
        (["broken.json"], "broken.json holds no run record: Invalid JSON"),
        (["other.json"], "other.json holds no run record: run: Field required"),
    ],
)
def test_what_cannot_be_told(
    manifests: RunsCommand, days: Days, arguments: list[str], says: str
) -> None:
    """A run, file or format that there is not is refused with exit code 2, by its name."""
    (days.folder / "broken.json").write_text("{", encoding="utf-8")
    (days.folder / "other.json").write_text("{}", encoding="utf-8")
    found = manifests("report", *arguments)
    assert found.returncode == 2
    assert says in found.stderr
    assert "next: " in found.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds", "1e300"),
        ("seconds", "Infinity"),
        ("seconds", "NaN"),
        ("outcomes", '[{"source":"a","filter":"b","state":"fresh","count":9999999999999999}]'),
        ("started", '"9999-12-31T23:59:59Z"'),
    ],
)
def test_a_record_that_no_run_made(tmp_path: Path, field: str, value: str) -> None:
    """Numbers and times beyond those of any run are refused before a format stumbles over them."""
    made = orjson.dumps({**BEFORE_PLANS, field: "@"}).replace(b'"@"', value.encode())
    (tmp_path / "odd.json").write_bytes(made)
    with pytest.raises(SettingsError, match="holds no run record"):
        read_record(tmp_path / "odd.json")


def test_a_file_needs_no_history(manifests: RunsCommand, tmp_path: Path) -> None:
    """A record from elsewhere is told where nothing was ever run; one of an older version too."""
    (tmp_path / "old.json").write_bytes(orjson.dumps(BEFORE_PLANS))
    record = read_record(tmp_path / "old.json")
    assert (record.plan, record.totals, record.changes) == (None, None, None)
    for name in FORMATS:
        assert manifests("report", "old.json", "--format", name).returncode == 0
    assert manifests("report", "old.json").stdout.startswith("run 20250801T120000Z-0000")


def test_reports_of_a_run(manifests: RunsCommand, serve: Serves) -> None:
    """Each --report is written in the format of its suffix, and is what `report` tells later."""
    serve()
    files = ["run.json", "run.md", "run.xml", "run.prom", "run.jsonl", "run.html", "run.txt"]
    options = [option for file in files for option in ("--report", file)]
    assert manifests("generate", *FAST, *FEW, *options).returncode == 0
    for file, name in zip(
        files, ["json", "markdown", "junit", "prometheus", "jsonl"], strict=False
    ):
        assert (
            Path(file).read_text(encoding="utf-8") == manifests("report", "--format", name).stdout
        )
    assert Path("run.html").read_bytes().startswith(b"<!doctype html>")
    assert "2 of 2 manifests stand in" in Path("run.txt").read_text(encoding="utf-8")


def test_a_real_record_keeps_its_schema(manifests: RunsCommand, serve: Serves) -> None:
    """What a run with failures wrote is valid under `manifests schema run`, with all its parts."""
    serve()
    manifests("generate", *FAST, *FEW)
    serve("civitai=503,429:20%")
    found = manifests("generate", *FAST, *FEW, "--report", "run.json")
    assert found.returncode == 3
    record = orjson.loads(Path("run.json").read_bytes())
    schema = orjson.loads(schema_bytes("run"))
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [each.message for each in checker.iter_errors(record)] == []
    assert record["plan"]["filters"] == 2
    assert record["plan"]["expected_requests"] >= 2
    assert record["totals"]["states"] == {"stale": 1, "unchanged": 1}
    assert record["changes"]["newly_failing"] == ["civitai:filter/x/week/sd21"]
    stale = next(each for each in record["outcomes"] if each["state"] == "stale")
    assert stale["last_success"] is not None
    assert stale["facets"][:2] == [["nsfw", "x"], ["period", "week"]]
    assert all(host["samples"] for host in record["hosts"])


def test_the_record_does_not_grow_with_bodies(manifests: RunsCommand, serve: Serves) -> None:
    """Ten times the models are more bytes to fetch, but the same record but for some figures."""
    sizes, fetched = [], []
    for models in (300, 3000):
        serve(models=models)
        options = ("--out", f"out-{models}", "--fixed", "1/0ms", "--only", "hf:likes/small/mit")
        manifests("generate", *options, "-q", "--report", "run.json")
        record = orjson.loads(Path("run.json").read_bytes())
        attempts = [len(each.pop("attempts")) for each in record["queries"]]
        sizes.append(len(orjson.dumps(record)) - sum(attempts))
        fetched.append(record["totals"]["bytes"])
    assert fetched[1] > 2 * fetched[0]
    assert sizes[1] < sizes[0] + 600


@pytest.mark.parametrize(
    ("simulate", "options", "code"),
    [
        ("", (), 0),
        ("reset", (), 1),
        ("civitai=404", (), 3),
        ("civitai=slow:60s", ("--deadline", "1s"), 3),
    ],
)
def test_there_is_a_record_whatever_the_exit_code(
    manifests: RunsCommand, serve: Serves, simulate: str, options: tuple[str, ...], code: int
) -> None:
    """A run that failed is the one that somebody wants to read about."""
    serve(simulate)
    found = manifests("generate", *FAST, *FEW, *options, "--report", "run.json")
    assert found.returncode == code
    record = read_record(Path("run.json"))
    assert tell(record).exit_code.value == code
    assert record.totals is not None


def test_a_disk_that_refuses_the_set_leaves_a_record(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """Where nothing could be published, the report says so all the same."""
    serve()
    (out / "status.json").mkdir(parents=True)
    found = manifests("generate", *FAST, *FEW, "--report", "run.json")
    assert found.returncode == 1
    record = read_record(Path("run.json"))
    assert record.refusal is not None
    assert tell(record).exit_code is ExitCode.NOTHING_MADE


def test_without_a_run_there_is_no_report(manifests: RunsCommand, serve: Serves) -> None:
    """When nothing was sent the old report stays, and that it is old is said."""
    upstream = serve()
    Path("run.json").write_text("old", encoding="utf-8")
    found = manifests("generate", *FAST, "--only", "nosuch", "--report", "run.json")
    assert found.returncode == 2
    assert "no run was made, so that --report wrote nothing" in found.stderr
    assert Path("run.json").read_text(encoding="utf-8") == "old"
    assert sum(upstream.requests.values()) == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--report", "run.pdf"), "run.pdf: its suffix stands for no format"),
        (("--report", "no/run.md"), "--report no/run.md: no file can be written there"),
        (("--report", "."), "--report .: that is a folder"),
        (("--report", "a", "--format", "htm"), "no format 'htm'; did you mean 'html'?"),
    ],
)
def test_a_report_that_cannot_be_is_refused_first(
    manifests: RunsCommand, serve: Serves, options: tuple[str, ...], says: str
) -> None:
    """Nothing is sent for a run whose reports would be lost."""
    upstream = serve()
    found = manifests("generate", *FAST, *FEW, *options)
    assert found.returncode == 2
    assert says in found.stderr
    assert sum(upstream.requests.values()) == 0


def test_one_format_for_all() -> None:
    """--format goes before the suffixes."""
    found = parse_reports([Path("a.json"), Path("b")], form="junit")
    assert [each.form for each in found] == ["junit", "junit"]
    assert [each.form for each in parse_reports([Path("a.TXT"), Path("b")])] == ["terminal", "json"]


def test_what_ci_is_told(
    manifests: RunsCommand, serve: Serves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In GitHub Actions summary, outputs and annotations come by themselves, behind others."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        (tmp_path / name).write_text("before\n", encoding="utf-8")
        monkeypatch.setenv(name, str(tmp_path / name))
    serve("civitai=404")
    found = manifests("generate", *FAST, *FEW)
    assert found.returncode == 3
    assert found.stdout.startswith("::error title=NOT_FOUND%3A 1 filter of civitai::HTTP 404")
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert summary == "before\n" + manifests("report", "--format", "markdown").stdout
    outputs = (tmp_path / "GITHUB_OUTPUT").read_text(encoding="utf-8")
    assert outputs.startswith("before\nexit_code<<END\n3\nEND\nverdict<<END\n1 of 2 filters failed")


def test_elsewhere_nothing_is_told(
    make_record: MakesRecord,
    make_outcome: MakesOutcome,
    screen: Screen,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without its variables nobody writes for GitHub; other systems also set CI."""
    story = tell(make_record(make_outcome(State.STALE)))
    tell_github(story, {"CI": "true", "GITHUB_ACTIONS": "false"}, screen)
    assert (screen.text, capsys.readouterr().out) == ("", "")


def test_a_summary_that_cannot_be_written(
    make_record: MakesRecord, make_outcome: MakesOutcome, screen: Screen, tmp_path: Path
) -> None:
    """What CI does not get is said, and costs the run nothing."""
    story = tell(make_record(make_outcome(State.FRESH)))
    tell_github(story, {"GITHUB_STEP_SUMMARY": str(tmp_path)}, screen)
    assert screen.text == f"warning: {tmp_path}: Is a directory\n"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The old file is there until the new one is; nothing else is left, and links stay links."""
    target, link = tmp_path / "run.json", tmp_path / "link.json"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with target.open("rb") as reader:
        write_whole(link, b"new")
        assert reader.read() == b"old"
    assert (target.read_bytes(), link.is_symlink()) == (b"new", True)
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "link.json"}


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    """What is no file, such as /dev/stdout, is written to, not replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"new")
    reader.join()
    assert (read, pipe.is_fifo()) == ([b"new"], True)


def test_a_place_that_is_gone(tmp_path: Path) -> None:
    """A folder that vanished while the run went on is named, and nothing is left of the file."""
    with pytest.raises(StoreError, match=r"gone/run.json: No such file") as refused:
        write_whole(tmp_path / "gone" / "run.json", b"new")
    assert refused.value.next_step.startswith("give another FILE to --report")


def test_one_report_that_fails_costs_no_other(manifests: RunsCommand, serve: Serves) -> None:
    """All that can be written is written; then the first that could not is said, with exit 1."""
    serve()
    Path("loop.md").symlink_to("loop.md")
    options = ("--report", "loop.md", "--report", "run.json")
    found = manifests("generate", *FAST, *FEW, *options)
    assert found.returncode == 1
    assert "error: --report loop.md: Too many levels of symbolic links" in found.stderr
    assert read_record(Path("run.json")).requests > 0


def test_a_damaged_history_costs_a_report_its_past_only(
    manifests: RunsCommand, serve: Serves, tmp_path: Path
) -> None:
    """A state folder that can't be used is no reason to lose the report of a run."""
    serve()
    (tmp_path / "state").write_text("mine", encoding="utf-8")
    found = manifests("generate", *FAST, *FEW, "--dry-run", "--report", "run.html")
    assert found.returncode == 0
    assert Path("run.html").stat().st_size > 0


def test_no_run_record(tmp_path: Path) -> None:
    """A file of bytes is no record, whatever they are."""
    (tmp_path / "run.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="holds no run record"):
        read_record(tmp_path / "run.json")


def test_a_run_that_left_no_record(manifests: RunsCommand, tmp_path: Path) -> None:
    """A run of which the history has lost the record is named as such."""
    database = open_database(tmp_path / "state", now=NOON).database
    sql = "INSERT INTO runs (out, run, started, pages_since, ended) VALUES (?, ?, ?, ?, ?)"
    moment = NOON.isoformat()
    database.execute(sql, str(tmp_path / "out"), "a run", moment, moment, moment)
    database.close()
    found = manifests("report", "a run", "--format", "json")
    assert (found.returncode, found.stdout) == (2, "")
    assert "run 'a run' left no record" in found.stderr


def test_the_past_of_a_run(days: Days, tmp_path: Path) -> None:
    """Earlier runs come with their states, newest first; without a history there are none."""
    state, out = days.folder / "state", days.folder / "out"
    past = past_runs(state, out)
    assert [each.run for each in past] == ["killed", days.second, days.first, days.bad]
    assert (past[0].seconds, past[0].ended_by, past[1].ended_by) == (None, None, "completion")
    story = stored_story(days.second, state=state, out=out)
    assert [each.run for each in story.past] == [days.first, days.bad]
    assert story.past[0].states == {State.FRESH: 5, State.UNCHANGED: 3}
    assert past_runs(tmp_path / "nosuch", out) == ()


def test_a_history_that_cannot_be_read_is_no_past(tmp_path: Path, out: Path) -> None:
    """The background of a report is left out where it is damaged."""
    database = open_database(tmp_path / "state", now=NOON).database
    database.execute("DROP TABLE runs")
    database.close()
    assert past_runs(tmp_path / "state", out) == ()
