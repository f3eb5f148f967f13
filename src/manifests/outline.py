"""Outline definitions that are plainly right, without the checks that say what is wrong.

These take longer to import than a command may that only lists filters. Whatever is not seen to be
right at a glance has no outline, and goes the long way: through `filters.load_filters`, which
comes to the same filters.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from manifests.tables import decode_toml

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from pathlib import Path

    from manifests.sources.base import Parameter, Source, SourceInfo

__all__ = ["Outline", "outline"]

SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
KEYS: Final = frozenset({"source", "limit", "sort", "skip_models", "facets"})
"""Of a plain file; each source has its own options besides."""
FACET_KEYS: Final = frozenset({"name", "default", "slugs"})
# As `definitions` and `filters` say, which take too long to import.
MOST_MODELS: Final = 10_000
MOST_FILTERS: Final = 100_000
LONGEST_PATH: Final = 200


class Outline(NamedTuple):
    """What a list says of a filter."""

    source: str
    path: str
    label: str
    limit: int


def outline(folder: Path, sources: Mapping[str, Source]) -> tuple[Outline, ...] | None:
    """Return all filters of a folder, in the order of `load_filters`; None for the long way."""
    found: dict[str, tuple[Outline, ...]] = {}
    for path in sorted(folder.glob("*.toml")):
        filters = outline_of(path, sources)
        if not filters or filters[0].source in found:
            return None
        found[filters[0].source] = filters
    return tuple(itertools.chain.from_iterable(found.values())) or None


def outline_of(path: Path, sources: Mapping[str, Source]) -> tuple[Outline, ...] | None:
    """Return the filters of one file; None for the long way."""
    try:
        raw = decode_toml(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    name = raw.get("source")
    source = sources.get(name) if isinstance(name, str) else None
    if source is None or not is_plain(raw, source.info):
        return None
    filters = tuple(expanded(source.info.name, raw))
    stems = {each.path.replace("/", "-") for each in filters}
    is_right = len(stems) == len(filters) and all(
        len(each.path) <= LONGEST_PATH for each in filters
    )
    return filters if is_right else None


def is_plain(raw: Mapping[str, object], info: SourceInfo) -> bool:
    """Tell whether a file holds nothing but a matrix of which every value is known."""
    facets = raw.get("facets")
    if not isinstance(facets, list) or not all(is_facet(facet, info, raw) for facet in facets):
        return False
    return (
        raw.keys() <= KEYS | info.options.keys()
        and limit_in(raw) > 0
        and is_one_of(raw.get("sort"), info.sorts)
        and is_texts(raw.get("skip_models", []))
        and all(is_known(raw[key], info.options[key], raw) for key in raw.keys() & info.options)
        and are_apart(facets)
    )


def is_facet(facet: object, info: SourceInfo, raw: Mapping[str, object]) -> bool:
    """Tell whether one facet is of the right shape and knows its values."""
    if not isinstance(facet, dict) or facet.keys() != FACET_KEYS:
        return False
    name, slugs = facet["name"], facet["slugs"]
    return (
        is_one_of(name, info.facets)
        and isinstance(slugs, dict)
        and is_one_of(facet["default"], slugs)
        and all(SLUG.fullmatch(slug) for slug in slugs)
        and all(is_known(value, info.facets[name], raw) for value in slugs.values())
    )


def are_apart(facets: Sequence[Mapping[str, object]]) -> bool:
    """Tell whether no name or slug of a path stands in two facets, and the matrix can be made."""
    names = [facet["name"] for facet in facets]
    slugs = [slug for facet in facets for slug in slugs_of(facet) if slug != facet["default"]]
    product = math.prod(len(slugs_of(facet)) for facet in facets)
    is_distinct = len({*names}) == len(names) and len({*slugs}) == len(slugs)
    return is_distinct and product <= MOST_FILTERS


def slugs_of(facet: Mapping[str, object]) -> tuple[str, ...]:
    """Return the slugs of a facet of the right shape."""
    slugs = facet["slugs"]
    return tuple(slugs) if isinstance(slugs, dict) else ()


def is_known(value: object, parameter: Parameter, raw: Mapping[str, object]) -> bool:
    """Tell whether a value, or each of several, is one that upstream is known to have."""
    if not (isinstance(value, str) or (parameter.repeatable and is_texts(value))):
        return False
    if parameter.values is None:
        return True
    added = raw.get(parameter.option or "", ())
    known = parameter.values.union([added] if isinstance(added, str) else texts(added))
    return known.issuperset([value] if isinstance(value, str) else texts(value))


def is_one_of(value: object, known: Container[str]) -> bool:
    """Tell whether a value is known text; a list or table, which nothing can hold, is not."""
    return isinstance(value, str) and value in known


def is_texts(value: object) -> bool:
    """Tell whether a value is a list of text."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def texts(value: object) -> list[str]:
    """Return the text in a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def limit_in(raw: Mapping[str, object]) -> int:
    """Return how many models a manifest holds, at most; 0 where that is no such number."""
    limit = raw.get("limit", 100)
    return limit if type(limit) is int and limit in range(1, MOST_MODELS + 1) else 0


def expanded(source: str, raw: Mapping[str, object]) -> Iterator[Outline]:
    """Yield the matrix of the facets less its all-default filter."""
    facets, limit = raw["facets"], limit_in(raw)
    plain = facets if isinstance(facets, list) else []
    for slugs in itertools.product(*(slugs_of(facet) for facet in plain)):
        pairs = zip(plain, slugs, strict=True)
        chosen = [slug for facet, slug in pairs if slug != facet["default"]]
        if chosen:
            yield Outline(source, "/".join(["filter", *chosen]), " / ".join(chosen), limit)
