"""Carry out `manifests merge`: the whole merge, its report and its exit code."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from manifests.cli.configuring import configuration_of
from manifests.cli.consoles import notes_on, say
from manifests.cli.generate import Order, conclude
from manifests.cli.ordering import RunFlags, order_of_flags
from manifests.cli.remembering import writing
from manifests.clock import Clock
from manifests.events import Noted
from manifests.joining import gather, join
from manifests.memory import open_memory
from manifests.merging import Merge, merge
from manifests.preparing import prepare
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import typer
    from rich.console import Console

    from manifests.events import Reporter
    from manifests.joining import Handed
    from manifests.preparing import Prepared
    from manifests.report.exits import ExitCode
    from manifests.results import RunRecord

__all__ = ["Merging", "merge_shards", "merging_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """What the command line asks of one merge."""

    folders: Sequence[Path]
    order: Order
    """What a run would be told that made it all."""


def merging_of(context: typer.Context) -> Merging:
    """Return what `merge` is told.

    Raises:
        SettingsError: naming the flag's value, or the variable, that is unusable.
    """
    given = dict(context.params)
    folders = given.pop("folders")
    order = order_of_flags(RunFlags(**given), configuration_of(context))
    return Merging(folders=folders, order=order)


def merge_shards(merging: Merging, console: Console) -> ExitCode:
    """Merge the shards, sum the merged run up, write its reports, and return the exit code.

    Raises:
        ManifestsError: nothing was written, because something is wrong with what the user gave.
        StoreError: another process writes, or a report can't be written.
    """
    order, tell = merging.order, notes_on(console)
    for note in () if order.quiet else order.notes:
        say(console, note, style="yellow")
    handed = gather(merging.folders, out=order.settings.out)
    asked = order.settings.compact
    settings = replace(
        order.settings,
        access=handed.access,
        compact=handed.first.compact if asked is None else asked,
    )
    prepared = prepare(
        settings,
        SOURCES,
        now=Clock().wall(),
        only=handed.first.only,
        source=handed.first.source,
    )
    order = replace(order, settings=settings, flags=f"{same_upstream(handed)}{order.flags}")
    record = anyio.run(make, prepared, order, handed, tell)
    return conclude(order, record, console)


def same_upstream(handed: Handed) -> str:
    """Return what lets a command meet the embedded upstream, if the shards met it."""
    records = [each.note.record for each in handed.outputs]
    flags = [each.plan.flags for each in records if each and each.plan]
    return " --sandbox" if any("--sandbox" in shlex.split(each) for each in flags) else ""


async def make(prepared: Prepared, order: Order, handed: Handed, tell: Reporter) -> RunRecord:
    """Merge as the only one to write the output, if it is to be written."""
    joined = join(handed, prepared)
    for line in joined.lost.values():
        tell(Noted(message=f"{line}; what is published of its filters stays"))
    clock, out, remembrance = Clock(), prepared.settings.out, order.remembrance
    found = Merge(prepared=prepared, joined=joined, now=clock.wall(), flags=order.flags)
    if prepared.settings.dry_run:
        return merge(found)
    wait, command = remembrance.wait, "manifests merge"
    async with writing(prepared, tell, wait=wait, command=command) as current:
        with open_memory(remembrance.state, out=out, clock=clock, reporter=tell) as memory:
            return merge(replace(found, prepared=current, memory=memory, now=clock.wall()))
