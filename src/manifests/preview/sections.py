"""Lay out what is published as a visitor sees it: a section a source, a listing a filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from manifests.models import Catalogue
from manifests.preview.facets import chosen_by_paths, facets_of_filters, facets_of_paths
from manifests.store.status import status_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manifests.models import Filter, Manifest
    from manifests.preview.facets import Choice, Facet
    from manifests.sources.base import SourceInfo
    from manifests.store.published import Published
    from manifests.store.status import FilterStatus, Freshness

__all__ = ["Listing", "Section", "Showing", "lay_out"]

Showing: TypeAlias = "Freshness | Literal['unknown']"
"""How fresh a list is; `unknown` where one is published of which the status says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One filter: what is published for it, and how fresh that is."""

    path: str
    label: str
    state: Showing
    manifest: Manifest | None = None
    """None where nothing is published."""
    status: FilterStatus | None = None
    """As it stands in `status.json`."""
    choice: Choice | None = None
    """What to choose from the menus to get here; None where they don't lead here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """All of one source."""

    name: str
    title: str
    prefix: str
    """How the names of its manifests begin."""
    facets: tuple[Facet, ...]
    listings: tuple[Listing, ...]
    """In the order of the definitions; those without one follow, by path."""
    catalogue: Catalogue


def lay_out(
    published: Published, infos: Sequence[SourceInfo], filters: Sequence[Filter] | None
) -> tuple[Section, ...]:
    """Return a section for each source of which anything is published or defined.

    Args:
        published: the whole files of the output folder.
        infos: all sources that are known.
        filters: what the definitions make; None where they can't be read, so that the menus are
            guessed from paths, and only what the status knows can be missing.
    """
    sections = (_section(published, info, filters) for info in infos)
    return tuple(section for section in sections if section.listings)


def _section(published: Published, info: SourceInfo, filters: Sequence[Filter] | None) -> Section:
    defined = {made.path: made for made in filters or () if made.source == info.name}
    statuses = _statuses(published, info.name)
    there = {path for source, path in published.manifests if source == info.name}
    rest = there if filters is not None else there | statuses.keys()
    paths = [*defined, *sorted(rest - defined.keys())]
    if filters is not None:
        facets, choices = facets_of_filters(defined.values())
    else:
        facets = facets_of_paths(paths)
        choices = chosen_by_paths(facets, paths)

    listings = (
        _listing(
            path,
            manifest=published.manifests.get((info.name, path)),
            status=statuses.get(path),
            made=defined.get(path),
            choice=choices.get(path),
        )
        for path in paths
    )
    return Section(
        name=info.name,
        title=info.title,
        prefix=info.file_prefix,
        facets=facets,
        listings=tuple(listings),
        catalogue=published.catalogues.get(info.name, Catalogue(source=info.name)),
    )


def _statuses(published: Published, source: str) -> Mapping[str, FilterStatus]:
    """Return path → status of one source."""
    known = published.status.filters if published.status else {}
    prefix = status_key(source, "")
    return {
        name.removeprefix(prefix): status
        for name, status in known.items()
        if name.startswith(prefix)
    }


def _listing(
    path: str,
    *,
    manifest: Manifest | None,
    status: FilterStatus | None,
    made: Filter | None,
    choice: Choice | None,
) -> Listing:
    # A manifest that was removed by hand is missing, whatever the last run left behind.
    state: Showing = "missing" if manifest is None else status.state if status else "unknown"
    label = made.label if made else plain_label(path)
    # A compact manifest has no label and says its path instead.
    if manifest and manifest.label != path:
        label = manifest.label

    return Listing(
        path=path, label=label, state=state, manifest=manifest, status=status, choice=choice
    )


def plain_label(path: str) -> str:
    """Return what a person calls a filter whose definition isn't known: `x / week / sd21`."""
    return path.removeprefix("filter/").replace("/", " / ")
