"""Carry out `manifests list` and `manifests plan`: look at definitions, send nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from manifests.cli.consoles import cell, say
from manifests.cli.listing import shown_state
from manifests.filters import load_filters
from manifests.planner import plan_queries
from manifests.selection import select_filters
from manifests.sources import SOURCES
from manifests.store.canonical import encode
from manifests.store.published import read_published
from manifests.store.status import status_key
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from manifests.models import Filter, Query
    from manifests.planner import Plan, PlannedQuery
    from manifests.settings import Pace
    from manifests.store.published import Published

__all__ = ["list_filters", "show_plan"]

TYPICAL_SECONDS = 0.6
"""Median latency of one page (controller.md: lognormal, p99 3 s)."""


def chosen(folder: Path, *, only: Sequence[str], source: str | None) -> tuple[Filter, ...]:
    """Return the filters that a command asks for."""
    infos = [each.info for each in SOURCES.values()]
    return select_filters(load_filters(folder, SOURCES), infos, only=only, source=source)


def list_filters(
    console: Console,
    folder: Path,
    out: Path,
    *,
    only: Sequence[str],
    source: str | None,
    as_json: bool,
) -> None:
    """Print the filters with what is published of each, as a table or as JSON."""
    filters = chosen(folder, only=only, source=source)
    infos = {name: each.info for name, each in SOURCES.items()}
    published = read_published(out, infos, catalogues=False)
    rows = [describe(each, published) for each in filters]
    if as_json:
        console.file.write(encode(rows).decode())
        return
    table = Table("filter", "label", "limit", "published", "state", box=box.SIMPLE_HEAD)
    for row in rows:
        cells = (f"{row['source']}:{row['filter']}", *(row[key] for key in list(row)[2:]))
        table.add_row(*(cell("" if value is None else str(value)) for value in cells))
    console.print(table)
    say(console, summary(filters), style="bold")


def describe(filter_: Filter, published: Published) -> dict[str, str | int | None]:
    """Return one filter as a row: what it is, and what stands published of it."""
    manifest = published.manifests.get((filter_.source, filter_.path))
    known = published.status.filters if published.status else {}
    status = known.get(status_key(filter_.source, filter_.path))
    count = len(manifest.model_ids) if manifest else None
    return {
        "source": filter_.source,
        "filter": filter_.path,
        "label": filter_.label,
        "limit": filter_.limit,
        "published": count,
        "state": shown_state(status.state if status else None, count),
    }


def summary(filters: Sequence[Filter]) -> str:
    """Return how many filters each source has: `330 filters: 299 of civitai, 31 of huggingface`."""
    counts = Counter(each.source for each in filters)
    parts = ", ".join(f"{count} of {source}" for source, count in counts.items())
    return f"{counted(len(filters), 'filter')}: {parts}"


def show_plan(
    console: Console,
    folder: Path,
    *,
    only: Sequence[str],
    source: str | None,
    pace: Pace,
    as_json: bool,
) -> None:
    """Print the listings of a run with the filters that share them, and what they will cost."""
    plan = plan_queries(chosen(folder, only=only, source=source), SOURCES)
    if as_json:
        console.file.write(encode([planned_row(each) for each in plan.queries]).decode())
        return
    table = Table("source", "listing", "filters", "may be answered by", box=box.SIMPLE_HEAD)
    for each in plan.queries:
        broader = f"{len(each.broader)} broader" if each.broader else ""
        cells = (each.query.source, brief(each.query), str(len(each.wanted)), broader)
        table.add_row(*(cell(value) for value in cells))
    console.print(table)
    for line in expectations(plan, seconds=max(pace.delay, TYPICAL_SECONDS / pace.concurrency)):
        say(console, line, style="bold")


def planned_row(planned: PlannedQuery) -> dict[str, object]:
    """Return one planned listing as JSON holds it."""
    return {
        "source": planned.query.source,
        "parameters": [list(pair) for pair in planned.query.parameters],
        "filters": [wanted.filter.path for wanted in planned.wanted],
        "broader": [[list(pair) for pair in query.parameters] for query in planned.broader],
    }


def brief(query: Query) -> str:
    """Return a listing's parameters in one line, those that never differ left out."""
    shown = [pair for pair in query.parameters if pair[0] not in {"expand", "limit"}]
    return " ".join(f"{name}={value}" for name, value in shown)


def expectations(plan: Plan, *, seconds: float) -> Iterator[str]:
    """Yield what each source will be asked, how long that takes, and what its quota allows.

    A listing needs one page at least, unless a complete broader one answers it; *seconds* is the
    expected time between two starts.
    """
    for name in sorted({each.query.source for each in plan.queries}):
        info = SOURCES[name].info
        asked = [each for each in plan.queries if each.query.source == name]
        filters = sum(len(each.wanted) for each in asked)
        least, most = sum(not each.broader for each in asked), len(asked)
        span = f"{least} to " if least < most else ""
        yield (
            f"{info.title}: {counted(filters, 'filter')} {'shares' if filters == 1 else 'share'}"
            f" {counted(most, 'listing')}: {span}{counted(most, 'first page')},"
            f" about {duration(most * seconds)}, and more pages where a listing runs short"
        )
        for who, (calls, window) in info.quotas.items():
            yield f"  published quota ({who}): {calls} calls in {duration(window)}"
