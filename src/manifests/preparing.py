"""Prepare a run: load its filters, plan its listings, look at what is published; send nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from manifests.errors import SettingsError
from manifests.filters import load_filters
from manifests.heap import give_back
from manifests.planner import plan_queries
from manifests.selection import select_filters
from manifests.settings import is_loopback
from manifests.sharding import share_of
from manifests.store.names import STATUS_FILE
from manifests.store.published import read_published
from manifests.store.publisher import recover
from manifests.store.status import believed_success, status_key
from manifests.store.swap import JOURNAL_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from manifests.models import Filter
    from manifests.planner import Plan
    from manifests.settings import Settings
    from manifests.sharding import Shard, Share
    from manifests.sources.base import Source, SourceInfo
    from manifests.store.names import Key
    from manifests.store.published import Published

__all__ = ["Prepared", "freshness", "look_again", "mixture", "prepare", "refuse_mixture"]


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
    share: Share | None = None
    """Which part of the chosen filters these are; None where they are all."""

    @property
    def infos(self) -> dict[str, SourceInfo]:
        """The facts about all sources, by name."""
        return {name: source.info for name, source in self.sources.items()}


def prepare(
    settings: Settings,
    sources: Mapping[str, Source],
    *,
    now: datetime,
    only: Sequence[str] = (),
    source: str | None = None,
    shard: Shard | None = None,
) -> Prepared:
    """Load and select the filters, plan their listings, and look at what is published.

    Args:
        settings: what the run is told.
        sources: all sources by name.
        now: the time of day: what was made later than that is as if it were never made.
        only: globs over the paths of the filters to make; all without any.
        source: the one source to ask, if not all.
        shard: the one of several machines that makes only its share of them; None makes all.

    Raises:
        DefinitionError: the definitions or the selection are invalid.
        SettingsError: the output folder holds a catalogue of another kind of upstream.
        StoreError: the output folder can't be read.
    """
    defined = load_filters(settings.filters, sources)
    infos = [each.info for each in sources.values()]
    filters = select_filters(defined, infos, only=only, source=source)
    share = None
    if shard:
        share = share_of(shard, defined=defined, chosen=filters, sources=sources)
        share = replace(share, only=tuple(only), source=source)
        filters = tuple(each for each in filters if (each.source, each.path) in share.keys)
        settings = judged_in_part(settings)
    published = read_published(settings.out, {info.name: info for info in infos})
    refuse_other_upstream(settings, published, sources)
    return Prepared(
        settings=settings,
        sources=sources,
        filters=filters,
        defined=frozenset((each.source, each.path) for each in defined),
        plan=plan_queries(filters, sources, last_success=freshness(published, now=now)),
        published=published,
        share=share,
    )


def judged_in_part(settings: Settings) -> Settings:
    """Return the settings of a shard: what a source as a whole has lost, only a merge can tell."""
    gate = replace(settings.gate, enough_empty=sys.maxsize, max_source_shrink=1.0)
    return replace(settings, gate=gate)


def refuse_other_upstream(
    settings: Settings, published: Published, sources: Mapping[str, Source]
) -> None:
    """Refuse to mix a catalogue of this machine, such as the sandbox's, with a real one.

    Where a run has made nothing, there is nothing that the next one could mix.

    Raises:
        SettingsError: some source's models came from one, and would now come from the other.
    """
    if published.status is None:
        refuse_unknown_upstream(settings, published)
    elif published.manifests or published.catalogues:
        refuse_mixture(settings, published.status.upstream, sources)


def refuse_mixture(
    settings: Settings, before: Mapping[str, str], sources: Mapping[str, Source]
) -> None:
    """Refuse to ask this machine where another was asked before, and the reverse.

    Args:
        settings: what the run is told.
        before: source → endpoint of what is published.
        sources: all sources by name.

    Raises:
        SettingsError: naming both endpoints.
    """
    if mixed := mixture(settings, before):
        source, endpoint, now = mixed
        again = as_before(endpoint, now, variable=sources[source].info.endpoint_variable)
        raise SettingsError(
            f"{settings.out} holds a catalogue made from {endpoint}, not from {now}",
            next_step=f"{again}, choose another folder with --out DIR, or empty it:"
            f" rm {settings.out}/*.json",
        )


def mixture(settings: Settings, before: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return a source, its endpoint before and now, of which one is this machine and one is not.

    Args:
        settings: what the run is told.
        before: source → endpoint that was asked before.
    """
    asked = (
        (source, endpoint, settings.access[source].endpoint)
        for source, endpoint in before.items()
        if source in settings.access
    )
    return next((each for each in asked if is_loopback(each[1]) != is_loopback(each[2])), None)


def as_before(endpoint: str, now: str, *, variable: str) -> str:
    """Say how to ask again whom a set was made from."""
    if is_loopback(endpoint):
        # The embedded upstream has another port each time: by that it can't be told from another.
        return f"add --sandbox, or set {variable}={endpoint} if that is a server of yours"
    # What is embedded has no port yet.
    return "leave --sandbox out" if urlsplit(now).port is None else f"set {variable}={endpoint}"


def refuse_unknown_upstream(settings: Settings, published: Published) -> None:
    """Refuse to overwrite a set of unknown origin with models that were made up on this machine.

    A real run may go on: it mends what was lost.

    Raises:
        SettingsError: a source with published manifests would be asked on this machine.
    """
    # A first run that was killed while it put its files in place is gone on with.
    if (settings.out / JOURNAL_FILE).exists():
        return
    is_damaged = any(line.startswith(f"{STATUS_FILE}:") for line in published.damaged)
    lost = "its" if is_damaged else "no"
    for source in sorted({source for source, _ in published.manifests}):
        if source in settings.access and is_loopback(settings.access[source].endpoint):
            raise SettingsError(
                f"{settings.out} holds manifests of {source}, but {lost} {STATUS_FILE} that tells"
                f" whether they are real ones{' is damaged' if is_damaged else ''}",
                next_step="choose another folder with --out DIR, or empty it:"
                f" rm {settings.out}/*.json",
            )


def freshness(published: Published, *, now: datetime) -> Callable[[Filter], str]:
    """Return what tells when a filter was last made, as ISO 8601; empty when it never was.

    A time that lies ahead of *now* is not believed: the clock was set back, and the filter would
    come last until it has caught up.
    """
    known = published.status.filters if published.status else {}

    def last_success(filter_: Filter) -> str:
        return believed_success(known.get(status_key(filter_.source, filter_.path)), now=now)

    return last_success


def look_again(prepared: Prepared) -> Prepared:
    """Return the run with what is published now that nobody else writes; a killed swap is ended.

    Raises:
        StoreError: the output folder can't be read or mended.
    """
    out = prepared.settings.out
    recover(out)
    published = read_published(out, prepared.infos, known=prepared.published)
    give_back()
    return replace(prepared, published=published)
