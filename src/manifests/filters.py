"""Read definition files and turn them into filters, or say all that is wrong with them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from manifests.definitions import DefinitionFile, Definitions, Options
from manifests.errors import DefinitionError
from manifests.models import Filter
from manifests.places import with_line
from manifests.selection import matches_any
from manifests.tables import decode_toml
from manifests.validation import check_file, explain, nearest, same_source_twice, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from manifests.definitions import ExplicitFilter, FacetDefinition
    from manifests.sources.base import Source

__all__ = ["expand", "load_filters"]

FILE: Final = TypeAdapter(DefinitionFile)
OPTIONS: Final[TypeAdapter[Options]] = TypeAdapter(Options)
ShapeT = TypeVar("ShapeT")
LONGEST_PATH: Final = 200
"""Characters: with prefix and staging suffix a file's name stays below the usual 255 bytes."""


def load_filters(folder: Path, sources: Mapping[str, Source]) -> tuple[Filter, ...]:
    """Return every filter that the `*.toml` files of *folder* define, in the order of their names.

    Raises:
        DefinitionError: with all problems of all files, by file and key.
    """
    results = [read_file(path, sources) for path in files_in(folder)]
    problems = [line for _, lines in results for line in lines]
    definitions = [found for found, _ in results if found]
    made = [expand(found) for found in definitions]
    problems += same_source_twice(definitions)
    for found, filters in zip(definitions, made, strict=True):
        problems += (f"{found.origin}: {line}" for line in check_paths(found, filters))
    if problems:
        raise DefinitionError(problems, next_step="mend the definitions; nothing was sent")
    return tuple(itertools.chain.from_iterable(made))


def files_in(folder: Path) -> list[Path]:
    """Return the definition files of a folder, by name.

    Raises:
        DefinitionError: there are none.
    """
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        lack = "holds no *.toml file" if folder.is_dir() else "is no folder"
        raise DefinitionError([f"{folder}: {lack}"], next_step="name another with --filters DIR")
    return paths


def read_file(path: Path, sources: Mapping[str, Source]) -> tuple[Definitions | None, list[str]]:
    """Return the definitions of one file, or None and a line for each thing wrong with it."""
    try:
        # Some editors begin a file with a byte order mark, which TOML does not know.
        text = path.read_text(encoding="utf-8-sig")
        raw = decode_toml(text)
    except OSError as error:
        return None, [f"{path}: can't be read: {error.strerror}"]
    except UnicodeDecodeError as error:
        return None, [f"{path}: byte {error.start + 1} is no UTF-8"]
    except ValueError as error:
        return None, [f"{path}: {error}"]
    name = raw.get("source")
    if not isinstance(name, str) or name not in sources:
        why = "is missing" if name is None else unknown("source", str(name), sources)
        return None, [f"{path}: {with_line(f'source: {why}', text)}"]
    found, problems = parse(raw, origin=str(path), source=sources[name])
    return found, [f"{path}: {with_line(each, text)}" for each in problems]


def parse(
    raw: dict[str, object], *, origin: str, source: Source
) -> tuple[Definitions | None, list[str]]:
    """Return the definitions in decoded TOML, or None and what is wrong with them, by key."""
    own = source.info.options
    keys = (*DefinitionFile.model_fields, *own)
    problems: list[str] = []
    file = shaped(FILE, {key: raw[key] for key in raw if key not in own}, keys, problems)
    options = shaped(OPTIONS, {key: raw[key] for key in raw if key in own}, keys, problems)
    if file is None or options is None:
        return None, problems
    definitions = Definitions(origin=origin, file=file, options=options)
    problems += check_file(definitions, source)
    return (None if problems else definitions), problems


def shaped(
    shape: TypeAdapter[ShapeT], raw: Mapping[str, object], keys: Iterable[str], problems: list[str]
) -> ShapeT | None:
    """Return decoded TOML in a shape, or None; where it does not fit is added to *problems*."""
    try:
        return shape.validate_python(raw)
    except ValidationError as error:
        problems += explain(error, keys)
        return None


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
        slugs={facet.name: slug for facet, slug in zip(file.facets, slugs, strict=True)},
        options=text_options(definitions),
        skip_models=file.skip_models,
        min_count=file.min_count,
        max_shrink=file.max_shrink,
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
        min_count=file.min_count if given.min_count is None else given.min_count,
        max_shrink=file.max_shrink if given.max_shrink is None else given.max_shrink,
    )


def text_options(definitions: Definitions) -> dict[str, str]:
    """Return the options that filters carry; lists serve validation alone."""
    return {name: value for name, value in definitions.options.items() if isinstance(value, str)}


def overridden(definitions: Definitions, made: Filter) -> Filter:
    """Return a filter with what its override changes."""
    override = definitions.file.overrides.get(made.path)
    return replace(made, **override.model_dump(exclude_none=True)) if override else made


def check_paths(definitions: Definitions, filters: Sequence[Filter]) -> Iterator[str]:
    """Yield duplicate paths, clashing file names, and overrides or excludes that touch nothing."""
    if not filters:
        yield "defines no filter"
    yield from shared_files([made.path for made in filters])
    paths = {made.path for made in filters}
    yield from (
        f"path {path!r} is longer than {LONGEST_PATH} characters"
        for path in sorted(paths)
        if len(path) > LONGEST_PATH
    )
    for path in definitions.file.overrides:
        if path not in paths:
            whole = f"filter/{path.removeprefix('filter/')}"
            yield f"overrides: unknown filter {path!r}{nearest(whole, paths)}"
    yield from idle_excludes(definitions)


def shared_files(paths: Iterable[str]) -> Iterator[str]:
    """Yield a line for each path that would be written to the file of an earlier one."""
    owner: dict[str, str] = {}
    for path in paths:
        stem = path.replace("/", "-")
        other = owner.get(stem)
        if other == path:
            yield f"path {path!r} is defined twice"
        elif other:
            yield f"paths {other!r} and {path!r} would share one file name"
        else:
            owner[stem] = path


def idle_excludes(definitions: Definitions) -> Iterator[str]:
    """Yield a line for each exclude that matches no filter of the matrix."""
    facets = definitions.file.facets
    choices = itertools.product(*(facet.slugs for facet in facets))
    words = ["/".join(segments(facets, slugs)) for slugs in choices]
    paths = [f"filter/{word}" for word in words if word]
    for glob in definitions.file.exclude:
        if not any(matches_any(path, [glob]) for path in paths):
            yield f"exclude: {glob!r} matches no filter{nearest(glob, [*words, *paths])}"
