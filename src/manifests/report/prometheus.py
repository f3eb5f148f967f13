"""Tell a run to Prometheus, as a file for node-exporter's textfile collector.

All but the distribution of times are gauges: each run starts to count anew, and a counter that
shrank would look to `rate()` like one that was reset.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from manifests.report.exposition import exposition, gauge, summary
from manifests.report.hostmetrics import host_families
from manifests.results import State
from manifests.stopping import EndedBy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from manifests.report.exposition import Family
    from manifests.report.story import Story
    from manifests.results import Outcome, RunRecord
    from manifests.traffic import Attempt

__all__ = ["MOST_FILTERS", "render"]

MOST_FILTERS = 1000
"""Filters that have series of their own, at most: those that are not current."""
QUANTILES = (0.5, 0.9, 0.99)
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "none")
SUMS: tuple[tuple[str, str, Callable[[Attempt], float]], ...] = (
    (
        "manifests_run_retries",
        "Requests of the last run for a page that had been asked for before.",
        lambda attempt: attempt.number > 1,
    ),
    (
        "manifests_run_received_bytes",
        "Decoded bytes of all bodies of the last run.",
        lambda attempt: attempt.bytes,
    ),
    (
        "manifests_run_backoff_seconds",
        "Waits before retries in the last run, over all pages.",
        lambda attempt: attempt.wait,
    ),
)
"""Name, help and value of what is summed up over the requests of a source."""


def render(story: Story) -> bytes:
    """Return the metrics of a run.

    Every series has the output folder as a label, since two files in one textfile folder must not
    hold the same series.
    """
    families = (
        *run_families(story),
        *filter_families(story),
        *catalogue_families(story.record),
        *request_families(story.record),
        *host_families(story.record),
    )
    return exposition(families, labels={"out": story.out})


def run_families(story: Story) -> Iterator[Family]:
    """Yield what holds for the run as a whole."""
    record = story.record
    start = seconds_of(record.started)
    yield gauge(
        "manifests_build_info", "Version of manifests.", {(record.environment.tool,): 1}, "version"
    )
    yield gauge("manifests_run_start_timestamp_seconds", "When the last run began.", {(): start})
    yield gauge(
        "manifests_run_end_timestamp_seconds", "When the last run ended.", {(): end_of(record)}
    )
    yield gauge(
        "manifests_run_duration_seconds", "How long the last run took.", {(): record.seconds}
    )
    yield gauge(
        "manifests_run_exit_code",
        "Exit code of the last run; 0 is good.",
        {(): float(story.exit_code.value)},
    )
    yield gauge(
        "manifests_run_dry",
        "1 when the last run published nothing because it was told so.",
        {(): float(record.dry_run)},
    )
    yield gauge(
        "manifests_run_ended_by",
        "1 for what ended the last run, 0 for what did not.",
        {(way,): float(record.ended_by == way) for way in get_args(EndedBy)},
        "by",
    )


def filter_families(story: Story) -> Iterator[Family]:
    """Yield how many filters are in which state, why, and which ones are not current."""
    record = story.record
    totals = Counter((each.source, each.state) for each in record.outcomes)
    sources = sources_of(record)
    yield gauge(
        "manifests_filters",
        "Filters of the last run by what stands in the published set for them.",
        {(source, state.value): totals[source, state] for source in sources for state in State},
        "source",
        "state",
    )
    codes = Counter(
        (each.source, each.failure.code.value) for each in record.failures if each.failure
    )
    yield gauge(
        "manifests_filter_failures",
        "Filters that are not current, by the code of their failure.",
        dict(sorted(codes.items())),
        "source",
        "code",
    )
    yield gauge(
        "manifests_failed_ratio",
        "Share of a source's filters that are not current.",
        {(source,): round(share, 6) for source, share in sorted(record.failed_share().items())},
        "source",
    )
    yield gauge(
        "manifests_failed_allowed_ratio",
        "Share of a source's filters that may fail with exit code 0.",
        {(): story.max_failed},
    )
    yield from behind_families(record)
    yield from age_families(record)


def behind_families(record: RunRecord) -> Iterator[Family]:
    """Yield the filters that are not current, up to a bound, and how many are beyond it."""
    behind = sorted(record.failures, key=lambda each: (each.source, each.filter))
    shown = behind[:MOST_FILTERS]
    yield gauge(
        "manifests_filter_behind",
        "1 for each filter that is not current.",
        {(each.source, each.filter, each.state.value, code_of(each)): 1.0 for each in shown},
        "source",
        "filter",
        "state",
        "code",
    )
    yield gauge(
        "manifests_filter_last_success_timestamp_seconds",
        "When the manifest of a filter that is not current was last made.",
        {
            (each.source, each.filter): seconds_of(each.last_success)
            for each in shown
            if each.last_success
        },
        "source",
        "filter",
    )
    yield gauge(
        "manifests_filters_behind_left_out",
        f"Filters that are not current and have no series of their own, beyond {MOST_FILTERS}.",
        {(): float(len(behind) - len(shown))},
    )


def age_families(record: RunRecord) -> Iterator[Family]:
    """Yield how old what is published is: as points in time, since an age grows old in a file."""
    known: dict[str, list[float]] = {source: [] for source in sources_of(record)}
    for outcome in record.outcomes:
        made = made_at(outcome, record)
        known[outcome.source] += [] if made is None else [made]
    yield gauge(
        "manifests_last_success_timestamp_seconds",
        "When the newest manifest of a source was made.",
        {(source,): max(moments) for source, moments in known.items() if moments},
        "source",
    )
    yield gauge(
        "manifests_oldest_manifest_timestamp_seconds",
        "When the oldest published manifest of a source was made.",
        {(source,): min(moments) for source, moments in known.items() if moments},
        "source",
    )


def catalogue_families(record: RunRecord) -> Iterator[Family]:
    """Yield how large the catalogue is, and what changed in it."""
    models = record.totals.models if record.totals else {}
    yield gauge(
        "manifests_models",
        "Models in the published catalogue of a source.",
        {(source,): float(count) for source, count in sorted(models.items())},
        "source",
    )
    changes = sorted(record.changes.models.items()) if record.changes else []
    yield gauge(
        "manifests_models_added",
        "Models that came since the run before.",
        {(source,): float(each.added) for source, each in changes},
        "source",
    )
    yield gauge(
        "manifests_models_removed",
        "Models that went since the run before.",
        {(source,): float(each.removed) for source, each in changes},
        "source",
    )
    files = {
        "written": len(record.written),
        "damaged": len(record.damaged),
        "unlisted": len(record.unlisted),
    }
    yield gauge(
        "manifests_files",
        "Published files that are new, found damaged, or of no filter any more.",
        {(kind,): float(count) for kind, count in files.items()},
        "kind",
    )


def request_families(record: RunRecord) -> Iterator[Family]:
    """Yield what was asked of each source, and what came back."""
    attempts = attempts_of(record)
    classes = {source: Counter(map(status_class, sent)) for source, sent in attempts.items()}
    yield gauge(
        "manifests_run_requests",
        "Requests of the last run by the class of their status; none had no answer.",
        {(source, class_): sent[class_] for source, sent in classes.items() for class_ in CLASSES},
        "source",
        "class",
    )
    for name, help_, value in SUMS:
        sums = {source: round(sum(map(value, sent)), 3) for source, sent in attempts.items()}
        yield gauge(name, help_, {(source,): each for source, each in sums.items()}, "source")
    yield summary(
        "manifests_request_duration_seconds",
        "How long the answered requests of the last run took.",
        {source: answered_seconds(sent) for source, sent in attempts.items()},
        QUANTILES,
    )


def answered_seconds(attempts: Iterable[Attempt]) -> list[float]:
    """Return how long the requests took that were answered."""
    return [attempt.seconds for attempt in attempts if attempt.status is not None]


def status_class(attempt: Attempt) -> str:
    """Return `2xx` for 200, and `none` for a request without an answer or with a made-up status."""
    class_ = f"{(attempt.status or 0) // 100}xx"
    return class_ if class_ in CLASSES else "none"


def attempts_of(record: RunRecord) -> Mapping[str, list[Attempt]]:
    """Return all requests of each source, also of one that was not asked."""
    attempts: dict[str, list[Attempt]] = {source: [] for source in sources_of(record)}
    for query in record.queries:
        attempts.setdefault(query.source, []).extend(query.attempts)
    return attempts


def sources_of(record: RunRecord) -> list[str]:
    """Return the sources of a run, by name."""
    return sorted({outcome.source for outcome in record.outcomes})


def code_of(outcome: Outcome) -> str:
    """Return the code of a failure; empty when none is told."""
    return outcome.failure.code.value if outcome.failure else ""


def made_at(outcome: Outcome, record: RunRecord) -> float | None:
    """Return when the published manifest of a filter was made; None where there is none."""
    if not outcome.state.is_current:
        return seconds_of(outcome.last_success) if outcome.last_success else None
    return seconds_of(outcome.as_of) if outcome.as_of else end_of(record)


def end_of(record: RunRecord) -> float:
    """Return when a run ended, in seconds since 1970."""
    return round(seconds_of(record.started) + record.seconds, 3)


def seconds_of(moment: str) -> float:
    """Return a moment, given as ISO 8601, in seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()
