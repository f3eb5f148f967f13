"""Each format is made of a story alone: the same bytes each time, harmless whatever they hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import PurePath
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from manifests.errors import ErrorCode, SettingsError
from manifests.report.formats import FORMATS, format_named, format_of
from manifests.report.story import PastRun, tell
from manifests.results import (
    Changes,
    DroppedRecord,
    Environment,
    Failure,
    Funnel,
    ModelChanges,
    Outcome,
    PlanRecord,
    QueryRecord,
    RuleCount,
    RunRecord,
    State,
)
from manifests.store.database import open_database
from manifests.store.history import History
from manifests.store.snapshots import Snapshot
from manifests.traffic import Attempt, HostNote, HostRecord

if TYPE_CHECKING:
    from pathlib import Path

    from tests.report.conftest import MakesRun

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
PAST = PastRun(
    run="20260731T120000Z-0000",
    started="2026-07-31T12:00:00Z",
    seconds=10,
    ended_by="completion",
    states={State.FRESH: 3},
    requests=5,
)
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "end of script": "</script><img src=x onerror=alert(1)>",
    "CDATA": "]]>",
    "pipe": "a|b",
    "quotes": "\"'`",
    "newline": "one\n## two\r\n::error::three",
    "bidi": "abc\u202ecba\u2066\u200f",
    "escape": "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07",
    "control": "a\x00b\x08c\x7fd\x9b",
    "mention": "@everyone #1 https://evil.example",
    "beyond the plane": "\U0001f468\u200d\U0001f469 \ufffe\uffff",
}
FOR_PROGRAMS = {"json", "jsonl"}
"""Their readers get back what was there, escaped as JSON has it."""
TYPOGRAPHY = {"code": 1000}
"""Text may be set as code in one way or another."""
MARKDOWN = MarkdownIt("commonmark").enable("table")
each_format = pytest.mark.parametrize("name", FORMATS)


def hostile_run(text: str) -> RunRecord:
    """Return a run whose every text is *text*."""
    failure = Failure(code=ErrorCode.API_ERROR, cause=text, next_step=text)
    outcome = Outcome(
        source=text,
        filter=text,
        state=State.STALE,
        label=text,
        facets=((text, text),),
        accepted=text,
        funnel=Funnel(fetched=1, kept=0, dropped=(RuleCount(rule=text, field=text, dropped=1),)),
        failure=failure,
    )
    attempt = Attempt(number=1, url=text, started=0, seconds=1, cause=text)
    query = QueryRecord(
        source=text,
        parameters=((text, text),),
        filters=(text,),
        examples={text: (text,)},
        dropped=(DroppedRecord(record=text, reason=text),),
        attempts=(attempt,),
        failure=failure,
    )
    host = HostRecord(
        source=text,
        requests=1,
        refused=0,
        abandoned=0,
        most_in_flight=1,
        most_parked=0,
        openings=1,
        circuit="open",
        window=1,
        notes=(HostNote(at=0, kind="open", seconds=1, why=text),),
    )
    models = ModelChanges(added=1, removed=1, examples_added=(text,), examples_removed=(text,))
    return RunRecord(
        run=text,
        started="2026-08-01T12:00:00Z",
        seconds=1,
        resumes=text,
        environment=Environment(
            tool=text,
            python=text,
            platform=text,
            auth={text: "anonymous"},
            endpoints={text: text},
        ),
        plan=PlanRecord(filters=1, queries=1, out=text, flags=text),
        changes=Changes(
            since=text, newly_failing=(text,), newly_fixed=(text,), models={text: models}
        ),
        outcomes=(outcome, outcome.model_copy(update={"state": State.FRESH, "failure": None})),
        queries=(query,),
        hosts=(host,),
        written=(text,),
        unlisted=(text,),
        damaged=(text,),
        orphans=(text,),
        refusal=failure,
    )


def invisible(data: bytes, *, but: str = "\n") -> set[str]:
    """Return the characters that do something without being seen."""
    return {letter for letter in data.decode() if not letter.isprintable()} - set(but)


class Reader(HTMLParser):
    """Counts the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count one, and what it might run."""
        self.found[tag] += 1
        self.found.update(name for name, _ in attrs if name.startswith("on"))


def elements(name: str, data: bytes) -> Counter[str]:
    """Return the elements that a reader of a format finds."""
    if name == "junit":
        return Counter(each.tag for each in ET.fromstring(data).iter())  # noqa: S314 - our own
    text = data.decode()
    reader = Reader()
    reader.feed(MARKDOWN.render(text) if name == "markdown" else text)
    return reader.found


@each_format
def test_each_format_is_the_same_from_history_and_from_a_file(
    eventful: RunRecord, name: str, tmp_path: Path
) -> None:
    """A run tells the same from the database, from its JSON, and when it has just ended."""
    database = open_database(tmp_path, now=NOON).database
    history = History(database, out=tmp_path / "out")
    history.finish(eventful, Snapshot(), now=NOON)
    stored = history.record(eventful.run)
    database.close()
    assert stored is not None
    file = FORMATS["json"].render(tell(eventful))
    records = [eventful, stored, RunRecord.model_validate_json(file)]
    stories = [tell(each, past=[PAST]) for each in records]
    rendered = {FORMATS[name].render(story) for story in [*stories, *stories]}
    assert len(rendered) == 1
    assert rendered.pop().endswith(b"\n")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@each_format
def test_hostile_text_is_harmless(name: str, text: str) -> None:
    """Nothing that acts without being seen is left; for programs it is escaped as JSON has it."""
    letters = invisible(FORMATS[name].render(tell(hostile_run(text))))
    assert not {letter for letter in letters if letter < " "}
    assert letters == set() or name in FOR_PROGRAMS


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["html", "junit", "markdown"])
def test_hostile_text_makes_no_elements(name: str, text: str) -> None:
    """Once it is read, a page, a suite or a summary has the elements of a harmless run, no more."""
    found, harmless = (
        elements(name, FORMATS[name].render(tell(hostile_run(each)))) for each in (text, "any")
    )
    assert found - Counter(TYPOGRAPHY) == harmless - Counter(TYPOGRAPHY)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_one_annotation(text: str) -> None:
    """The run has one kind of failure, so there is one command, and one line of it."""
    (line,) = FORMATS["github"].render(tell(hostile_run(text))).decode().splitlines()
    assert re.fullmatch(r"::error title=[^:,]*::.*", line)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_keeps_what_was_there(text: str) -> None:
    """The record is the truth, hostile names included: it reads back as it was."""
    story = tell(hostile_run(text))
    assert RunRecord.model_validate_json(FORMATS["json"].render(story)) == story.record


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("run.json", "json"),
        ("run.JSON", "json"),
        ("a.b/run.md", "markdown"),
        ("run.xml", "junit"),
        ("run", "json"),
        ("run.2026.prom", "prometheus"),
        ("run.jsonl", "jsonl"),
    ],
)
def test_the_suffix_chooses(file: str, name: str) -> None:
    """A file says by its name what it is to hold; one that says nothing is the record."""
    assert format_of(PurePath(file)).name == name


def test_an_unknown_suffix() -> None:
    """What can't be guessed is refused with all suffixes, each once, and with the way out."""
    with pytest.raises(SettingsError) as refused:
        format_of(PurePath("run.pdf"))
    assert refused.value.cause == "run.pdf: its suffix stands for no format"
    words = refused.value.next_step.split(", ")
    assert {"use one of .json", ".md", ".xml", ".txt"} <= set(words)
    assert len(words) == len(set(words))
    assert refused.value.next_step.endswith(", or --format")


@pytest.mark.parametrize(("name", "hint"), [("junitt", "; did you mean 'junit'?"), ("", "")])
def test_an_unknown_format(name: str, hint: str) -> None:
    """A misspelt name is refused with the nearest one, and with all that there are."""
    with pytest.raises(SettingsError) as refused:
        format_named(name)
    assert refused.value.cause == f"no format {name!r}{hint}"
    assert refused.value.next_step.startswith("the formats are: terminal, json, markdown, ")


def test_a_run_of_nothing(make_run: MakesRun) -> None:
    """A run without filters, listings and hosts is told in every format."""
    for each in FORMATS.values():
        assert b"\x00" not in each.render(tell(make_run()))


def test_the_record_is_the_record(eventful: RunRecord) -> None:
    """JSON is the canonical form of the record, under its published names."""
    data = FORMATS["json"].render(tell(eventful))
    value = json.loads(data)
    assert value["schema"] == 1
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    assert data.decode() == f"{text}\n"
