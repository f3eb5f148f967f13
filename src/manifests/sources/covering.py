"""Find out which listings of a family cover which others, without trying each with each other."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, product
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from manifests.models import Query

__all__ = ["Values", "asking_less", "asking_more"]

Values: TypeAlias = "frozenset[str] | None"
"""Values of a parameter of which any will do; None asks for all there are."""

Covers: TypeAlias = "Callable[[Query, Query], bool]"
"""Tells exactly; it is asked only about pairs that may be."""

Broader: TypeAlias = "dict[Query, tuple[Query, ...]]"

MOST_TAGS: Final = 8
"""Tags of which all subsets are looked up; a listing with more is compared with all others."""


def asking_more(
    family: Sequence[Query], scopes: Mapping[Query, tuple[Values, ...]], covers: Covers
) -> Broader:
    """Return for each query those that cover it, where that takes more values of some parameters.

    Args:
        family: the queries.
        scopes: query → its values of each of these parameters.
        covers: tells exactly.
    """
    by_scope: dict[tuple[Values, ...], list[Query]] = defaultdict(list)
    for query in family:
        by_scope[scopes[query]].append(query)
    indices = [indexed(column) for column in zip(*scopes.values(), strict=True)]

    def candidates(narrow: Query) -> Iterator[Query]:
        pairs = zip(scopes[narrow], indices, strict=True)
        for scope in product(*(supersets(values, index) for values, index in pairs)):
            yield from by_scope.get(scope, ())

    return sifted(family, candidates, covers)


def asking_less(
    family: Sequence[Query], tags: Mapping[Query, frozenset[str]], covers: Covers
) -> Broader:
    """Return for each query those that cover it, where that takes fewer tags, all to be there.

    Args:
        family: the queries.
        tags: query → its tags.
        covers: tells exactly.
    """
    by_tags: dict[frozenset[str], list[Query]] = defaultdict(list)
    for query in family:
        by_tags[tags[query]].append(query)

    def candidates(narrow: Query) -> Iterator[Query]:
        own = tags[narrow]
        if len(own) > MOST_TAGS:
            yield from family
            return
        for size in range(len(own)):
            for few in combinations(sorted(own), size):
                yield from by_tags.get(frozenset(few), ())

    return sifted(family, candidates, covers)


def sifted(
    family: Sequence[Query], candidates: Callable[[Query], Iterable[Query]], covers: Covers
) -> Broader:
    """Return for each query those of its candidates that cover it, in the order of the family."""
    places = {query: place for place, query in enumerate(family)}
    return {
        narrow: tuple(
            sorted(
                {
                    broad
                    for broad in candidates(narrow)
                    if broad != narrow and covers(broad, narrow)
                },
                key=places.__getitem__,
            )
        )
        for narrow in family
    }


def indexed(column: Iterable[Values]) -> dict[str | None, list[Values]]:
    """Return value → all distinct sets that hold it; None → the one that asks for all."""
    index: dict[str | None, list[Values]] = defaultdict(list)
    for values in dict.fromkeys(column):
        for value in [None] if values is None else values:
            index[value].append(values)
    return index


def supersets(values: Values, index: Mapping[str | None, list[Values]]) -> list[Values]:
    """Return the sets of an index that ask for all of *values*, and perhaps for more."""
    everything = index.get(None, [])
    if values is None:
        return everything
    holding = index.get(min(values), [])
    return [*everything, *(each for each in holding if each is not None and values <= each)]
