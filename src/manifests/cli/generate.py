"""Carry out `manifests generate`: the whole run, its report and its exit code."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import anyio

from manifests.cli.consoles import say
from manifests.cli.past import past_runs
from manifests.cli.progress import watching
from manifests.cli.remembering import Remembrance, remembering, writing
from manifests.cli.reporting import tell_github, write_reports
from manifests.cli.summary import print_end
from manifests.cli.tracing import send_trace
from manifests.cli.wiring import workplace
from manifests.clock import Clock
from manifests.errors import ManifestsError
from manifests.events import Noted
from manifests.preparing import prepare
from manifests.report.story import tell
from manifests.runner import run
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from manifests.cli.reporting import Report
    from manifests.events import Reporter
    from manifests.preparing import Prepared
    from manifests.report.exits import ExitCode
    from manifests.results import RunRecord
    from manifests.settings import Settings
    from manifests.sharding import Shard

__all__ = ["Order", "generate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks of one run."""

    settings: Settings
    only: Sequence[str] = ()
    source: str | None = None
    shard: Shard | None = None
    """The one of several machines that makes only its share."""
    sandbox: bool = False
    remembrance: Remembrance = field(default_factory=Remembrance)
    reports: Sequence[Report] = ()
    quiet: bool = False
    verbose: int = 0
    """How often `-v` was given."""
    flags: str = ""
    """What to add to a command so that it meets the same upstream and definitions."""
    notes: Sequence[str] = ()
    """What a person should know of the settings."""


def generate(order: Order, console: Console) -> ExitCode:
    """Make the run, sum it up, write its reports, and return the exit code.

    Raises:
        ManifestsError: nothing was sent, because something is wrong with what the user gave.
        StoreError: all is published, but a report can't be written.
    """
    try:
        now = Clock().wall()
        prepared = prepare(
            order.settings,
            SOURCES,
            now=now,
            only=order.only,
            source=order.source,
            shard=order.shard,
        )
        record = make_watched(prepared, order, console)
    except ManifestsError:
        # What stands in those files is of an earlier run, if anything does.
        if order.reports:
            say(console, "no run was made, so that --report wrote nothing")
        raise
    return conclude(order, record, console)


def make_watched(prepared: Prepared, order: Order, console: Console) -> RunRecord:
    """Make a run while a person watches it."""
    with watching(console, quiet=order.quiet, verbose=order.verbose) as reporter:
        for note in order.notes:
            reporter(Noted(message=note, passing=True))
        if not order.sandbox:
            advise(prepared, reporter)
        return anyio.run(make, prepared, order, reporter)


def conclude(order: Order, record: RunRecord, console: Console) -> ExitCode:
    """Sum a run up, write its reports, and return its exit code.

    Raises:
        StoreError: a report can't be written.
    """
    out, state = order.settings.out, order.remembrance.state
    past = past_runs(state, out) if order.reports else ()
    story = tell(record, past=past, out=str(out))
    print_end(console, story, quiet=order.quiet)
    if note := send_trace(story, os.environ):
        say(console, note, style="yellow")
    tell_github(story, os.environ, console)
    write_reports(order.reports, story)
    return story.exit_code


async def make(prepared: Prepared, order: Order, reporter: Reporter) -> RunRecord:
    """Make a run where its fetchers are open; one that writes is the only one to do so."""
    if order.settings.dry_run:
        async with workplace(prepared, reporter, sandbox=order.sandbox) as (settled, place):
            return await run(settled, replace(place, flags=order.flags))
    wait, command = order.remembrance.wait, "manifests generate"
    async with (
        writing(prepared, reporter, wait=wait, command=command) as current,
        remembering(current, reporter, order.remembrance, sandbox=order.sandbox) as found,
    ):
        settled, place = found
        return await run(settled, replace(place, flags=order.flags))


def advise(prepared: Prepared, reporter: Reporter) -> None:
    """Say once which source would rather know who asks."""
    asked = {each.source for each in prepared.filters}
    for name in sorted(asked):
        info, access = prepared.infos[name], prepared.settings.access[name]
        if access.token is None and info.token_advice:
            message = f"{info.title} is asked anonymously. {info.token_advice}"
            reporter(Noted(message=message, passing=True))
