"""Put one filter's way from its definition to its manifest into lines and tables."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from manifests.cli.consoles import cell
from manifests.results import State
from manifests.words import counted, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from manifests.difference import Difference
    from manifests.models import FacetValue, Filter, Query
    from manifests.results import Outcome
    from manifests.settings import Access
    from manifests.sources.base import Entry, SourceInfo
    from manifests.traffic import Attempt

__all__ = [
    "attempts_table",
    "curl_line",
    "definition_lines",
    "difference_lines",
    "funnel_lines",
    "models_table",
    "verdict_line",
]

FIRST = 10
"""Models and ids that are shown."""


def definition_lines(filter_: Filter, info: SourceInfo, query: Query) -> Iterator[str]:
    """Yield what the definitions say of a filter, and the listing that it asks for."""
    yield f"filter    {filter_.source}:{filter_.path} ({filter_.label})"
    yield f"source    {info.title}, {filter_.limit} models at most, by {filter_.sort}"
    if facets := named_values(filter_.values):
        yield f"facets    {facets}"
    if own := named_values(filter_.parameters):
        yield f"asks for  {own}"
    listing = ", ".join(f"{name}={value}" for name, value in query.parameters if name != "expand")
    yield f"listing   {listing}"


def named_values(values: Mapping[str, FacetValue]) -> str:
    """Return names and values in one line; an empty value is `any`."""
    shown = {
        name: value if isinstance(value, str) else "|".join(value) for name, value in values.items()
    }
    return ", ".join(f"{name}={value or 'any'}" for name, value in shown.items())


def curl_line(url: str, info: SourceInfo, access: Access) -> str:
    """Return the first request as a command for a shell; a token is named, never shown."""
    header = f' -H "Authorization: Bearer ${info.token_variable}"' if access.token else ""
    return f"curl      curl --compressed{header} {shlex.quote(url)}"


def attempts_table(attempts: Sequence[Attempt]) -> Table:
    """Return one row for each request: what came, how much, how long, and the wait after it."""
    table = Table("request", "try", "status", "time", "body", "wait", "result", box=box.SIMPLE_HEAD)
    for number, attempt in enumerate(attempts, start=1):
        cells = (
            str(number),
            str(attempt.number),
            str(attempt.status or "—"),
            f"{attempt.seconds:.2f} s",
            size(attempt.bytes),
            f"{attempt.wait:.1f} s" if attempt.wait else "",
            f"{attempt.code}: {attempt.cause}" if attempt.code else "good",
        )
        table.add_row(*(cell(value) for value in cells))
    return table


def funnel_lines(outcome: Outcome) -> Iterator[str]:
    """Yield how many models were fetched, dropped by which rule and field, and kept."""
    funnel = outcome.funnel
    if funnel is None:
        return
    yield f"fetched   {counted(funnel.fetched, 'model')}"
    for each in funnel.dropped:
        examples = f": {', '.join(each.examples)}" if each.examples else ""
        more = ", …" if each.dropped > len(each.examples) > 0 else ""
        yield f"  - {each.dropped:>5} by rule {each.rule} (field {each.field}){examples}{more}"
    ended = ", and the listing ended there" if outcome.complete else ""
    yield f"kept      {counted(funnel.kept, 'model')}{ended}"


def models_table(ids: Sequence[str], entries: Mapping[str, Entry]) -> Table:
    """Return the first models of the manifest."""
    table = Table("", "id", "name", "author", "type", "downloads", "likes", box=box.SIMPLE_HEAD)
    for place, id_ in enumerate(ids[:FIRST], start=1):
        model, stats = entries[id_].model, entries[id_].stats
        cells = (
            place, id_, model.name, model.author, model.type or model.pipeline_tag,
            stats.downloads, stats.likes,
        )  # fmt: skip
        table.add_row(*(cell("" if value is None else str(value)) for value in cells))
    return table


def difference_lines(difference: Difference | None) -> Iterator[str]:
    """Yield what would change against what is published; None where nothing is."""
    if difference is None:
        yield "published nothing so far"
    elif difference.is_none:
        yield "published the same models in the same order"
    else:
        added = tuple(each.id for each in difference.added)
        parts = [("added", added), ("removed", difference.removed)]
        yield f"published and would change: {len(difference.moved)} moved"
        for word, ids in parts:
            more = ", …" if len(ids) > FIRST else ""
            yield f"  {word:<8}{len(ids):>5}  {', '.join(ids[:FIRST])}{more}"


def verdict_line(outcome: Outcome, *, published: bool) -> str:
    """Return what would become, or has become, of the manifest."""
    if outcome.failure:
        kept = "; the published one stays" if outcome.previous is not None else ""
        return f"verdict   {outcome.failure.code}: {outcome.failure.cause}{kept}"
    if outcome.state is State.UNCHANGED:
        return "verdict   good, and as published already"
    return f"verdict   good; {'published' if published else 'publish it with --publish'}"
