"""A run is summed up by what failed, why, what to type next, and one line of verdict."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from manifests.cli.summary import print_summary
from manifests.errors import ErrorCode
from manifests.report.exits import ExitCode, exit_code
from manifests.report.findings import failure_groups, headline, verdict
from manifests.results import DroppedRecord, Failure, QueryRecord, RunRecord, State
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.cli.conftest import MakesOutcome, MakesRecord, MakesScreen, Screen

    from manifests.stopping import EndedBy

OUT = Path("manifests")
BUSY = Failure(code=ErrorCode.RATE_LIMIT, cause="HTTP 429", next_step="run it later")
HOSTILE = "[red]x[/red] [/] :bomb: \x1b[2J"


def summed_up(screen: Screen, record: RunRecord, *, flags: str = "") -> list[str]:
    """Return the lines of a summary, without those that are empty."""
    code = exit_code(record, max_failed=0.1)
    print_summary(screen, record, code, out=OUT, max_failed=0.1, flags=flags)
    return [line.rstrip() for line in screen.text.splitlines() if line.strip()]


def verdict_of(record: RunRecord, *, max_failed: float = 0.1) -> list[str]:
    """Return the lines of the verdict."""
    code = exit_code(record, max_failed=max_failed)
    return list(verdict(record, code, max_failed=max_failed))


def query(*records: str, requests: int = 0) -> QueryRecord:
    """Return a listing with odd records and so many requests."""
    attempt = Attempt(number=1, url="http://u.example", started=0, seconds=1)
    return QueryRecord(
        source="civitai",
        parameters=(),
        filters=(),
        attempts=(attempt,) * requests,
        dropped=tuple(DroppedRecord(record=each, reason="no name") for each in records),
    )


def test_all_well_is_one_line(
    screen: Screen, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """A good run is one line: how many stand where, how fresh, how many requests, how long."""
    outcomes = [make_outcome(State.FRESH), make_outcome(State.UNCHANGED)]
    record = make_record(*outcomes, queries=(query(requests=3),))
    assert summed_up(screen, record) == [
        "2 of 2 manifests stand in manifests/: 1 new, 1 unchanged — 3 requests in 12 s"
    ]


def test_equal_failures_are_one_group(make_outcome: MakesOutcome, make_record: MakesRecord) -> None:
    """Failures are grouped by source, code and next step, the largest group first."""
    record = make_record(
        make_outcome(State.MISSING, path="filter/r", failure=BUSY),
        make_outcome(State.STALE, path="filter/a"),
        make_outcome(State.FRESH, path="filter/b"),
        make_outcome(State.STALE, path="filter/c"),
        make_outcome(State.STALE, source="huggingface", path="filter/d"),
    )
    groups = failure_groups(record)
    assert [
        (failure.code, [f"{each.source}:{each.filter}" for each in outcomes])
        for failure, outcomes in groups
    ] == [
        ("API_ERROR", ["civitai:filter/a", "civitai:filter/c"]),
        ("API_ERROR", ["huggingface:filter/d"]),
        ("RATE_LIMIT", ["civitai:filter/r"]),
    ]


def test_quarantined_filters_are_one_group(
    make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Their next steps name the filters, and still they are told together."""
    outcomes = [
        make_outcome(
            State.QUARANTINED,
            path=path,
            failure=Failure(
                code=ErrorCode.QUARANTINED,
                cause="it is empty",
                next_step=f"manifests accept civitai:{path}",
            ),
        )
        for path in ("filter/a", "filter/b")
    ]
    groups = failure_groups(make_record(*outcomes))
    assert [(failure.next_step, len(alike)) for failure, alike in groups] == [
        ("manifests accept civitai:filter/a", 2)
    ]


def test_a_group_tells_all(
    screen: Screen, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """A group has code, count, source, cause, next step, and a command that shows one failure."""
    spent = BUSY.model_copy(
        update={"code": ErrorCode.MAX_RETRIES_EXCEEDED, "last_code": ErrorCode.RATE_LIMIT}
    )
    outcomes = [make_outcome(State.STALE, previous=1, failure=spent) for _ in range(12)]
    text = " ".join(" ".join(summed_up(screen, make_record(*outcomes), flags=" --sandbox")).split())
    assert "MAX_RETRIES_EXCEEDED 12 civitai: HTTP 429 (RATE_LIMIT) next: run it later" in text
    assert "manifests test-filter civitai:filter/x --sandbox" in text


def test_a_failure_without_a_cause_is_counted_but_not_grouped(
    make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """An outcome that tells no failure can't be explained, yet it counts."""
    bare = make_outcome(State.STALE, previous=1).model_copy(update={"failure": None})
    record = make_record(bare)
    assert failure_groups(record) == []
    assert "1 kept stale" in headline(record, OUT)


def test_hostile_text_is_harmless(
    screen: Screen, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Upstream's words are printed, neither obeyed as markup nor by the terminal."""
    failure = Failure(code=ErrorCode.API_ERROR, cause=HOSTILE, next_step=HOSTILE)
    record = make_record(
        make_outcome(State.MISSING, failure=failure), queries=(query(HOSTILE),)
    ).model_copy(update={"damaged": (HOSTILE,)})
    text = "\n".join(summed_up(screen, record))
    assert text.count("[red]x[/red] [/] :bomb:") == 4
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("states", "previous", "first", "code"),
    [
        ([State.FRESH] * 20, None, "20 of 20 manifests stand in manifests/: 20 new", 0),
        (
            [State.FRESH] * 19 + [State.STALE],
            5,
            "20 of 20 manifests stand in manifests/: 19 new, 1 kept stale",
            0,
        ),
        (
            [State.FRESH] * 19 + [State.QUARANTINED],
            None,
            "19 of 20 manifests stand in manifests/: 19 new, 1 quarantined",
            3,
        ),
        ([State.MISSING], None, "0 of 1 manifest stands in manifests/: 1 missing", 1),
        ([State.STALE] * 2, 5, "2 of 2 manifests stand in manifests/: 2 kept stale", 1),
    ],
)
def test_headline_agrees_with_the_exit_code(
    states: list[State],
    previous: int | None,
    make_outcome: MakesOutcome,
    make_record: MakesRecord,
    *,
    first: str,
    code: int,
) -> None:
    """The headline counts what stands, and the verdict names the exit code, unless it is 0."""
    record = make_record(*(make_outcome(state, previous=previous) for state in states))
    assert headline(record, OUT).startswith(first)
    assert verdict_of(record)[-1:] == ([f"exit code {code}"] if code else [])


@pytest.mark.parametrize(
    ("failed", "lines"),
    [
        (30, []),
        (31, ["31 of civitai's 300 filters failed; --max-failed allows 10%", "exit code 3"]),
    ],
)
def test_too_many_are_counted(
    failed: int, lines: list[str], make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Just above what is allowed, the verdict gives counts, which no rounding makes equal."""
    states = [State.STALE] * failed + [State.FRESH] * (300 - failed)
    record = make_record(*(make_outcome(state, previous=5) for state in states))
    assert verdict_of(record) == lines


def test_nothing_made_is_said(make_outcome: MakesOutcome, make_record: MakesRecord) -> None:
    """Exit code 1 has a reason even where every failure is allowed."""
    record = make_record(make_outcome(State.STALE, previous=5))
    assert verdict_of(record, max_failed=1) == ["nothing was made", "exit code 1"]


def test_a_refusing_disk_is_told(make_outcome: MakesOutcome, make_record: MakesRecord) -> None:
    """What the disk refused is said with what to do, even where no manifest changed."""
    full = Failure(code=ErrorCode.STORE_ERROR, cause="disk full", next_step="make room")
    record = make_record(make_outcome(State.UNCHANGED)).model_copy(update={"refusal": full})
    assert verdict_of(record) == [
        "not every file could be written: disk full",
        "next: make room",
        "exit code 1",
    ]


@pytest.mark.parametrize(
    ("ended_by", "dry_run", "line"),
    [
        ("deadline", False, "ended early by the deadline; what was complete is published"),
        ("SIGINT", False, "ended early by SIGINT; what was complete is published"),
        ("SIGTERM", True, "ended early by SIGTERM; nothing is published (dry run)"),
    ],
)
def test_an_early_end_is_said(
    ended_by: EndedBy,
    line: str,
    make_outcome: MakesOutcome,
    make_record: MakesRecord,
    *,
    dry_run: bool,
) -> None:
    """A run that was cut short says by what, and what has become of its work."""
    record = make_record(make_outcome(State.FRESH), ended_by=ended_by)
    assert verdict_of(record.model_copy(update={"dry_run": dry_run}))[0] == line


def test_a_dry_run_claims_nothing(make_outcome: MakesOutcome, make_record: MakesRecord) -> None:
    """A dry run says what would stand, not what stands."""
    record = make_record(make_outcome(State.FRESH)).model_copy(update={"dry_run": True})
    wanted = "1 of 1 manifest would stand in manifests/ (dry run): 1 new"
    assert headline(record, OUT).startswith(wanted)


def test_oddities_are_told(
    screen: Screen, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Odd records, files of no filter and damaged files are no failures, but are named."""
    record = make_record(make_outcome(State.FRESH), queries=(query("7", "8"), query("9")))
    files = ("a.json", "b.json", "c.json", "d.json")
    odd = record.model_copy(
        update={
            "unlisted": files,
            "damaged": ("e.json: the file is empty",),
            "orphans": ("civitai:5",),
        }
    )
    assert summed_up(screen, odd)[:4] == [
        "3 odd records of upstream's left out, such as 7: no name",
        "4 published files of no filter any more, left alone: a.json, b.json, c.json, …",
        "1 model of kept manifests without a record in any catalogue, such as civitai:5",
        "damaged, counted as absent: e.json: the file is empty",
    ]


@pytest.mark.parametrize("width", [30, 40, 60])
def test_a_narrow_terminal_gets_a_list(
    make_screen: MakesScreen, make_outcome: MakesOutcome, make_record: MakesRecord, width: int
) -> None:
    """Without room for columns failures stand below each other, and prose breaks between words."""
    spent = BUSY.model_copy(
        update={"code": ErrorCode.MAX_RETRIES_EXCEEDED, "last_code": ErrorCode.RATE_LIMIT}
    )
    screen = make_screen(width, terminal=True)
    record = make_record(make_outcome(State.STALE, previous=1, failure=spent))
    print_summary(screen, record, ExitCode.NOTHING_MADE, out=OUT, max_failed=0.1, flags="")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", screen.text)
    *table, command = plain.partition("filter/x\n")[0].splitlines()
    rest = plain.partition("filter/x\n")[2].splitlines()
    assert command == "see one: manifests test-filter civitai:"
    assert max(len(line) for line in (*table, *rest)) <= width
    text = " ".join(plain.split())
    assert (
        "MAX_RETRIES_EXCEEDED (RATE_LIMIT): 1 filter civitai: HTTP 429 next: run it later" in text
    )
    assert "manifests/: 1 kept stale — 0 requests in 12 s" in text


def test_a_list_of_failures_is_harmless(
    make_screen: MakesScreen, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """On a narrow terminal, too, upstream's words are neither obeyed as markup nor by it."""
    failure = Failure(code=ErrorCode.API_ERROR, cause=HOSTILE, next_step=HOSTILE)
    screen = make_screen(50)
    text = "\n".join(summed_up(screen, make_record(make_outcome(State.MISSING, failure=failure))))
    assert text.count("[red]x[/red] [/] :bomb:") == 2
    assert "\x1b" not in text


def test_a_pipe_gets_whole_lines(
    make_screen: MakesScreen, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Where there is no terminal no line of prose is broken, so that it can be searched for."""
    screen = make_screen(30)
    lines = summed_up(screen, make_record(make_outcome(State.FRESH)))
    assert len(lines) == 1


def test_large_numbers_are_written_alike(
    make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Counts of one sentence have the same commas."""
    outcomes = [make_outcome(State.MISSING)] * 1200
    record = make_record(*outcomes)
    assert headline(record, OUT).startswith(
        "0 of 1,200 manifests stand in manifests/: 1,200 missing"
    )
    assert any("1,200 of civitai's 1,200 filters failed" in line for line in verdict_of(record))
