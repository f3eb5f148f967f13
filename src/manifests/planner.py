"""Plan a run: which listings answer which filters, and which may answer further listings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from manifests.models import Filter, Query
    from manifests.sources.base import Rule, Source

__all__ = ["Plan", "PlannedQuery", "Wanted", "plan_queries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A filter that waits for a listing, with the rules that select its models from it."""

    filter: Filter
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedQuery:
    """A listing to be read, for all the filters that share it."""

    query: Query
    wanted: tuple[Wanted, ...]
    broader: tuple[Query, ...] = ()
    """Listings of the plan that, read to their end, answer this one exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All listings of a run, each after every broader one."""

    queries: tuple[PlannedQuery, ...]


def plan_queries(
    filters: Iterable[Filter],
    sources: Mapping[str, Source],
    *,
    last_success: Callable[[Filter], str] = lambda _: "",
) -> Plan:
    """Return the distinct listings that answer *filters*, broader before narrower.

    Filters that resolve to one query share it. Among equals the listing comes first whose stalest
    filter is the stalest, and then the order is that of the definitions.

    Args:
        filters: those of the run.
        sources: all sources by name.
        last_success: when a filter was last made, as ISO 8601; empty when it never was.
    """
    shared: dict[Query, list[Wanted]] = defaultdict(list)
    for filter_ in filters:
        resolution = sources[filter_.source].resolve(filter_)
        shared[resolution.query].append(Wanted(filter=filter_, rules=resolution.rules))
    broader = broader_queries(list(shared), sources)
    planned = [
        PlannedQuery(query=query, wanted=tuple(wanted), broader=broader[query])
        for query, wanted in shared.items()
    ]

    def rank(each: PlannedQuery) -> tuple[int, str]:
        # `covers` is transitive, so whatever covers a query is itself covered by fewer.
        stalest = min(last_success(wanted.filter) for wanted in each.wanted)
        return len(each.broader), stalest

    return Plan(queries=tuple(sorted(planned, key=rank)))


def broader_queries(
    queries: Sequence[Query], sources: Mapping[str, Source]
) -> dict[Query, tuple[Query, ...]]:
    """Return for each query those that cover it; only queries of one family are compared."""
    families: dict[object, list[Query]] = defaultdict(list)
    for query in queries:
        families[query.source, sources[query.source].family(query)].append(query)
    found: dict[Query, tuple[Query, ...]] = {}
    for family in families.values():
        found |= sources[family[0].source].broader(family)
    return found
