"""Write the top of the page: what became of the run, in one sentence, and how fresh all is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from manifests.report.exits import ExitCode, is_missing
from manifests.report.findings import headline, oddities, verdict
from manifests.report.html_tags import NOTHING, Markup, join, table, tag
from manifests.results import State
from manifests.words import counted, duration, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from manifests.report.story import Story
    from manifests.results import Outcome, RunRecord

__all__ = ["freshness_section", "moment", "state_bar", "verdict_section"]

TONES: Final = {"good": "fresh", "warn": "stale", "bad": "missing"}
"""Tone → the state whose mark and colour it shares."""


def verdict_section(story: Story) -> Markup:
    """Return the verdict, why it is so, and the figures of the run."""
    tone, title = _sentence(story)
    record = story.record
    why = list(verdict(record, story.exit_code, max_failed=story.max_failed))
    return tag(
        "section",
        tag("h1", mark(TONES[tone]), tag("span", title), id="verdict"),
        tag("p", headline(record, Path(story.out)), class_="lead"),
        tag("ul", join(tag("li", line) for line in why), class_="why") if why else "",
        _figures(story),
        class_=f"verdict {tone}",
        aria_labelledby="verdict",
    )


def mark(state: str) -> Markup:
    """Return the sign of a state; its name must stand beside it."""
    use = tag("use", href=f"#mark-{state}")
    return tag("svg", use, class_=f"mark {state}", aria_hidden="true", viewBox="0 0 12 12")


def moment(stamp: str) -> str:
    """Return an ISO 8601 moment as people read it, to the minute: `2026-11-22 02:08 UTC`."""
    day, found, time = stamp.partition("T")
    return f"{day} {time[:5]} UTC" if found and stamp.endswith("Z") else stamp


def _sentence(story: Story) -> tuple[str, str]:
    """Return the tone and the verdict in one sentence, the gravest finding first."""
    record = story.record
    total, failed = len(record.outcomes), len(record.failures)
    if grave := _grave(story):
        return "bad", grave
    if failed:
        return "warn", f"{failed} of {counted(total, 'filter')} failed, within what is allowed"
    return "good", f"All {counted(total, 'manifest')} are current"


def _grave(story: Story) -> str | None:
    """Return why the exit code is not 0; None when it is."""
    record, code = story.record, story.exit_code
    missing = sum(is_missing(outcome) for outcome in record.outcomes)
    if code in {ExitCode.SIGINT, ExitCode.SIGTERM}:
        return f"Interrupted by {record.ended_by}"
    if record.refusal:
        return "The disk did not take the whole set"
    if code is ExitCode.NOTHING_MADE:
        return "Nothing was made"
    if missing:
        return f"{counted(missing, 'manifest')} missing"
    if code is not ExitCode.OK:
        failed, total = len(record.failures), len(record.outcomes)
        return f"{failed} of {counted(total, 'filter')} failed, more than allowed"
    return None


def _figures(story: Story) -> Markup:
    record = story.record
    attempts = [attempt for query in record.queries for attempt in query.attempts]
    retries = sum(attempt.number > 1 for attempt in attempts)
    figures = {
        "Took": duration(record.seconds),
        "Requests": f"{len(attempts):,}",
        "Retries": f"{retries:,}",
        "Back-off": duration(sum(attempt.wait for attempt in attempts)),
        "Read": size(sum(attempt.bytes for attempt in attempts)),
        "Files written": f"{len(record.written):,}",
        "Exit code": f"{story.exit_code.value}",
    }
    pairs = (tag("div", tag("dt", name), tag("dd", value)) for name, value in figures.items())
    return tag("dl", join(pairs), class_="figures")


def freshness_section(record: RunRecord) -> Markup:
    """Return how fresh the published set of each source is, and what should be looked at."""
    sources = dict.fromkeys(outcome.source for outcome in record.outcomes)
    odd = list(oddities(record))
    return tag(
        "section",
        tag("h2", "Freshness", id="freshness"),
        table(
            "What is published, by source",
            [
                "Source",
                "Share",
                *(f"#{state.value.capitalize()}" for state in State),
                "Stale since",
                "Oldest data",
            ],
            [_source_row(record, source) for source in sources],
        ),
        tag("ul", join(tag("li", line) for line in odd), class_="odd") if odd else "",
        aria_labelledby="freshness",
    )


def _source_row(record: RunRecord, source: str) -> Sequence[str]:
    outcomes = [outcome for outcome in record.outcomes if outcome.source == source]
    counts = [sum(outcome.state is state for outcome in outcomes) for state in State]
    return [
        source,
        state_bar(counts),
        *(_count(state, count) for state, count in zip(State, counts, strict=True)),
        _stale_since(outcomes),
        _oldest(outcomes),
    ]


def _stale_since(outcomes: Sequence[Outcome]) -> str:
    """Return since when the first of those that are behind has been so."""
    # One that was made now still tells since when it had been stale.
    behind = [each.stale_since for each in outcomes if not each.state.is_current]
    return _earliest(behind) if any(behind) else "this run" if behind else NOTHING


def _oldest(outcomes: Sequence[Outcome]) -> str:
    """Return when the oldest of what is published was fetched, as far as anybody knows."""
    kept = [each for each in outcomes if not each.state.is_current and each.previous is not None]
    stamps = [each.as_of for each in outcomes if each.state.is_current]
    stamps += [each.last_success for each in kept]
    if any(stamps):
        return _earliest(stamps)
    return "an earlier run" if kept else "this run"


def _count(state: State, count: int) -> str:
    return join([mark(state), f" {count:,}"]) if count else NOTHING


def _earliest(stamps: Iterable[str | None]) -> str:
    known = [stamp for stamp in stamps if stamp]
    return moment(min(known)) if known else NOTHING


def state_bar(counts: Sequence[int]) -> Markup:
    """Return a bar divided by state; the numbers must stand beside it."""
    total = sum(counts) or 1
    parts, left = [], 0.0
    for state, count in zip(State, counts, strict=True):
        width = 100 * count / total
        shape = {"x": f"{left:.2f}", "width": f"{width:.2f}", "height": "8"}
        parts += [tag("rect", class_=state.value, **shape)] if count else []
        left += width
    shape = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria_hidden": "true"}
    return tag("svg", *parts, class_="bar", **shape)
