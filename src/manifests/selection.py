"""Pick the filters that a command asks for, by glob, path and source."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from manifests.errors import DefinitionError
from manifests.validation import nearest, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from manifests.models import Filter
    from manifests.sources.base import SourceInfo

__all__ = ["find_filter", "matches_any", "select_filters"]

MOST_NAMED = 3
PREFIX = "filter/"
WILD = frozenset("*?[")
"""Characters without which a glob is a name."""


def matches_any(path: str, globs: Iterable[str]) -> bool:
    """Tell whether *path*, with or without its leading `filter/`, matches one of *globs*."""
    short = path.removeprefix(PREFIX)
    return any(fnmatchcase(path, glob) or fnmatchcase(short, glob) for glob in globs)


def split_prefix(pattern: str, infos: Iterable[SourceInfo]) -> tuple[str | None, str]:
    """Split `hf:filter/likes` into the source's name, None where there is none, and the rest."""
    prefix, colon, rest = pattern.partition(":")
    if not colon:
        return None, pattern
    for info in infos:
        if prefix in {info.name, info.file_prefix, info.short}:
            return info.name, rest
    raise DefinitionError([unknown("source", prefix, [info.name for info in infos])])


def select_filters(
    filters: Sequence[Filter],
    infos: Sequence[SourceInfo],
    *,
    only: Sequence[str],
    source: str | None,
) -> tuple[Filter, ...]:
    """Return the filters that match any glob of *only* (all, when it is empty) and the source.

    A glob is held against the path with and without `filter/`; `hf:` before it names the source.

    Raises:
        DefinitionError: for a source that doesn't exist, or a glob that matches nothing.
    """
    wanted = None if source is None else split_prefix(f"{source}:", infos)[0]
    pool = [made for made in filters if wanted in {None, made.source}]
    if not only:
        return tuple(pool)
    # `retry` names each filter: to hold 10,000 of them against each other would take minutes.
    named = by_name(pool)
    chosen = {
        (made.source, made.path)
        for pattern in only
        for made in matching(pool, named, pattern, infos)
    }
    return tuple(made for made in pool if (made.source, made.path) in chosen)


def by_name(pool: Iterable[Filter]) -> dict[str, list[Filter]]:
    """Return path, with and without `filter/` → the filters that have it, one of each source."""
    named: dict[str, list[Filter]] = defaultdict(list)
    for made in pool:
        for name in {made.path, short_path(made)}:
            named[name].append(made)
    return named


def matching(
    pool: Sequence[Filter],
    named: Mapping[str, Sequence[Filter]],
    pattern: str,
    infos: Sequence[SourceInfo],
) -> list[Filter]:
    """Return the filters that match one glob; *named* is what `by_name` makes of *pool*."""
    name, glob = split_prefix(pattern, infos)
    if WILD.isdisjoint(glob):
        candidates = named.get(glob, ())
    else:
        candidates = [made for made in pool if matches_any(made.path, [glob])]
    found = [made for made in candidates if name in {None, made.source}]
    if not found:
        own = [made for made in pool if name in {None, made.source}]
        hint = next(near_misses(pool, own, glob), None) or nearest(
            glob, [path for made in own for path in (made.path, short_path(made))]
        )
        raise DefinitionError(
            [f"{pattern!r} matches no filter{hint}"], next_step="see them with: manifests list"
        )
    return found


def near_misses(pool: Sequence[Filter], own: Sequence[Filter], path: str) -> Iterator[str]:
    """Yield hints at filters of the same words: in another order, or of another source."""
    words = sorted(path.removeprefix(PREFIX).lower().split("/"))
    prefix = PREFIX if path.lower().startswith(PREFIX) else ""
    for made in own:
        if sorted(short_path(made).split("/")) == words:
            yield f"; did you mean {prefix + short_path(made)!r}?"
    for made in pool:
        if short_path(made).split("/") == path.removeprefix(PREFIX).lower().split("/"):
            yield f"; did you mean '{made.source}:{prefix}{short_path(made)}'?"


def short_path(made: Filter) -> str:
    """Return the path as people type it, without `filter/`."""
    return made.path.removeprefix(PREFIX)


def find_filter(filters: Sequence[Filter], infos: Sequence[SourceInfo], path: str) -> Filter:
    """Return the one filter that *path* names.

    Raises:
        DefinitionError: when none or several do, naming the nearest or all of them.
    """
    found = matching(filters, by_name(filters), path, infos)
    if len(found) > 1:
        names = [f"{made.source}:{made.path}" for made in found]
        shown = ", ".join(names[:MOST_NAMED] + ["…"] * (len(names) > MOST_NAMED))
        raise DefinitionError(
            [f"{path!r} names {len(found)} filters: {shown}"],
            next_step=f"name one, such as: manifests test-filter {names[0]}",
        )
    return found[0]
