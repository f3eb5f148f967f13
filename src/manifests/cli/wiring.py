"""Put a run together: flags and environment make settings, and settings open fetchers."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from manifests.cli.options import FILTERS, OUT
from manifests.clock import Clock
from manifests.errors import SettingsError
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.hosts import open_fetchers
from manifests.runner import Workplace
from manifests.sandbox.server import SandboxOptions, running
from manifests.settings import (
    CONTACT,
    Access,
    Settings,
    is_loopback,
    parse_duration,
    parse_pace,
    parse_share,
    read_access,
)
from manifests.sources import SOURCES
from manifests.store.formats import Style

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from manifests.events import Reporter
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

    def same_upstream(self) -> str:
        """Return the options with which another command meets the same definitions and upstream."""
        parts = [" --sandbox"] if self.sandbox else []
        parts += [f" --filters {self.filters}"] if self.filters != FILTERS else []
        parts += [f" --out {self.out}"] if self.out != OUT else []
        return "".join(parts)


def settings_of(
    flags: FetchFlags, *, style: str = "standard", max_failed: str = "10%", dry_run: bool = False
) -> Settings:
    """Return the settings that flags and environment make.

    Raises:
        SettingsError: naming the flag's value, or the variable, that is unusable.
    """
    return Settings(
        filters=flags.filters,
        out=flags.out,
        access=everywhere(EMBEDDED) if flags.sandbox else environment_access(),
        concurrency=flags.concurrency,
        fixed=None if flags.pace is None else parse_pace(flags.pace),
        attempts=flags.attempts,
        deadline=parse_duration(flags.deadline),
        max_failed=parse_share(max_failed),
        compact=parse_style(style),
        contact=os.environ.get("MANIFESTS_CONTACT", "").strip() or CONTACT,
        dry_run=dry_run,
    )


def environment_access() -> dict[str, Access]:
    """Return where and as whom each source is asked, according to the environment."""
    return read_access([source.info for source in SOURCES.values()], os.environ)


def parse_style(style: str) -> bool:
    """Return whether *style* is the compact one.

    Raises:
        SettingsError: it is neither `standard` nor `compact`.
    """
    if style not in {each.value for each in Style}:
        raise SettingsError(f"unknown style {style!r}", next_step="use standard or compact")
    return style == Style.COMPACT


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
    logging.getLogger("httpx").setLevel(logging.WARNING)
    clock = Clock()
    async with AsyncExitStack() as stack:
        if sandbox:
            upstream = await stack.enter_async_context(running(SandboxOptions(), clock=clock))
            settings = replace(prepared.settings, access=everywhere(upstream.url))
            prepared = replace(prepared, settings=settings)
        # What is learned of a port of this machine is no use tomorrow: another server's it is.
        paces = None if is_all_loopback(prepared.settings) else memory
        fetchers = await stack.enter_async_context(
            open_fetchers(
                prepared.settings, prepared.infos, clock=clock, reporter=reporter, memory=paces
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
