"""Put a run together: flags and environment make settings, and settings open fetchers."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from manifests.cli.budgeting import open_budget
from manifests.cli.options import FILTERS, OUT, STATE
from manifests.clock import Clock
from manifests.errors import SettingsError
from manifests.fetch.budget_place import parse_place
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.hosts import open_fetchers
from manifests.runner import Workplace
from manifests.settings import (
    CONTACT,
    Access,
    Configuration,
    Settings,
    is_loopback,
    parse_duration,
    parse_pace,
    parse_share,
    parse_style,
    read_access,
)
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from manifests.events import Reporter
    from manifests.fetch.budget_place import Place
    from manifests.memory import Memory
    from manifests.preparing import Prepared

__all__ = ["FetchFlags", "settings_of", "workplace"]

EMBEDDED = "http://127.0.0.1"
"""Stands for the sandbox until its port is known."""


class FetchFlags(NamedTuple):
    """The options of every command that fetches, as they were given."""

    filters: Path
    out: Path
    sandbox: bool
    concurrency: int
    pace: str | None
    attempts: int
    deadline: str
    state: Path = STATE

    def same_upstream(self) -> str:
        """Return the options with which another command meets the same definitions and upstream."""
        parts = [" --sandbox"] if self.sandbox else []
        parts += [f" --filters {quote(str(self.filters))}"] if self.filters != FILTERS else []
        parts += [f" --out {quote(str(self.out))}"] if self.out != OUT else []
        parts += [f" --state {quote(str(self.state))}"] if self.state != STATE else []
        return "".join(parts)


def settings_of(
    flags: FetchFlags,
    *,
    configuration: Configuration | None = None,
    style: str | None = None,
    max_failed: str = "10%",
    budget: str | None = None,
    dry_run: bool = False,
) -> Settings:
    """Return the settings that flags, settings file and environment make.

    Args:
        flags: the options of every command that fetches.
        configuration: what the settings file says beyond options: contact, endpoints, thresholds.
        style: the layout of the files; None keeps that of the published set.
        max_failed: the share of any one source's filters that may fail.
        budget: where what is shared with other processes is kept.
        dry_run: whether to write nothing.

    Raises:
        SettingsError: naming the flag's value, or the variable, that is unusable.
    """
    told = configuration or Configuration()
    infos = [source.info for source in SOURCES.values()]
    return Settings(
        filters=flags.filters,
        out=flags.out,
        access=everywhere(EMBEDDED)
        if flags.sandbox
        else read_access(infos, os.environ, endpoints=told.endpoints),
        concurrency=flags.concurrency,
        fixed=None if flags.pace is None else parse_pace(flags.pace),
        attempts=flags.attempts,
        deadline=parse_duration(flags.deadline),
        max_failed=parse_share(max_failed),
        compact=None if style is None else parse_style(style),
        gate=told.gate,
        contact=os.environ.get("MANIFESTS_CONTACT", "").strip() or told.contact or CONTACT,
        budget=shared(budget, flags.pace),
        dry_run=dry_run,
    )


def shared(budget: str | None, pace: str | None) -> Place | None:
    """Return where the shared budget is kept; None where there is none.

    Raises:
        SettingsError: it names no place, or a fixed pace leaves nothing to share.
    """
    if budget is None:
        return None
    if pace:
        raise SettingsError(
            "--fixed finds nothing out that --shared-budget could share", next_step="give one only"
        )
    return parse_place(budget)


def everywhere(endpoint: str) -> dict[str, Access]:
    """Return one endpoint for all sources, without any token."""
    return {name: Access(endpoint=endpoint) for name in SOURCES}


@asynccontextmanager
async def workplace(
    prepared: Prepared, reporter: Reporter, *, sandbox: bool, memory: Memory | None = None
) -> AsyncIterator[tuple[Prepared, Workplace]]:
    """Yield what a run works with, and the run itself once the sandbox's port is known.

    Args:
        prepared: the run.
        reporter: whoever watches it.
        sandbox: whether it asks the embedded upstream.
        memory: what lasts from run to run; None remembers nothing.
    """
    # At INFO it would log whole URLs, and in one day somebody's query tokens with them.
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    clock = Clock()
    async with AsyncExitStack() as stack:
        if sandbox:
            # A run that asks the real upstreams shall not wait for it.
            from manifests.sandbox.server import SandboxOptions, running  # noqa: PLC0415

            upstream = await stack.enter_async_context(running(SandboxOptions(), clock=clock))
            settings = replace(prepared.settings, access=everywhere(upstream.url))
            prepared = replace(prepared, settings=settings)
        # What is learned of a port of this machine is no use tomorrow: another server's it is.
        paces = None if is_all_loopback(prepared.settings) else memory
        fetchers = await stack.enter_async_context(
            open_fetchers(
                prepared.settings,
                prepared.infos,
                clock=clock,
                reporter=reporter,
                memory=paces,
                budget=await stack.enter_async_context(open_budget(prepared.settings.budget)),
            )
        )
        yield (
            prepared,
            Workplace(
                fetchers=fetchers,
                reporter=reporter,
                clock=clock,
                memory=memory,
                hosts=lambda: tuple(
                    each.record()
                    for each in fetchers.values()
                    if isinstance(each, ControlledFetcher)
                ),
            ),
        )


def is_all_loopback(settings: Settings) -> bool:
    """Tell whether every source is asked on this machine."""
    return all(is_loopback(each.endpoint) for each in settings.access.values())
