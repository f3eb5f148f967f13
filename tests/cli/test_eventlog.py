"""With `--log-format json` stderr is an event log: one JSON object a line, whoever writes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer  # noqa: TID251 - what it prints must become a note, too
from jsonschema import Draft202012Validator

from manifests.cli.consoles import people, say
from manifests.cli.eventlog import EventLog, logging_events
from manifests.cli.exits import errors_reported
from manifests.cli.progress import watching
from manifests.cli.schemas import schema_bytes
from manifests.cli.summary import print_end
from manifests.errors import DefinitionError, ErrorCode, StoreError
from manifests.events import FilterSettled, HostHeld, Noted, RunPlanned
from manifests.report.story import tell
from manifests.results import Failure, RunRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Hand, RunsCommand, Serves

    from manifests.events import Event
    from manifests.report.story import Story

EVENTFUL = Path(__file__).parents[1] / "data" / "eventful-run.json"
TOKENS = {"CIVITAI_TOKEN": "5" * 32, "HF_TOKEN": f"hf_{'x' * 34}"}
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
PLANNED = RunPlanned(filters=1, queries=1, run="r")
HELD = HostHeld(source="civitai", seconds=1, why="HTTP 429")
FAILED = FilterSettled(
    source="civitai",
    filter="filter/x",
    failure=Failure(code=ErrorCode.TIMEOUT, cause="no answer", next_step="try again"),
    keeps_old=False,
)


def parsed(text: str) -> list[dict[str, object]]:
    """Return the events in what was printed; each line must be one."""
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


def names(text: str) -> list[object]:
    """Return the names of the events in what was printed."""
    return [line["event"] for line in parsed(text)]


@pytest.fixture
def story() -> Story:
    """The story of a run in which everything happened."""
    return tell(RunRecord.model_validate_json(EVENTFUL.read_bytes()))


@pytest.fixture
def printed() -> list[str]:
    """The lines that a log has written."""
    return []


@pytest.fixture
def log(hand: Hand, printed: list[str]) -> EventLog:
    """A log whose clocks tests move."""
    return EventLog(printed.append, wall=lambda: NOON + timedelta(seconds=hand.now), monotonic=hand)


def test_times_count_from_the_plan(log: EventLog, printed: list[str], hand: Hand) -> None:
    """A line has the time of day, and the seconds since the run began: none before that."""
    for hand.now, event in ((3.0, Noted(message="hello")), (4.0, PLANNED), (5.5004, HELD)):
        log(event)
    assert [(line["at"], line["elapsed"]) for line in parsed("".join(printed))] == [
        ("2026-08-01T12:00:03.000Z", 0),
        ("2026-08-01T12:00:04.000Z", 0),
        ("2026-08-01T12:00:05.500Z", 1.5),
    ]


def test_quiet_leaves_trouble(log: EventLog, printed: list[str], story: Story, hand: Hand) -> None:
    """With -q there are notes, failures and the end, and nothing of what is well."""
    reporter = log.reporter(quiet=True)
    events: list[Event] = [PLANNED, HELD, Noted(message="hello"), FAILED]
    for hand.now, event in enumerate(events):
        reporter(event)
    log.end(story, quiet=True)
    found = parsed("".join(printed))
    assert [line["event"] for line in found] == [
        "note",
        "filter.settled",
        *["filter.judged"] * 3,
        "run.ended",
    ]
    assert [line["elapsed"] for line in found[:2]] == [2, 3]
    assert {line["state"] for line in found if "state" in line} == {
        "stale",
        "quarantined",
        "missing",
    }


def test_the_end_does_not_come_first(
    log: EventLog, printed: list[str], story: Story, hand: Hand
) -> None:
    """The last lines have the time of the log, though a record begins in a whole second."""
    log(PLANNED)
    hand.now = 50
    log.end(story, quiet=False)
    assert {line["at"] for line in parsed("".join(printed[1:]))} == {"2026-08-01T12:00:50.000Z"}
    assert len(printed) == 9


def test_whatever_is_printed_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of others on stderr become notes: whole, without colours, and none is lost."""
    with logging_events():
        typer.secho("warning: \x1b[31mred\x1b[0m", err=True)
        say(people(no_color=False), "yellow [red]", style="bold yellow")
        sys.stderr.write("half, ")
        sys.stderr.write("and half\n\n")
        sys.stderr.write("no end")
    found = capsys.readouterr()
    assert found.out == ""
    messages = [line["message"] for line in parsed(found.err)]
    assert messages[1:] == ["yellow [red]", "half, and half", "no end"]
    assert messages[0] == "warning: red"


def test_colours_are_forced_on_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """FORCE_COLOR does not bring escape sequences into the log."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with logging_events():
        say(people(no_color=False), "bold", style="bold red")
    (line,) = parsed(capsys.readouterr().err)
    assert line["message"] == "bold"


def test_stderr_is_its_own_again(capsys: pytest.CaptureFixture[str]) -> None:
    """After the command stderr is as it was, even when the command was interrupted."""
    before = sys.stderr
    with pytest.raises(SystemExit) as ended, errors_reported(as_events=True):
        raise KeyboardInterrupt
    assert sys.stderr is before
    assert ended.value.code == 130
    (line,) = parsed(capsys.readouterr().err)
    assert (line["event"], line["cause"], line["exit_code"]) == ("error", "interrupted", 130)


@pytest.mark.parametrize(
    ("error", "cause", "code"),
    [
        (DefinitionError(["a is wrong", "b too"], next_step="mend them"), "a is wrong\nb too", 2),
        (StoreError("the disk is full", next_step="mend them"), "the disk is full", 1),
    ],
)
def test_an_error_is_an_event(
    error: Exception, cause: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """An expected error is one line with cause, next step and exit code."""
    with pytest.raises(SystemExit) as ended, errors_reported(as_events=True):
        raise error
    assert ended.value.code == code
    (line,) = parsed(capsys.readouterr().err)
    assert line["event"] == "error"
    assert (line["cause"], line["next_step"], line["exit_code"]) == (cause, "mend them", code)


def test_a_run_is_watched_by_its_log(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """Progress and summary are lines of the log, neither bar nor table."""
    with logging_events():
        console = people(no_color=False)
        with watching(console, quiet=False, verbose=0) as reporter:
            reporter(PLANNED)
        print_end(console, story, quiet=True)
    assert names(capsys.readouterr().err) == [
        "run.planned",
        *["filter.judged"] * 3,
        "run.ended",
    ]


@pytest.mark.parametrize("command", ["generate", "retry"])
def test_the_command_writes_events_only(
    manifests: RunsCommand, serve: Serves, lists: Path, command: str
) -> None:
    """A whole run with retries and failures writes lines that keep the schema, and no others."""
    assert lists.is_dir()
    serve("503:20%,huggingface=404", models=240)
    found = manifests(command, "--log-format", "json", "--no-cache", "-vv")
    lines = parsed(found.stderr)
    validator = Draft202012Validator(json.loads(schema_bytes("events")))
    assert [list(validator.iter_errors(line)) for line in lines] == [[]] * len(lines)
    told = [line["event"] for line in lines]
    assert told.count("filter.settled") == told.count("filter.judged") == 8
    assert told[-1] == "run.ended"
    assert lines[-1]["exit_code"] == found.returncode == 3
    moments = [str(line["at"]) for line in lines]
    assert moments == sorted(moments)
    assert found.stdout == ""


def test_live_and_stored_logs_agree(
    manifests: RunsCommand, serve: Serves, lists: Path, tmp_path: Path
) -> None:
    """The log of the stored run has the same requests, filters and end as the live one."""
    assert lists.is_dir()
    serve(models=240)
    file = tmp_path / "run.jsonl"
    live = parsed(manifests("generate", "--log-format", "json", "--report", file).stderr)
    stored = parsed(file.read_text(encoding="ascii"))
    for name in ("run.planned", "attempt.ended", "filter.settled", "filter.judged", "run.ended"):
        one, other = (
            sorted(
                json.dumps(
                    {key: line[key] for key in line.keys() - {"at", "elapsed"}}, sort_keys=True
                )
                for line in lines
                if line["event"] == name
            )
            for lines in (live, stored)
        )
        assert one == other


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_token_is_told(
    manifests: RunsCommand,
    serve: Serves,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    lists: Path,
    log_format: str,
) -> None:
    """However much is told of requests that fail, no token stands in the log or in a report."""
    assert lists.is_dir()
    for name, token in TOKENS.items():
        monkeypatch.setenv(name, token)
    serve("civitai=401,huggingface=503:50%", models=240)
    reports = [tmp_path / f"run.{suffix}" for suffix in ("prom", "jsonl", "json")]
    options = [each for path in reports for each in ("--report", path)]
    found = manifests("generate", "-vv", "--log-format", log_format, "--attempts", "2", *options)
    written = "".join(path.read_text(encoding="utf-8") for path in reports)
    assert "401" in found.stderr
    assert "AUTH_ERROR" in written
    assert not [token for token in TOKENS.values() if token in found.stderr + written]


def test_wrong_definitions_are_an_event(manifests: RunsCommand, tmp_path: Path) -> None:
    """What is wrong before anything is sent is an event, too."""
    found = manifests("generate", "--log-format", "json", "--filters", tmp_path / "nowhere")
    assert found.returncode == 2
    assert names(found.stderr) == ["error"]


def test_no_log_without_the_option() -> None:
    """The modules of the log are not even loaded for people."""
    script = (
        "import sys, manifests.cli.generate; print('manifests.report.eventlines' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"
