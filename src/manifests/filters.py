"""Read definition files and turn them into filters, or say all that is wrong with them."""

from __future__ import annotations

import itertools
import tomllib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from manifests.definitions import DefinitionFile, Definitions, as_text
from manifests.errors import DefinitionError
from manifests.models import FacetValue, Filter
from manifests.selection import matches_any
from manifests.validation import check_file, explain, nearest, same_source_twice, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from manifests.definitions import ExplicitFilter, FacetDefinition
    from manifests.sources.base import Source

__all__ = ["expand", "load_filters"]


def load_filters(folder: Path, sources: Mapping[str, Source]) -> tuple[Filter, ...]:
    """Return every filter that the `*.toml` files of *folder* define, in the order of their names.

    Raises:
        DefinitionError: with all problems of all files, by file and key.
    """
    paths = sorted(folder.glob("*.toml"))
    results = [read_file(path, sources) for path in paths]
    problems = [line for _, lines in results for line in lines]
    definitions = [found for found, _ in results if found]
    made = [expand(found) for found in definitions]
    problems += same_source_twice(definitions)
    for found, filters in zip(definitions, made, strict=True):
        problems += (f"{found.origin}: {line}" for line in check_paths(found, filters))
    if not paths:
        problems = [f"{folder}: holds no *.toml file; name the folder with --filters DIR"]
    if problems:
        raise DefinitionError(problems, next_step="mend the definitions; nothing was sent")
    return tuple(itertools.chain.from_iterable(made))


def read_file(path: Path, sources: Mapping[str, Source]) -> tuple[Definitions | None, list[str]]:
    """Return the definitions of one file, or None and a line for each thing wrong with it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [f"{path}: {error}"]
    name = str(raw.get("source"))
    if name not in sources:
        return None, [f"{path}: source: {unknown('source', name, sources)}"]
    found, problems = parse(raw, origin=str(path), source=sources[name])
    return found, [f"{path}: {line}" for line in problems]


def parse(
    raw: dict[str, object], *, origin: str, source: Source
) -> tuple[Definitions | None, list[str]]:
    """Return the definitions in decoded TOML, or None and what is wrong with them, by key."""
    own = source.info.options
    options = {key: option_value(raw[key]) for key in own if key in raw}
    try:
        file = DefinitionFile.model_validate({key: raw[key] for key in raw if key not in own})
    except ValidationError as error:
        return None, list(explain(error, (*DefinitionFile.model_fields, *own)))
    definitions = Definitions(origin=origin, file=file, options=options)
    problems = list(check_file(definitions, source))
    return (None if problems else definitions), problems


def option_value(value: object) -> FacetValue:
    """Return a source's own option as text or texts."""
    text = as_text(value)
    return tuple(str(item) for item in text) if isinstance(text, tuple) else str(text)


def expand(definitions: Definitions) -> tuple[Filter, ...]:
    """Return the matrix of the facets less its all-default filter, then the explicit filters."""
    choices = itertools.product(*(facet.slugs for facet in definitions.file.facets))
    matrix = [
        matrix_filter(definitions, slugs) for slugs in choices if any_chosen(definitions, slugs)
    ]
    kept = [made for made in matrix if not matches_any(made.path, definitions.file.exclude)]
    explicit = [explicit_filter(definitions, given) for given in definitions.file.filters]
    return tuple(overridden(definitions, made) for made in (*kept, *explicit))


def any_chosen(definitions: Definitions, slugs: Sequence[str]) -> bool:
    """Tell whether a combination is more than all the defaults."""
    return any(segments(definitions.file.facets, slugs))


def segments(facets: Sequence[FacetDefinition], slugs: Sequence[str]) -> Iterator[str]:
    """Yield the slugs that stand in a path: those that are not their facet's default."""
    return (slug for facet, slug in zip(facets, slugs, strict=True) if slug != facet.default)


def matrix_filter(definitions: Definitions, slugs: Sequence[str]) -> Filter:
    """Return the filter of one combination of slugs."""
    file = definitions.file
    chosen = list(segments(file.facets, slugs))
    return Filter(
        source=file.source,
        path="/".join(["filter", *chosen]),
        label=" / ".join(chosen),
        limit=file.limit,
        sort=file.sort,
        values={
            facet.name: facet.slugs[slug] for facet, slug in zip(file.facets, slugs, strict=True)
        },
        options=text_options(definitions),
        skip_models=file.skip_models,
    )


def explicit_filter(definitions: Definitions, given: ExplicitFilter) -> Filter:
    """Return a filter that stands in a definition file by itself."""
    file = definitions.file
    return Filter(
        source=file.source,
        path=given.path,
        label=given.label or given.path.removeprefix("filter/").replace("/", " / "),
        limit=given.limit or file.limit,
        sort=given.sort or file.sort,
        parameters=given.parameters,
        options=text_options(definitions),
        skip_models=file.skip_models,
        allow_empty=given.allow_empty,
    )


def text_options(definitions: Definitions) -> dict[str, str]:
    """Return the options that filters carry; lists serve validation alone."""
    return {name: value for name, value in definitions.options.items() if isinstance(value, str)}


def overridden(definitions: Definitions, made: Filter) -> Filter:
    """Return a filter with what its override changes."""
    override = definitions.file.overrides.get(made.path)
    return made.model_copy(update=override.model_dump(exclude_none=True)) if override else made


def check_paths(definitions: Definitions, filters: Sequence[Filter]) -> Iterator[str]:
    """Yield duplicate paths, clashing file names, and overrides or excludes that touch nothing."""
    if not filters:
        yield "defines no filter"
    owner: dict[str, str] = {}
    for made in filters:
        other = owner.setdefault(made.file_stem, made.path)
        if other is not made.path:
            yield same_file(made.path, other)
    paths = {made.path for made in filters}
    for path in definitions.file.overrides:
        if path not in paths:
            yield f"overrides: {unknown('filter', path, paths)}"
    yield from idle_excludes(definitions)


def same_file(path: str, other: str) -> str:
    """Say that two filters would be written to one file."""
    if path == other:
        return f"path {path!r} is defined twice"
    return f"paths {path!r} and {other!r} would share one file name"


def idle_excludes(definitions: Definitions) -> Iterator[str]:
    """Yield a line for each exclude that matches no filter of the matrix."""
    facets = definitions.file.facets
    choices = itertools.product(*(facet.slugs for facet in facets))
    paths = ["/".join(["filter", *segments(facets, slugs)]) for slugs in choices]
    for glob in definitions.file.exclude:
        if not any(matches_any(path, [glob]) for path in paths):
            yield f"exclude: {glob!r} matches no filter{nearest(glob, paths)}"
