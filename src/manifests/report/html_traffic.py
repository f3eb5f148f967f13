"""Write the charts' figures as tables, for whoever does not see the charts or runs no script."""

from __future__ import annotations

from heapq import merge
from itertools import islice, repeat
from typing import TYPE_CHECKING, Final

from manifests.errors import ErrorCode
from manifests.report.html_tags import NOTHING, Markup, table, tag
from manifests.report.html_verdict import moment
from manifests.report.quantiles import quantile
from manifests.report.slowest import slowest
from manifests.results import State
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from manifests.report.story import PastRun, Story
    from manifests.results import QueryRecord, RunRecord
    from manifests.traffic import Attempt, HostRecord

__all__ = ["about_section", "past_table", "traffic_tables"]

MOST_LISTINGS: Final = 20
MOST_NOTES: Final = 100


def traffic_tables(record: RunRecord) -> Markup:
    """Return hosts, pauses and the slowest listings as tables that open on demand."""
    sources = sorted({query.source for query in record.queries})
    hosts = {host.source: host for host in record.hosts}
    rows = [_host_row(source, record, hosts.get(source)) for source in sources]
    notes = list(islice(_note_rows(record.hosts), MOST_NOTES + 1))
    parts = [table("Requests by host", HOST_HEADS, rows), _slowest(record)]
    if notes:
        caption = f"The first {MOST_NOTES} pauses and circuit changes" if (
            len(notes) > MOST_NOTES
        ) else "Pauses and circuit changes"  # fmt: skip
        parts.append(table(caption, NOTE_HEADS, notes[:MOST_NOTES]))
    return tag("details", tag("summary", "The same as tables"), *parts, class_="tables")


HOST_HEADS: Final = (
    "Source", "#Requests", "#Retries", "#Refused", "#Failed otherwise", "#Median", "#95th",
    "#Slowest", "#Back-off", "#Most in flight", "#Circuit opened", "#Window", "#Starts a second",
)  # fmt: skip
NOTE_HEADS: Final = ("Source", "#At", "What", "#For", "Why")
LISTING_HEADS: Final = ("Listing", "#Filters", "#Requests", "#Took", "#Back-off")


def _host_row(source: str, record: RunRecord, host: HostRecord | None) -> Sequence[str]:
    attempts = _attempts(query for query in record.queries if query.source == source)
    refused = sum(_is_refused(attempt) for attempt in attempts)
    failed = sum(attempt.code is not None for attempt in attempts)
    took = sorted(attempt.seconds for attempt in attempts)
    figures = [
        source,
        f"{len(attempts):,}",
        f"{sum(attempt.number > 1 for attempt in attempts):,}",
        f"{refused:,}",
        f"{failed - refused:,}",
        *(duration(quantile(took, share)) if took else NOTHING for share in (0.5, 0.95, 1)),
        duration(sum(attempt.wait for attempt in attempts)),
    ]
    return [*figures, *_treatment(host)]


def _treatment(host: HostRecord | None) -> Sequence[str]:
    """Return the last columns of a host; a fixed pace tells nothing of it."""
    if host is None:
        return [NOTHING] * 4
    rate = "unlimited" if host.rate is None else f"{host.rate:.1f}"
    return [f"{host.most_in_flight}", f"{host.openings}", f"{host.window:.1f}", rate]


def _attempts(queries: Iterable[QueryRecord]) -> list[Attempt]:
    return [attempt for query in queries for attempt in query.attempts]


def _is_refused(attempt: Attempt) -> bool:
    return attempt.code is ErrorCode.RATE_LIMIT


def _note_rows(hosts: Iterable[HostRecord]) -> Iterable[Sequence[str]]:
    """Yield what happened to any host in the order of time, as the first of them are kept."""
    each_host = (zip(host.notes, repeat(host.source)) for host in hosts)
    for note, source in merge(*each_host, key=lambda each: each[0].at):
        what = "hold" if note.kind == "hold" else f"circuit {note.kind}"
        lasts = duration(note.seconds) if note.seconds else NOTHING
        yield [source, duration(note.at), what, lasts, note.why]


def _slowest(record: RunRecord) -> Markup:
    listings = slowest(record, most=MOST_LISTINGS)
    rows = (
        [
            listing.name,
            f"{listing.filters:,}",
            f"{listing.requests:,}",
            duration(listing.seconds),
            duration(listing.waited),
        ]
        for listing in listings
    )
    caption = f"The slowest {counted(len(listings), 'listing')}, first request to last answer"
    return table(caption, LISTING_HEADS, rows)


def past_table(story: Story) -> Markup:
    """Return the last runs as a table that opens on demand, this one first."""
    heads = ["Run", "Started", "#Took", "#Requests", "Ended by",
             *(f"#{state.value.capitalize()}" for state in State)]  # fmt: skip
    record = story.record
    rows = [
        [
            record.run,
            moment(record.started),
            duration(record.seconds),
            f"{record.requests:,}",
            _ending(record.ended_by, dry_run=record.dry_run),
            *(f"{record.counts[state]:,}" for state in State),
        ],
        *(_past_row(run) for run in story.past),
    ]
    inner = table("This run and those before it", heads, rows)
    return tag("details", tag("summary", "The same as a table"), inner, class_="tables")


def _past_row(run: PastRun) -> Sequence[str]:
    return [
        run.run,
        moment(run.started),
        NOTHING if run.seconds is None else duration(run.seconds),
        NOTHING if run.requests is None else f"{run.requests:,}",
        _ending(run.ended_by or "killed", dry_run=run.dry_run),
        *(f"{run.states.get(state, 0):,}" for state in State),
    ]


def _ending(ended_by: str, *, dry_run: bool) -> str:
    return f"{ended_by}, dry run" if dry_run else ended_by


def about_section(record: RunRecord) -> Markup:
    """Return where and as whom the run was made; the record holds no secret."""
    environment = record.environment
    lines = {
        "Run": record.run,
        "Resumed": record.resumes or NOTHING,
        "Tool": f"manifests {environment.tool}",
        "Python": f"{environment.python} on {environment.platform}",
        **{
            source: f"{endpoint}, {environment.auth.get(source, 'anonymous')}"
            for source, endpoint in environment.endpoints.items()
        },
    }
    pairs = (tag("div", tag("dt", name), tag("dd", value)) for name, value in lines.items())
    return tag(
        "section",
        tag("h2", "About this run", id="about"),
        tag("dl", *pairs, class_="about"),
        aria_labelledby="about",
    )
