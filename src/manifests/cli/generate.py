"""Carry out `manifests generate`: the whole run, its report and its exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from manifests.cli.progress import watching
from manifests.cli.remembering import Remembrance, remembering, writing
from manifests.cli.summary import print_summary
from manifests.cli.wiring import workplace
from manifests.errors import SettingsError, StoreError
from manifests.events import Noted
from manifests.preparing import prepare
from manifests.report.exits import ExitCode, exit_code
from manifests.runner import run
from manifests.sources import SOURCES
from manifests.store.canonical import encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from manifests.events import Reporter
    from manifests.preparing import Prepared
    from manifests.results import RunRecord
    from manifests.settings import Settings

__all__ = ["Order", "generate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks of one run."""

    settings: Settings
    only: Sequence[str] = ()
    source: str | None = None
    sandbox: bool = False
    remembrance: Remembrance = field(default_factory=Remembrance)
    report: Path | None = None
    """Where the run record goes, as JSON."""
    quiet: bool = False
    verbose: bool = False
    flags: str = ""
    """What to add to a command so that it meets the same upstream and definitions."""


def generate(order: Order, console: Console) -> ExitCode:
    """Make the run, write its report, sum it up, and return the exit code.

    Raises:
        ManifestsError: nothing was sent, because something is wrong with what the user gave.
        StoreError: all is published, but the report can't be written.
    """
    prepared = prepare(order.settings, SOURCES, only=order.only, source=order.source)
    if order.report:
        refuse_report(order.report)
    return conclude(order, make_watched(prepared, order, console), console)


def make_watched(prepared: Prepared, order: Order, console: Console) -> RunRecord:
    """Make a run while a person watches it."""
    with watching(console, quiet=order.quiet, verbose=order.verbose) as reporter:
        if not order.sandbox:
            advise(prepared, reporter)
        return anyio.run(make, prepared, order, reporter)


def conclude(order: Order, record: RunRecord, console: Console) -> ExitCode:
    """Sum a run up, write its report, and return its exit code.

    Raises:
        StoreError: the report can't be written.
    """
    max_failed = order.settings.max_failed
    code = exit_code(record, max_failed=max_failed)
    print_summary(
        console, record, code, out=order.settings.out, max_failed=max_failed, flags=order.flags
    )
    if order.report:
        write_report(order.report, record)
    return code


async def make(prepared: Prepared, order: Order, reporter: Reporter) -> RunRecord:
    """Make a run where its fetchers are open; one that writes is the only one to do so."""
    if order.settings.dry_run:
        async with workplace(prepared, reporter, sandbox=order.sandbox) as (settled, place):
            return await run(settled, place)
    wait, command = order.remembrance.wait, "manifests generate"
    async with (
        writing(prepared, reporter, wait=wait, command=command) as current,
        remembering(current, reporter, order.remembrance, sandbox=order.sandbox) as found,
    ):
        return await run(*found)


def advise(prepared: Prepared, reporter: Reporter) -> None:
    """Say once which source would rather know who asks."""
    asked = {each.source for each in prepared.filters}
    for name in sorted(asked):
        info, access = prepared.infos[name], prepared.settings.access[name]
        if access.token is None and info.token_advice:
            reporter(Noted(message=f"{info.title} is asked anonymously. {info.token_advice}"))


def refuse_report(path: Path) -> None:
    """Refuse a report's place before the run rather than after it.

    Raises:
        SettingsError: its folder is not there, or it is a folder itself.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise SettingsError(
            f"--report {path}: no file can be written there",
            next_step=f"make the folder first: mkdir -p {path.parent}",
        )


def write_report(path: Path, record: RunRecord) -> None:
    """Write the run record as JSON.

    Raises:
        StoreError: the disk refuses.
    """
    try:
        path.write_bytes(encode(record.model_dump(mode="json", by_alias=True)))
    except OSError as error:
        raise StoreError(
            f"--report {path}: {error.strerror or error}",
            next_step="give another FILE to --report; the run itself is as told above",
        ) from error
