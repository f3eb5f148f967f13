"""Say what is wrong with definition files, by file and key, with the nearest name that is right."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import TYPE_CHECKING, Final

from manifests.definitions import (
    MOST_FILTERS,
    MOST_MODELS,
    ExplicitFilter,
    FacetDefinition,
    Override,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from manifests.definitions import Definitions
    from manifests.models import FacetValue, Record
    from manifests.sources.base import Parameter, Source

__all__ = ["check_file", "explain", "nearest", "same_source_twice", "unknown"]

LIMITS: Final = f"takes a whole number from 1 to {MOST_MODELS}"
WORDS: Final[Mapping[str, str]] = {
    "bool_type": "takes true or false",
    "dict_type": "takes a table",
    "mapping_type": "takes a table",
    "model_type": "takes a table",
    "tuple_type": "takes a list",
    "string_type": "takes text",
    "int_type": LIMITS,
    "greater_than_equal": LIMITS,
    "less_than_equal": LIMITS,
    "missing": "is missing",
    "too_short": "is empty",
}
"""pydantic's name of a problem → the same in words of a TOML file; the only numbers are limits."""
FEW: Final = 8
"""Names that still fit on a line."""
FIRST: Final = "with a letter or digit first"
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the best match among *known*, or nothing."""
    # To difflib `lora` and `LORA` have nothing in common.
    folded = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), folded, n=1)
    return f"; did you mean {folded[matches[0]]!r}?" if matches else ""


def unknown(what: str, value: str, known: Iterable[str]) -> str:
    """Say that *value* is no *what*, with the nearest one that is, or with all of a few."""
    names = sorted(known)
    hint = nearest(value, names)
    if not hint and len(names) <= FEW:
        hint = f"; known: {', '.join(map(repr, names))}"
    return f"unknown {what} {value!r}{hint}"


def explain(error: ValidationError, top_keys: Iterable[str]) -> Iterator[str]:
    """Yield one line for each problem that pydantic found, by key."""
    for detail in error.errors():
        yield f"{key_path(detail['loc'])}: {problem(detail, top_keys)}"


def problem(detail: ErrorDetails, top_keys: Iterable[str]) -> str:
    """Return what is wrong in one place, in words of the file rather than of pydantic."""
    place = detail["loc"][-1]
    if detail["type"] == "extra_forbidden":
        return unknown("key", str(place), fields_at(detail, top_keys))
    if detail["type"] == "string_pattern_mismatch":
        form = "filter/ and words of a-z 0-9 . _ -" if place == "path" else "a-z 0-9 . _ -"
        return f"{detail['input']!r} is not safe in a path: use only {form}, {FIRST}"
    return WORDS.get(detail["type"], detail["msg"])


def key_path(location: tuple[str | int, ...]) -> str:
    """Return where in a file something stands, as TOML writes it: `facets[2].slugs.sdxl`."""
    parts = location[:-1] if location[-1] == "[key]" else location
    words = [f"[{part}]" if isinstance(part, int) else f".{quoted(part)}" for part in parts]
    return "".join(words).lstrip(".")


def quoted(key: str) -> str:
    """Return a key as TOML writes it: in quotes and on one line where it is not a plain word."""
    return key if BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=not key.isprintable())


def fields_at(detail: ErrorDetails, top_keys: Iterable[str]) -> Iterable[str]:
    """Return the keys that could stand where an unknown one stood."""
    tables: dict[str | int, type[Record]] = {
        "facets": FacetDefinition,
        "overrides": Override,
        "filters": ExplicitFilter,
    }
    table = tables.get(detail["loc"][0]) if len(detail["loc"]) > 1 else None
    return table.model_fields if table else top_keys


def check_file(definitions: Definitions, source: Source) -> Iterator[str]:
    """Yield what is wrong with a file of the right shape, by key."""
    file, info = definitions.file, source.info
    if file.sort not in info.sorts:
        yield f"sort: {unknown('order', file.sort, info.sorts)}"
    for name, value in definitions.options.items():
        yield from check_value(name, value, info.options[name], definitions)
    for index, facet in enumerate(file.facets):
        yield from check_facet(f"facets[{index}]", facet, source, definitions)
    yield from repeated("facet", [facet.name for facet in file.facets])
    yield from shared_slugs(file.facets)
    # A few lines more in each of four facets make more filters than there is memory.
    if (product := math.prod(len(facet.slugs) for facet in file.facets)) > MOST_FILTERS:
        yield f"facets: {product:,} filters in one file; it takes {MOST_FILTERS:,}"
    for index, explicit in enumerate(file.filters):
        yield from check_explicit(f"filters[{index}]", explicit, source, definitions)


def check_facet(
    where: str, facet: FacetDefinition, source: Source, definitions: Definitions
) -> Iterator[str]:
    """Yield what is wrong with one facet."""
    known = source.info.facets
    if facet.name not in known:
        yield f"{where}.name: {unknown('facet', facet.name, known)}"
        return
    if facet.default not in facet.slugs:
        yield f"{where}.default: {unknown('slug', facet.default, facet.slugs)}"
    for slug, value in facet.slugs.items():
        key = f"{where}.slugs.{quoted(slug)}"
        yield from check_value(key, value, known[facet.name], definitions)


def check_explicit(
    where: str, explicit: ExplicitFilter, source: Source, definitions: Definitions
) -> Iterator[str]:
    """Yield what is wrong with one explicit filter."""
    known = source.info.parameters
    if explicit.sort is not None and explicit.sort not in source.info.sorts:
        yield f"{where}.sort: {unknown('order', explicit.sort, source.info.sorts)}"
    for name, value in explicit.parameters.items():
        key = f"{where}.parameters.{quoted(name)}"
        if name in known:
            yield from check_value(key, value, known[name], definitions)
        else:
            yield f"{key}: {unknown('parameter', name, known)} (upstream would ignore it)"
    if all(name in known for name in explicit.parameters):
        yield from (f"{where}: {line}" for line in source.check(explicit.parameters))


def check_value(
    where: str, value: FacetValue, parameter: Parameter, definitions: Definitions
) -> Iterator[str]:
    """Yield what is wrong with one value or list of values."""
    if isinstance(value, tuple) and not parameter.repeatable:
        yield f"{where}: takes one value, not a list"
        return
    if parameter.values is None:
        return
    added = definitions.options.get(parameter.option or "", ())
    known = parameter.values.union([added] if isinstance(added, str) else added)
    hint = f" (upstream's new ones go into {parameter.option})" if parameter.option else ""
    for word in [value] if isinstance(value, str) else value:
        if word not in known:
            yield f"{where}: {unknown('value', word, known)}{hint}"


def repeated(what: str, names: list[str]) -> Iterator[str]:
    """Yield a line for each name that is given more than once."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} {name!r} is given twice"


def shared_slugs(facets: Iterable[FacetDefinition]) -> Iterator[str]:
    """Yield a line for each slug that two facets would put into a path."""
    owner: dict[str, str] = {}
    for facet in facets:
        for slug in facet.slugs:
            if slug != facet.default and owner.setdefault(slug, facet.name) != facet.name:
                yield f"slug {slug!r} is used by the facets {owner[slug]!r} and {facet.name!r}"


def same_source_twice(definitions: Iterable[Definitions]) -> list[str]:
    """Return a line for each file whose source another file has already defined."""
    first: dict[str, str] = {}
    problems = []
    for found in definitions:
        origin = first.setdefault(found.file.source, found.origin)
        if origin != found.origin:
            problems.append(f"{found.origin}: source {found.file.source!r} stands in {origin} too")
    return problems
