"""The summary of a job says what matters first, names what to type, and never grows too large."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from manifests.errors import ErrorCode
from manifests.report.markdown import MOST_FILTERS, MOST_GROUPS, MOST_NAMED, render
from manifests.report.story import tell
from manifests.results import Changes, ModelChanges, Outcome, QueryRecord, RunRecord, State
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.report.conftest import MakesFailed, MakesRun

ONE_MEGABYTE = 1_000_000
"""GitHub's limit is 1 MiB for all summaries of a step together."""


def told(record: RunRecord) -> str:
    """Return a run in Markdown."""
    return render(tell(record)).decode()


def headings(text: str) -> list[str]:
    """Return the titles of the parts."""
    return re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)


def test_the_verdict_comes_first(eventful: RunRecord) -> None:
    """From the verdict to the hosts, parts stand in the order in which people ask for them."""
    assert headings(told(eventful)) == [
        f"manifests: {tell(eventful).title}",
        "What failed",
        "Freshness",
        "What changed",
        "To be looked at",
        "Slowest listings",
        "Hosts",
    ]


def test_a_good_run_is_short(make_run: MakesRun) -> None:
    """Where nothing failed, changed or took time, there is nothing to read about it."""
    record = make_run(Outcome(source="civitai", filter="filter/x", state=State.FRESH))
    assert headings(told(record)) == ["manifests: All is well", "Freshness"]


def test_a_run_of_nothing(make_run: MakesRun) -> None:
    """Without filters there is the verdict, and which run it was."""
    assert headings(told(make_run())) == ["manifests: Nothing was made"]
    assert told(make_run()).endswith(
        "Run `20260801T120000Z-0000`, `manifests 0`, Python `3`, `nobody asked`\n"
    )


def test_failures_have_a_command_and_all_their_filters(
    make_run: MakesRun, make_failed: MakesFailed
) -> None:
    """Failures that are alike are one row, with code, cause, what next, and what to copy."""
    outcomes = [
        *make_failed("filter/x", "filter/y"),
        *make_failed(
            "filter/mit", source="huggingface", code=ErrorCode.NOT_FOUND, cause="HTTP 404"
        ),
    ]
    text = told(make_run(*outcomes))
    assert (
        "| `API_ERROR` | 2 | `HTTP 503: upstream is ill` | `run it again` |"
        " `manifests test-filter civitai:filter/x` |\n"
    ) in text
    assert "<summary>NOT_FOUND: 1 filter</summary>\n\n`huggingface:filter/mit`\n" in text


def test_every_table_is_one(eventful: RunRecord) -> None:
    """The rows of a table have as many cells as its head, and a blank line stands above it."""
    lines = told(eventful).splitlines()
    tables = [n for n, line in enumerate(lines) if line.startswith("|--")]
    assert len(tables) >= 4
    assert {lines[n - 2] for n in tables} == {""}
    for first, second in pairwise(lines):
        if first.startswith("|") and second.startswith("|"):
            assert first.count("|") == second.count("|")


def test_the_age_of_what_was_kept(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """Each source says which of its stale manifests is the oldest."""
    (one, other) = make_failed("filter/x", "filter/y")
    outcomes = [
        one.model_copy(update={"last_success": "2026-07-30T00:00:00Z"}),
        other.model_copy(update={"last_success": "2026-07-02T00:00:00Z"}),
        Outcome(source="civitai", filter="filter/z", state=State.UNCHANGED),
    ]
    row = "| `civitai` | 0 | 1 | 2 | 0 | 0 | `filter/y`, made `2026-07-02T00:00:00Z` |"
    assert row in told(make_run(*outcomes))


def test_what_changed_is_named_and_counted(make_run: MakesRun) -> None:
    """Of many that changed the first are named, and the rest is counted rightly."""
    models = ModelChanges(added=1200, removed=0, examples_added=("1", "2"))
    changes = Changes(
        since="a run",
        newly_failing=tuple(f"civitai:filter/{n}" for n in range(MOST_NAMED + 5)),
        newly_fixed=("civitai:filter/y",),
        models={"civitai": models},
    )
    text = told(make_run(changes=changes))
    assert "Since run `a run`:" in text
    assert f"- {MOST_NAMED + 5} filters newly failing: `civitai:filter/0`, " in text
    assert f"`civitai:filter/{MOST_NAMED - 1}`, and 5 more\n" in text
    assert "- 1 filter newly fixed: `civitai:filter/y`\n" in text
    assert "- `civitai`: 1,200 models added: `1`, `2`, and 1,198 more; 0 models removed\n" in text


def test_nothing_changed(make_run: MakesRun) -> None:
    """A comparison that finds nothing is not told."""
    assert "What changed" not in told(make_run(changes=Changes(since="a run")))


def test_listings_by_what_they_took(make_run: MakesRun) -> None:
    """The slowest listing stands first, with its part of back-off."""
    queries = [
        QueryRecord(
            source="civitai",
            parameters=(("sort", name), ("types", "LORA")),
            filters=("filter/x",),
            attempts=(Attempt(number=1, url="any", started=1, seconds=seconds, wait=0.5),),
        )
        for name, seconds in [("Newest", 2.0), ("Rating", 70.0)]
    ]
    text = told(make_run(queries=tuple(queries)))
    rows = [line for line in text.splitlines() if "sort=" in line]
    assert rows == [
        "| `civitai sort=Rating&types=LORA` | 1 | 1 | 1 min 10 s | 0.5 s |",
        "| `civitai sort=Newest&types=LORA` | 1 | 1 | 2.0 s | 0.5 s |",
    ]


@pytest.mark.parametrize("letter", ["x", "\U0001f600", "|", "\u202e"])
def test_it_fits_into_a_summary(make_run: MakesRun, make_failed: MakesFailed, letter: str) -> None:
    """With 10,000 filters of long names that fail in 100 ways, it stays below the limit."""
    outcomes = [
        each
        for n in range(10_000)
        for each in make_failed(
            f"filter/{n}{letter * 500}",
            cause=letter * 5000,
            next_step=f"{n // 100}{letter * 5000}",
        )
    ]
    keys = tuple(each.filter for each in outcomes)
    changes = Changes(since="a run", newly_failing=keys, newly_fixed=keys)
    record = make_run(*outcomes, changes=changes, unlisted=keys, damaged=keys, orphans=keys)
    data = render(tell(record))
    assert len(data) < ONE_MEGABYTE
    text = data.decode()
    assert text.count("<details>") == MOST_GROUPS
    assert f"and {100 - MOST_FILTERS} more\n" in text
    assert "…and 80 further kinds of failure, 8,000 filters\n" in text
