"""Make a run: prepare (load filters → plan) → fetch → assemble → gate → publish → record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from manifests.accounting import plan_record, stock_of, summed_up, take_stock
from manifests.assembly import assemble, collect_entries, record_queries
from manifests.drafting import Draft, compose_release, hold_back, judge, settle_all, unlisted
from manifests.errors import StoreError
from manifests.events import Noted, RunPlanned
from manifests.handover import claim, hand_over, withdrawn
from manifests.heap import give_back, keep_low
from manifests.memory import Recalled
from manifests.preparing import freshness
from manifests.reading import ListingReader, SecondPass
from manifests.recording import environment, iso, next_published_status, refuse, run_id
from manifests.results import RunRecord
from manifests.stopping import read_until_stopped
from manifests.store.files import digest_in
from manifests.store.formats import status_bytes
from manifests.store.published import read_published
from manifests.store.publisher import MACHINE, publish
from manifests.store.snapshots import ModelNotes, Snapshot
from manifests.store.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.fetch.fetcher import FetchesPages
    from manifests.memory import Memory
    from manifests.preparing import Prepared
    from manifests.stopping import EndedBy
    from manifests.store.publisher import Disk
    from manifests.store.release import Release
    from manifests.traffic import HostRecord

__all__ = ["Workplace", "make_draft", "publish_draft", "run", "snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What a run works with: whoever fetches and watches, the time, and the disk."""

    fetchers: Mapping[str, FetchesPages]
    reporter: Reporter
    clock: Clock
    disk: Disk = MACHINE
    memory: Memory | None = None
    """What earlier runs have left for this one, and it leaves for later ones."""
    run: str | None = None
    """Id of the run, if it was begun already."""
    resumes: str | None = None
    """Id of the run that was cut short and whose pages this one may use."""
    hosts: Callable[[], tuple[HostRecord, ...]] = tuple
    """Tells, when the run is over, how each host was treated."""
    flags: str = ""
    """What to add to a command so that it meets the same upstream and definitions."""


async def run(prepared: Prepared, workplace: Workplace) -> RunRecord:
    """Make the manifests of a prepared run and publish them; failures are values in the record."""
    keep_low()
    share, is_dry = prepared.share, prepared.settings.dry_run
    if share and not is_dry:
        claim(prepared, share, disk=workplace.disk)
    draft = await make_draft(prepared, workplace)
    give_back()
    before = prepared.published
    unchanged = stock_of(before.catalogues)
    if is_dry:
        return summed_up(draft.record, before=before, stock=unchanged)
    stock = take_stock(before.catalogues, draft.release.catalogues)
    if share:
        draft = replace(draft, release=hand_over(prepared, share, draft))
    elif before.status and before.status.shard:
        draft = replace(draft, release=withdrawn(draft.release))
    now = iso(workplace.clock.wall())
    record = publish_draft(prepared, draft, now=now, disk=workplace.disk)
    record = summed_up(record, before=before, stock=unchanged if record.refusal else stock)
    if workplace.memory:
        give_back()
        workplace.memory.finish(record, snapshot(prepared, draft, record), draft.held)
    return record


async def make_draft(prepared: Prepared, workplace: Workplace) -> Draft:
    """Fetch the pages of a plan, assemble and judge the candidates, and compose the next set."""
    clock = workplace.clock
    started, began = clock.wall(), clock.monotonic()
    recalled = workplace.memory.recall() if workplace.memory else Recalled()
    spool = Spool()
    reader = listing_reader(prepared, workplace, recalled, began=began, spool=spool)
    ended_by = await read_until_stopped(
        reader.read_all,
        deadline=prepared.settings.deadline,
        tell=partial(tell_of_signal, workplace.reporter),
    )
    made = tuple(assemble(prepared.plan, reader.results, prepared.infos, ended_by=ended_by))
    judgement = judge(made, prepared, recalled, now=clock.wall())
    for each in made:
        if (each.filter.source, each.filter.path) in judgement:
            reader.forget(each.read.listing)
    give_back()  # what pages have left behind, as composing needs the most
    entries = collect_entries(prepared.plan, reader.results)
    release = compose_release(prepared, made, judgement, entries, spool=spool)
    record = RunRecord(
        run=workplace.run or run_id(started, clock.random),
        started=iso(started),
        seconds=round(clock.monotonic() - began, 3),
        resumes=workplace.resumes,
        ended_by=ended_by,
        dry_run=prepared.settings.dry_run,
        environment=environment(prepared.settings.access),
        plan=plan_record(prepared, recalled, flags=workplace.flags),
        outcomes=settle_all(prepared, made, judgement, release),
        queries=record_queries(reader.results),
        hosts=workplace.hosts(),
        shard=prepared.share.part if prepared.share else None,
        unlisted=unlisted(prepared),
        damaged=prepared.published.damaged,
        orphans=tuple(f"{source}:{id_}" for source, id_ in release.orphans),
    )
    held = tuple(hold_back(made, judgement, entries))
    return Draft(record=record, made=made, release=release, held=held)


def tell_of_signal(reporter: Reporter, signal: EndedBy) -> None:
    """Say that a signal was heard: composing and publishing take a while, which looks like none."""
    message = f"{signal}: ending with what is complete; once more ends at once"
    reporter(Noted(message=message, passing=True))


def listing_reader(
    prepared: Prepared,
    workplace: Workplace,
    recalled: Recalled,
    *,
    began: float,
    spool: Spool | None = None,
) -> ListingReader:
    """Return the reader of a run's plan, after saying how much there is to read."""
    published = prepared.published.manifests
    plan = prepared.plan
    run, filters, queries = workplace.run or "", len(prepared.filters), len(plan.queries)
    workplace.reporter(RunPlanned(filters=filters, queries=queries, run=run))
    return ListingReader(
        plan,
        sources=prepared.sources,
        fetchers=workplace.fetchers,
        reporter=workplace.reporter,
        is_published=lambda source, path: (source, path) in published,
        second_pass=SecondPass(
            clock=workplace.clock,
            ends=began + prepared.settings.deadline,
            last_success=freshness(prepared.published, now=workplace.clock.wall()),
        ),
        expected=recalled.pages,
        spool=spool,
    )


def snapshot(prepared: Prepared, draft: Draft, record: RunRecord) -> Snapshot:
    """Return the set that a run leaves, for comparisons with later ones."""
    left = prepared.published if record.refusal else draft.release
    # A swap that was refused half-way has put the new catalogues in place of the old ones.
    known = draft.release.catalogues if record.written else left.catalogues
    return Snapshot(
        manifests={key: manifest.model_ids for key, manifest in left.manifests.items()},
        models={source: ModelNotes(catalogue) for source, catalogue in known.items()},
    )


def publish_draft(
    prepared: Prepared,
    draft: Draft,
    *,
    now: str,
    disk: Disk = MACHINE,
    keeps_status: bool = False,
) -> RunRecord:
    """Put a draft in place; return its record with what the disk made of it.

    Args:
        prepared: the run.
        draft: what it made.
        now: ISO 8601, UTC.
        disk: how files are written.
        keeps_status: whether the last status stands, as the same run wrote it before.
    """
    before = prepared.published
    status = next_published_status(draft.record, before, defined=prepared.defined, now=now)
    if keeps_status and before.status:
        status = before.status
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
    return tuple(name for name in changed if digest_in(now, name) == digest_in(release.files, name))
