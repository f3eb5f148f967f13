"""Put a run into columns for the page's script: each text once, each number short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.report.findings import typed
from manifests.report.html_tags import LONGEST_COMMAND
from manifests.report.plain import plain
from manifests.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from manifests.report.story import PastRun, Story
    from manifests.results import Outcome, QueryRecord, RunRecord
    from manifests.traffic import HostRecord

__all__ = ["page_data"]

_STATES = list(State)
"""From the best to the worst, as the page sorts them."""
_OWN_PATH = "\x00"
"""Stands for a filter's path in its cause: one text then does for all filters of that failure."""


class _Texts:
    """Texts by number, in the order in which they came; None is no text."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int | None:
        """Return the number of *text*, always the same."""
        return None if text is None else self._numbers.setdefault(text, len(self._numbers))

    def all(self) -> list[str]:
        """Return the texts by number."""
        return list(self._numbers)


def page_data(story: Story) -> dict[str, object]:
    """Return what the script draws from, as plain values that JSON knows.

    Times are milliseconds for attempts and seconds elsewhere. Columns of one table are lists of
    equal length, or empty where every row is null. All text is `plain`.
    """
    record = story.record
    texts = _Texts()
    sources = list(dict.fromkeys(outcome.source for outcome in record.outcomes))
    sources += sorted({query.source for query in record.queries}.difference(sources))
    return {
        "seconds": round(record.seconds, 2),
        "command": plain(typed("test-filter {}", story.flags), most=LONGEST_COMMAND),
        "states": _STATES,
        "sources": [plain(source) for source in sources],
        "facets": [
            facet
            for number, source in enumerate(sources)
            for facet in _facets(record, source, number)
        ],
        "filters": _filters(record, sources, texts),
        "queries": _queries(record, sources, texts),
        "attempts": _attempts(record, texts),
        "hosts": [_host(host, sources) for host in record.hosts if host.source in sources],
        "past": [*(_past(each) for each in reversed(story.past)), _present(record)],
        "texts": texts.all(),
    }


def _filters(record: RunRecord, sources: list[str], texts: _Texts) -> Mapping[str, list[object]]:
    queries = {
        (query.source, path): number
        for number, query in enumerate(record.queries)
        for path in query.filters
    }
    rows = [_filter(outcome, texts) for outcome in record.outcomes]
    columns = _columns(rows)
    columns["source"] = [sources.index(outcome.source) for outcome in record.outcomes]
    columns["query"] = [queries.get((each.source, each.filter)) for each in record.outcomes]
    return columns


def _filter(outcome: Outcome, texts: _Texts) -> dict[str, object]:
    failure = outcome.failure
    path = plain(outcome.filter)

    def shared(text: str | None) -> int | None:
        shown = text and plain(text)
        return texts.number(shown.replace(path, _OWN_PATH) if shown and path else shown)

    return {
        "path": path,
        "label": None if _is_told(outcome) else plain(outcome.label),
        "state": _STATES.index(outcome.state),
        "count": outcome.count,
        "previous": outcome.previous,
        "fetched": outcome.funnel and outcome.funnel.fetched,
        "attempts": outcome.attempts or None,
        "waited": round(outcome.waited, 1) or None,
        "code": texts.number(failure.code) if failure else None,
        "last": texts.number(failure.last_code) if failure else None,
        "status": failure.status if failure else None,
        "cause": shared(failure.cause) if failure else None,
        "next": shared(failure.next_step) if failure else None,
        "accepted": shared(outcome.accepted),
        "asOf": shared(outcome.as_of),
        "staleSince": shared(outcome.stale_since),
        "lastSuccess": shared(outcome.last_success),
    }


def _is_told(outcome: Outcome) -> bool:
    """Tell whether the path says all that the label does."""
    words = [word for word in outcome.label.lower().replace("·", " ").split() if word.isalnum()]
    return all(word in outcome.filter.lower() for word in words)


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return the rows by column; a column without any value is empty."""
    names = rows[0] if rows else ()
    columns = {name: [row[name] for row in rows] for name in names}
    return {
        name: column if any(value is not None for value in column) else []
        for name, column in columns.items()
    }


def _facets(record: RunRecord, source: str, number: int) -> Iterable[dict[str, object]]:
    """Yield the facets of a source, each with the slug of each of its filters as a number."""
    outcomes = [outcome for outcome in record.outcomes if outcome.source == source]
    chosen = [dict(outcome.facets) for outcome in outcomes]
    for name in dict.fromkeys(name for facets in chosen for name in facets):
        slugs = _slugs(outcomes, chosen, name)
        numbers = {slug: place for place, slug in enumerate(slugs)}
        yield {
            "source": number,
            "name": plain(name),
            "slugs": [plain(slug) for slug in slugs],
            "at": [numbers[facets[name]] if name in facets else None for facets in chosen],
        }


def _slugs(
    outcomes: Iterable[Outcome], chosen: Iterable[Mapping[str, str]], name: str
) -> list[str]:
    """Return the slugs of a facet, the default first: it is the one that no path names."""
    named: dict[str, bool] = {}
    for outcome, facets in zip(outcomes, chosen, strict=True):
        if slug := facets.get(name):
            named[slug] = named.get(slug, False) or slug in outcome.filter.split("/")
    return sorted(named, key=named.__getitem__)


def _queries(record: RunRecord, sources: list[str], texts: _Texts) -> dict[str, list[object]]:
    first = [query.filters[0] if query.filters else None for query in record.queries]
    return {
        "source": [sources.index(query.source) for query in record.queries],
        "first": [texts.number(path and plain(path)) for path in first],
        "filters": [len(query.filters) for query in record.queries],
    }


def _attempts(record: RunRecord, texts: _Texts) -> dict[str, list[object]]:
    rows = [
        row for number, query in enumerate(record.queries) for row in _tries(number, query, texts)
    ]
    return _columns(rows)


def _tries(number: int, query: QueryRecord, texts: _Texts) -> Iterable[dict[str, object]]:
    for attempt in query.attempts:
        yield {
            "query": number,
            "number": attempt.number,
            "start": round(attempt.started * 1000),
            "took": round(attempt.seconds * 1000),
            "status": attempt.status,
            "code": texts.number(attempt.code),
            "wait": round(attempt.wait * 1000) or None,
        }


def _host(host: HostRecord, sources: list[str]) -> dict[str, object]:
    samples = host.samples
    return {
        "source": sources.index(host.source),
        "at": [round(sample.at, 2) for sample in samples],
        "window": [round(sample.window, 2) for sample in samples],
        "rate": [None if each.rate is None else round(each.rate, 2) for each in samples],
        "inFlight": [sample.in_flight for sample in samples],
        "waiting": [sample.waiting for sample in samples],
        "notes": [
            [round(note.at, 2), note.kind, round(note.seconds, 2), plain(note.why)]
            for note in host.notes
        ],
    }


def _past(run: PastRun) -> dict[str, object]:
    return {
        "run": plain(run.run),
        "started": plain(run.started),
        "seconds": run.seconds,
        "endedBy": plain(run.ended_by or "killed"),
        "requests": run.requests,
        "dryRun": run.dry_run,
        "states": [run.states.get(state, 0) for state in _STATES],
    }


def _present(record: RunRecord) -> dict[str, object]:
    return {
        "run": plain(record.run),
        "started": plain(record.started),
        "seconds": round(record.seconds, 2),
        "endedBy": record.ended_by,
        "requests": record.requests,
        "dryRun": record.dry_run,
        "states": [record.counts[state] for state in _STATES],
    }
