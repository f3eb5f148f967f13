"""A stored run as an event log: in the order of time, in lines of documented shape."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from manifests.cli.schemas import schema_bytes
from manifests.errors import ErrorCode
from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    HostSampled,
    Noted,
    RunPlanned,
)
from manifests.report.eventlines import EventLine, encode_line, line_of
from manifests.report.jsonl import render
from manifests.report.story import tell
from manifests.results import Failure, RunRecord
from manifests.traffic import Attempt, HostSample

if TYPE_CHECKING:
    from manifests.events import Event

ROOT = Path(__file__).parents[2]
EVENTFUL = ROOT / "tests" / "data" / "eventful-run.json"
HOSTILE = "]]> line\nnext\r\x1b[2J \u202eevil \u2028"
FAILURE = Failure(code=ErrorCode.TIMEOUT, cause=HOSTILE, next_step="try again")
LIVE: list[tuple[Event, dict[str, object]]] = [
    (
        RunPlanned(filters=3, queries=2, run="r"),
        {"event": "run.planned", "run": "r", "filters": 3, "queries": 2},
    ),
    (
        AttemptEnded(
            source="civitai",
            attempt=Attempt(number=2, url="https://u.example", started=1, seconds=0.5, status=200),
        ),
        {
            "event": "attempt.ended",
            "source": "civitai",
            "number": 2,
            "url": "https://u.example",
            "seconds": 0.5,
            "status": 200,
            "bytes": 0,
            "code": None,
            "cause": "",
            "wait": 0,
        },
    ),
    (
        HostHeld(source="civitai", seconds=1.23456, why=HOSTILE),
        {"event": "host.held", "source": "civitai", "seconds": 1.235, "why": HOSTILE},
    ),
    (
        CircuitChanged(source="civitai", circuit="open", seconds=9, why="ill"),
        {
            "event": "circuit.changed",
            "source": "civitai",
            "circuit": "open",
            "seconds": 9,
            "why": "ill",
        },
    ),
    (
        HostSampled(source="civitai", sample=HostSample(at=1, window=2, in_flight=1, waiting=0)),
        {
            "event": "host.sampled",
            "source": "civitai",
            "window": 2,
            "rate": None,
            "in_flight": 1,
            "waiting": 0,
        },
    ),
    (
        FilterSettled(source="civitai", filter="filter/x", failure=FAILURE, keeps_old=True),
        {
            "event": "filter.settled",
            "source": "civitai",
            "filter": "filter/x",
            "failure": {
                "code": "TIMEOUT",
                "cause": HOSTILE,
                "next_step": "try again",
                "status": None,
                "last_code": None,
            },
            "keeps_old": True,
        },
    ),
    (Noted(message=HOSTILE), {"event": "note", "message": HOSTILE}),
]


@pytest.fixture(scope="module")
def record() -> RunRecord:
    """A run in which everything happened."""
    return RunRecord.model_validate_json(EVENTFUL.read_bytes())


@pytest.fixture(scope="module")
def lines(record: RunRecord) -> list[dict[str, object]]:
    """Its event log, line by line."""
    return [json.loads(line) for line in render(tell(record)).splitlines()]


@pytest.mark.parametrize(("event", "fields"), LIVE, ids=lambda each: type(each).__name__)
def test_a_live_line(event: Event, fields: dict[str, object]) -> None:
    """What happens becomes one line of ASCII with time, name and the documented fields."""
    line = line_of(event, at="2026-08-01T12:00:01.500Z", elapsed=1.5)
    assert line is not None
    text = encode_line(line)
    assert text.isascii()
    assert text[:-1].isprintable()
    assert text[-1] == "\n"
    assert json.loads(text) == {"at": "2026-08-01T12:00:01.500Z", "elapsed": 1.5, **fields}


def test_starts_make_no_line() -> None:
    """The start of a request is told by its end, which has the seconds that it took."""
    assert line_of(AttemptStarted(source="civitai"), at="", elapsed=0) is None


def test_every_line_keeps_the_schema(lines: list[dict[str, object]]) -> None:
    """`manifests schema events` describes each line, and is a schema itself."""
    schema = json.loads(schema_bytes("events"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert [list(validator.iter_errors(line)) for line in lines] == [[]] * len(lines)
    assert len(list(validator.iter_errors({**lines[0], "event": "run.nonsense"}))) > 0


def test_lines_are_in_the_order_of_time(lines: list[dict[str, object]]) -> None:
    """A log begins with the plan, goes forward in time, and ends with the end."""
    moments = [line["elapsed"] for line in lines]
    assert moments == sorted(moments, key=lambda each: float(str(each)))
    assert lines[0]["event"] == "run.planned"
    assert lines[0]["at"] == "2026-08-01T12:00:00.000Z"
    assert lines[-1]["event"] == "run.ended"
    assert lines[-1]["at"] == "2026-08-01T12:00:42.500Z"


def test_all_that_the_record_knows_is_told(lines: list[dict[str, object]]) -> None:
    """Requests, pauses, circuits, samples and filters have a line each."""
    assert Counter(str(line["event"]) for line in lines) == {
        "run.planned": 1,
        "attempt.ended": 7,
        "host.sampled": 2,
        "host.held": 2,
        "circuit.changed": 2,
        "filter.settled": 7,
        "filter.judged": 7,
        "run.ended": 1,
    }


@pytest.mark.parametrize(
    ("path", "elapsed", "code", "keeps_old"),
    [
        ("filter/loras", 4.0, None, False),
        ("filter/r", 40.5, "MAX_RETRIES_EXCEEDED", True),
        ("filter/x", 41.25, None, False),
        ("filter/kept", 0, None, False),
    ],
    ids=["answered by another listing", "failed", "quarantined later", "from kept pages"],
)
def test_when_a_filter_was_settled(
    lines: list[dict[str, object]], path: str, elapsed: float, code: str | None, *, keeps_old: bool
) -> None:
    """A filter settles with its listing; what the gate thought later is no failure then."""
    (line,) = (
        each for each in lines if each["event"] == "filter.settled" and each["filter"] == path
    )
    failure = line["failure"]
    assert line["elapsed"] == elapsed
    assert (failure["code"] if isinstance(failure, dict) else None) == code
    assert line["keeps_old"] is keeps_old


def test_the_end_sums_up(lines: list[dict[str, object]]) -> None:
    """The last line has the exit code with its reasons, and the totals."""
    last = lines[-1]
    assert last["exit_code"] == 3
    assert "exit code 3" in str(last["verdict"])
    assert last["states"] == {
        "fresh": 2,
        "unchanged": 2,
        "stale": 1,
        "quarantined": 1,
        "missing": 1,
    }
    assert (last["requests"], last["retries"], last["bytes"]) == (7, 2, 10000)
    assert last["waited"] == 32.0


def test_equal_stories_make_equal_bytes(record: RunRecord) -> None:
    """The log of a run is the same however it was stored, in ASCII, a line each."""
    again = RunRecord.model_validate_json(record.model_dump_json(by_alias=True))
    data = render(tell(again))
    assert data == render(tell(record))
    assert data.isascii()
    assert data.decode().replace("\n", "").isprintable()


def test_names_and_their_page_agree() -> None:
    """docs/events.md explains each event with all its fields, and none that is not there."""
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    told = {
        section.split("`")[1]: set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
        for section in sections
    }
    schema = EventLine.model_json_schema(mode="serialization")
    shapes = [schema["$defs"][each["$ref"].rpartition("/")[2]] for each in schema["oneOf"]]
    common = {"at", "elapsed", "event"}
    assert told == {
        shape["properties"]["event"]["const"]: set(shape["properties"]) - common for shape in shapes
    }
