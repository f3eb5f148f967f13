"""Carry out `manifests retry`: only what failed or is stale, and may yet succeed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from manifests.cli.consoles import say
from manifests.cli.generate import generate
from manifests.errors import ErrorCode, SettingsError
from manifests.filters import load_filters
from manifests.report.exits import ExitCode
from manifests.sources import SOURCES
from manifests.store.published import read_published
from manifests.store.status import status_key
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import Console

    from manifests.cli.generate import Order
    from manifests.models import Filter
    from manifests.store.published import Published
    from manifests.store.status import FilterStatus

__all__ = ["HOPELESS", "retry"]

HOPELESS = frozenset(
    {
        ErrorCode.FILTER_IGNORED,
        ErrorCode.NOT_FOUND,
        ErrorCode.PAGE_CAP,
        ErrorCode.VALIDATION_ERROR,
    }
)
"""Codes that stay until somebody mends the definitions."""


def retry(order: Order, console: Console) -> ExitCode:
    """Make what is worth another try, and return the exit code.

    Raises:
        ManifestsError: nothing was sent, because something is wrong with what the user gave.
    """
    settings = order.settings
    infos = {name: source.info for name, source in SOURCES.items()}
    published = read_published(settings.out, infos, catalogues=False)
    refuse_shard(published, settings.out)
    known = published.status.filters if published.status else {}
    failed = behind(load_filters(settings.filters, SOURCES), published)
    hopeless = [each for each in failed if is_hopeless(known.get(key_of(each)))]
    hopeful = [each for each in failed if not is_hopeless(known.get(key_of(each)))]
    if hopeless:
        what = f"{counted(len(hopeless), 'filter')} left out until the definitions are mended"
        say(console, f"{what}: {names(hopeless)}", style="yellow")
    if not hopeful:
        without = ", so that --report wrote nothing" if order.reports else ""
        say(console, f"nothing to retry{without}")
        return ExitCode.OK
    return generate(replace(order, only=[key_of(each) for each in hopeful]), console)


def refuse_shard(published: Published, out: Path) -> None:
    """Refuse to mend what is only a part: all that the other shards made would be missing there.

    Raises:
        SettingsError: the folder holds the output of a shard.
    """
    part = published.status.shard if published.status else None
    if part:
        raise SettingsError(
            f"{out} holds {part.name}, and the others stand elsewhere",
            next_step="make it again: manifests generate --shard"
            f" {part.number}/{part.of} --out {out}, or retry what they were merged into",
        )


def behind(defined: Iterable[Filter], published: Published) -> list[Filter]:
    """Return the filters that are not published as the last run should have left them."""
    known = published.status.filters if published.status else {}
    # A file that was damaged or removed since is as good as never made, whatever the status says.
    there = {status_key(*key) for key in published.manifests}
    named = ((key_of(each), each) for each in defined)
    return [each for key, each in named if key not in there or is_behind(known.get(key))]


def key_of(filter_: Filter) -> str:
    """Return the name of a filter in status.json, which is also a pattern that selects it."""
    return status_key(filter_.source, filter_.path)


def is_behind(status: FilterStatus | None) -> bool:
    """Tell whether what is published of a filter is not of the last run, or was never made."""
    return status is None or status.state != "fresh"


def is_hopeless(status: FilterStatus | None) -> bool:
    """Tell whether another try would meet the same."""
    return status is not None and status.code in HOPELESS


def names(filters: Iterable[Filter]) -> str:
    """Return the filters by name, with the command that shows why."""
    paths = [key_of(each) for each in filters]
    return f"{', '.join(paths)}; see: manifests test-filter {paths[0]}"
