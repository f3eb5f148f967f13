"""Put a run together: flags and environment make settings, and settings open fetchers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from manifests.clock import Clock
from manifests.errors import SettingsError
from manifests.fetch.hosts import open_fetchers
from manifests.runner import Workplace
from manifests.sandbox.server import SandboxOptions, running
from manifests.settings import Access, Settings, parse_duration, parse_pace, read_access
from manifests.sources import SOURCES
from manifests.store.formats import Style

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from manifests.events import Reporter
    from manifests.runner import Prepared

__all__ = ["fetch_settings", "parse_style", "workplace"]

EMBEDDED = "http://127.0.0.1"
"""Stands for the sandbox until its port is known."""


def fetch_settings(
    environ: Mapping[str, str],
    *,
    filters: Path,
    out: Path,
    sandbox: bool,
    pace: str,
    attempts: int,
    deadline: str,
) -> Settings:
    """Return the settings of a command that fetches.

    Raises:
        SettingsError: naming the flag's value or the variable that is unusable.
    """
    infos = [source.info for source in SOURCES.values()]
    concurrency, delay = parse_pace(pace)
    settings = Settings(
        filters=filters,
        out=out,
        access=everywhere(EMBEDDED) if sandbox else read_access(infos, environ),
        concurrency=concurrency,
        delay=delay,
        attempts=attempts,
        deadline=parse_duration(deadline),
    )
    contact = environ.get("MANIFESTS_CONTACT", "").strip()
    return replace(settings, contact=contact) if contact else settings


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
    prepared: Prepared, reporter: Reporter, *, sandbox: bool
) -> AsyncIterator[tuple[Prepared, Workplace]]:
    """Yield what a run works with, and the run itself once the sandbox's port is known."""
    clock = Clock()
    if not sandbox:
        async with opened(prepared, reporter, clock) as place:
            yield prepared, place
        return
    async with running(SandboxOptions(), clock=clock) as upstream:
        settings = replace(prepared.settings, access=everywhere(upstream.url))
        settled = replace(prepared, settings=settings)
        async with opened(settled, reporter, clock) as place:
            yield settled, place


@asynccontextmanager
async def opened(prepared: Prepared, reporter: Reporter, clock: Clock) -> AsyncIterator[Workplace]:
    """Yield the workplace of a run whose endpoints are known."""
    settings, infos = prepared.settings, prepared.infos
    async with open_fetchers(settings, infos, clock=clock, reporter=reporter) as fetchers:
        yield Workplace(fetchers=fetchers, reporter=reporter, clock=clock)
