"""Bring query parameters into the one form in which equal listings are equal queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.models import FacetValue, Query

__all__ = ["as_values", "canonical", "grouped", "without"]


def as_values(value: FacetValue) -> tuple[str, ...]:
    """Return one value or several as several."""
    return (value,) if isinstance(value, str) else value


def canonical(asked: Mapping[str, Iterable[str]]) -> tuple[tuple[str, str], ...]:
    """Return sorted pairs of names and values, each once; a repeated name repeats the parameter."""
    return tuple(sorted({(name, value) for name, values in asked.items() for value in values}))


def without(query: Query, names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return the parameters of a query but for some: a mark for the queries that share them."""
    return tuple(pair for pair in query.parameters if pair[0] not in names)


def grouped(query: Query) -> dict[str, frozenset[str]]:
    """Return the values of each parameter that is asked for."""
    names = {name for name, _ in query.parameters}
    return {name: frozenset(query.values(name)) for name in names}
