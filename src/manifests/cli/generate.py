"""Carry out `manifests generate`: the whole run, its report and its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from manifests.cli.exits import ExitCode, exit_code
from manifests.cli.progress import watching
from manifests.cli.summary import print_summary
from manifests.cli.wiring import workplace
from manifests.errors import SettingsError, StoreError
from manifests.events import Noted
from manifests.fetch.memory import PaceFile
from manifests.runner import prepare, run
from manifests.settings import is_loopback
from manifests.sources import SOURCES
from manifests.store.canonical import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from manifests.events import Reporter
    from manifests.fetch.memory import PaceMemory
    from manifests.results import RunRecord
    from manifests.runner import Prepared
    from manifests.settings import Settings

__all__ = ["Order", "generate"]

STATE = Path(".manifests")
"""What lasts from run to run and is not published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks of one run."""

    settings: Settings
    only: Sequence[str] = ()
    source: str | None = None
    sandbox: bool = False
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
    with watching(console, quiet=order.quiet, verbose=order.verbose) as reporter:
        if not order.sandbox:
            advise(prepared, reporter)
        record = anyio.run(partial(make, prepared, reporter, sandbox=order.sandbox))
    max_failed = order.settings.max_failed
    code = exit_code(record, max_failed=max_failed)
    print_summary(
        console, record, code, out=order.settings.out, max_failed=max_failed, flags=order.flags
    )
    if order.report:
        write_report(order.report, record)
    return code


async def make(prepared: Prepared, reporter: Reporter, *, sandbox: bool) -> RunRecord:
    """Make a run where its fetchers are open."""
    memory = None if sandbox else pace_memory(prepared.settings, reporter)
    async with workplace(prepared, reporter, sandbox=sandbox, memory=memory) as (settled, place):
        return await run(settled, place)


def pace_memory(settings: Settings, reporter: Reporter) -> PaceMemory | None:
    """Return what keeps the pace learned of each host; None where none of it would last.

    A dry run writes nothing, and a port of this machine is another server's tomorrow.
    """
    if settings.dry_run or all(is_loopback(each.endpoint) for each in settings.access.values()):
        return None
    return PaceFile(STATE / "pace.json", reporter=reporter)


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
