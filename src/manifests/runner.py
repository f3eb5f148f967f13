"""Make a run: load filters → plan → fetch → assemble → gate → publish → record, in this order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.assembly import assemble, collect_entries, record_queries
from manifests.errors import SettingsError, StoreError
from manifests.events import RunPlanned
from manifests.filters import load_filters
from manifests.planner import plan_queries
from manifests.reading import ListingReader, SecondPass
from manifests.recording import (
    environment,
    iso,
    next_published_status,
    refuse,
    run_id,
    settle,
)
from manifests.results import RunRecord
from manifests.selection import select_filters
from manifests.settings import is_loopback
from manifests.stopping import read_until_stopped
from manifests.store.formats import Style, status_bytes
from manifests.store.gate import verdicts
from manifests.store.names import manifest_file
from manifests.store.published import read_published
from manifests.store.publisher import MACHINE, publish
from manifests.store.release import compose
from manifests.store.status import status_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from manifests.assembly import Made
    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.models import Filter, Query
    from manifests.planner import Plan
    from manifests.reading import FetchesPages, ReadQuery
    from manifests.results import Failure, HostRecord, Outcome
    from manifests.settings import Settings
    from manifests.sources.base import Source, SourceInfo
    from manifests.store.names import Key
    from manifests.store.published import Published
    from manifests.store.publisher import Disk
    from manifests.store.release import Release

__all__ = ["Draft", "Prepared", "Workplace", "make_draft", "prepare", "publish_draft", "run"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What a run works with: whoever fetches and watches, the time, and the disk."""

    fetchers: Mapping[str, FetchesPages]
    reporter: Reporter
    clock: Clock
    disk: Disk = MACHINE
    hosts: Callable[[], tuple[HostRecord, ...]] = tuple
    """Tells, when the run is over, how each host was treated."""


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
        plan=plan_queries(filters, sources),
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
            raise SettingsError(
                f"{settings.out} holds a catalogue made from {endpoint}, not from {now}",
                next_step="choose another folder with --out DIR, or empty this one",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A run that is made but not yet published."""

    record: RunRecord
    """As it would be, if the disk takes everything."""
    made: tuple[Made, ...]
    release: Release


async def run(prepared: Prepared, workplace: Workplace) -> RunRecord:
    """Make the manifests of a prepared run and publish them; failures are values in the record."""
    draft = await make_draft(prepared, workplace)
    if prepared.settings.dry_run:
        return draft.record
    return publish_draft(prepared, draft, now=iso(workplace.clock.wall()), disk=workplace.disk)


async def make_draft(prepared: Prepared, workplace: Workplace) -> Draft:
    """Fetch the pages of a plan, assemble and judge the candidates, and compose the next set."""
    clock = workplace.clock
    started, began = clock.wall(), clock.monotonic()
    reader = listing_reader(prepared, workplace, began=began)
    ended_by = await read_until_stopped(reader.read_all, deadline=prepared.settings.deadline)
    made = tuple(assemble(prepared.plan, reader.results, prepared.infos, ended_by=ended_by))
    doubts = judge(made, prepared.published)
    release = compose_release(prepared, made, doubts, reader.results)
    record = RunRecord(
        run=run_id(started, clock.random),
        started=iso(started),
        seconds=round(clock.monotonic() - began, 3),
        ended_by=ended_by,
        dry_run=prepared.settings.dry_run,
        environment=environment(prepared.settings.access),
        outcomes=settle_all(prepared, made, doubts, release),
        queries=record_queries(reader.results),
        hosts=workplace.hosts(),
        unlisted=unlisted(prepared),
        damaged=prepared.published.damaged,
        orphans=tuple(f"{source}:{id_}" for source, id_ in release.orphans),
    )
    return Draft(record=record, made=made, release=release)


def listing_reader(prepared: Prepared, workplace: Workplace, *, began: float) -> ListingReader:
    """Return the reader of a run's plan, after saying how much there is to read."""
    status = prepared.published.status
    known = status.filters if status else {}

    def last_success(source: str, path: str) -> str:
        before = known.get(status_key(source, path))
        return (before.last_success if before else None) or ""

    published = prepared.published.manifests
    plan = prepared.plan
    workplace.reporter(RunPlanned(filters=len(prepared.filters), queries=len(plan.queries)))
    return ListingReader(
        plan,
        sources=prepared.sources,
        fetchers=workplace.fetchers,
        reporter=workplace.reporter,
        is_published=lambda source, path: (source, path) in published,
        second_pass=SecondPass(
            clock=workplace.clock,
            ends=began + prepared.settings.deadline,
            last_success=last_success,
        ),
    )


def judge(made: Sequence[Made], published: Published) -> Mapping[Key, Failure]:
    """Return the candidates that are not believed, with the reason."""
    return verdicts([each.candidate for each in made if each.candidate], published.manifests)


def compose_release(
    prepared: Prepared,
    made: Sequence[Made],
    doubts: Mapping[Key, Failure],
    results: Mapping[Query, ReadQuery],
) -> Release:
    """Return the next published set: what was made and believed, beside what is kept."""
    candidates = [each.candidate for each in made if each.candidate]
    return compose(
        prepared.published,
        {each.key: each.manifest for each in candidates if each.key not in doubts},
        collect_entries(prepared.plan, results),
        infos=prepared.infos,
        style=Style.COMPACT if prepared.settings.compact else Style.STANDARD,
    )


def settle_all(
    prepared: Prepared, made: Sequence[Made], doubts: Mapping[Key, Failure], release: Release
) -> tuple[Outcome, ...]:
    """Return the outcome of each filter, in the order of the definitions."""
    changed = frozenset(release.changed(prepared.published))
    outcomes = {
        key: settle(
            each,
            prepared.infos[each.filter.source],
            prepared.published,
            doubt=doubts.get(key),
            changed=changed,
        )
        for each in made
        for key in [(each.filter.source, each.filter.path)]
    }
    return tuple(outcomes[each.source, each.path] for each in prepared.filters)


def unlisted(prepared: Prepared) -> tuple[str, ...]:
    """Return the published files whose filters are defined no more."""
    infos = prepared.infos
    gone = [key for key in prepared.published.manifests if key not in prepared.defined]
    return tuple(sorted(manifest_file(infos[source], path) for source, path in gone))


def publish_draft(prepared: Prepared, draft: Draft, *, now: str, disk: Disk = MACHINE) -> RunRecord:
    """Put a draft in place; return its record with what the disk made of it."""
    status = next_published_status(
        draft.record, prepared.published, defined=prepared.defined, now=now
    )
    release = draft.release.with_status(status_bytes(status))
    try:
        publication = publish(prepared.settings.out, release, disk=disk)
    except StoreError as error:
        taken = in_place(prepared, release)
        return refuse(draft.record, error, infos=prepared.infos, written=taken)
    return draft.record.model_copy(update={"written": publication.written})


def in_place(prepared: Prepared, release: Release) -> tuple[str, ...]:
    """Return the files that hold the new bytes already, though the disk refused others."""
    try:
        now = read_published(prepared.settings.out, prepared.infos).files
    except StoreError:
        return ()
    changed = release.changed(prepared.published)
    return tuple(name for name in changed if now.get(name) == release.files[name])
