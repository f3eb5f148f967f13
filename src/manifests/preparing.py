"""Prepare a run: load its filters, plan its listings, look at what is published; send nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from manifests.errors import SettingsError
from manifests.filters import load_filters
from manifests.planner import plan_queries
from manifests.selection import select_filters
from manifests.settings import is_loopback
from manifests.store.published import read_published
from manifests.store.publisher import recover
from manifests.store.status import status_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from manifests.models import Filter
    from manifests.planner import Plan
    from manifests.settings import Settings
    from manifests.sources.base import Source, SourceInfo
    from manifests.store.names import Key
    from manifests.store.published import Published

__all__ = ["Prepared", "freshness", "look_again", "prepare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that is known to be valid, before anything is sent."""

    settings: Settings
    sources: Mapping[str, Source]
    filters: tuple[Filter, ...]
    """Those of this run, in the order of their definitions."""
    defined: frozenset[Key]
    """Source and path of all filters, also of those that are not part of this run."""
    plan: Plan
    published: Published
    """What stood in the output folder before."""

    @property
    def infos(self) -> dict[str, SourceInfo]:
        """The facts about all sources, by name."""
        return {name: source.info for name, source in self.sources.items()}


def prepare(
    settings: Settings,
    sources: Mapping[str, Source],
    *,
    only: Sequence[str] = (),
    source: str | None = None,
) -> Prepared:
    """Load and select the filters, plan their listings, and look at what is published.

    Raises:
        DefinitionError: the definitions or the selection are invalid.
        SettingsError: the output folder holds a catalogue of another kind of upstream.
        StoreError: the output folder can't be read.
    """
    defined = load_filters(settings.filters, sources)
    infos = [each.info for each in sources.values()]
    filters = select_filters(defined, infos, only=only, source=source)
    published = read_published(settings.out, {info.name: info for info in infos})
    refuse_other_upstream(settings, published)
    return Prepared(
        settings=settings,
        sources=sources,
        filters=filters,
        defined=frozenset((each.source, each.path) for each in defined),
        plan=plan_queries(filters, sources, last_success=freshness(published)),
        published=published,
    )


def refuse_other_upstream(settings: Settings, published: Published) -> None:
    """Refuse to mix a catalogue of this machine, such as the sandbox's, with a real one.

    Raises:
        SettingsError: some source's models came from one, and would now come from the other.
    """
    before = published.status.upstream if published.status else {}
    for source, endpoint in before.items():
        now = settings.access[source].endpoint if source in settings.access else endpoint
        if is_loopback(now) != is_loopback(endpoint):
            empty = f"rm {settings.out}/*.json"
            raise SettingsError(
                f"{settings.out} holds a catalogue made from {endpoint}, not from {now}",
                next_step=f"choose another folder with --out DIR, or empty it: {empty}",
            )


def freshness(published: Published) -> Callable[[Filter], str]:
    """Return what tells when a filter was last made, as ISO 8601; empty when it never was."""
    known = published.status.filters if published.status else {}

    def last_success(filter_: Filter) -> str:
        before = known.get(status_key(filter_.source, filter_.path))
        return (before.last_success if before else None) or ""

    return last_success


def look_again(prepared: Prepared) -> Prepared:
    """Return the run with what is published now that nobody else writes; a killed swap is ended.

    Raises:
        StoreError: the output folder can't be read or mended.
    """
    out = prepared.settings.out
    recover(out)
    return replace(prepared, published=read_published(out, prepared.infos))
