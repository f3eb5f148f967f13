"""Carry out `manifests status`: how old each manifest is, and since when it is stale."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from manifests.cli.consoles import cell, say
from manifests.clock import Clock
from manifests.errors import StoreError
from manifests.report.exits import ExitCode
from manifests.sources import SOURCES
from manifests.store.canonical import encode
from manifests.store.published import read_published
from manifests.store.status import FilterStatus, ages, status_key
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from manifests.store.status import Age

__all__ = ["show_status"]


def show_status(console: Console, out: Path, *, max_age: float | None, as_json: bool) -> ExitCode:
    """Print how fresh what is published is; return 3 when anything is older than *max_age* s.

    Raises:
        StoreError: nothing is published, or it can't be read.
    """
    infos = {name: source.info for name, source in SOURCES.items()}
    published = read_published(out, infos, catalogues=False)
    found = ages(published.status, published.manifests, now=Clock().wall())
    if not found:
        raise StoreError(f"nothing is published in {out}/", next_step="manifests generate")
    if as_json:
        console.file.write(encode([row(each) for each in found]).decode())
    else:
        show(console, found, max_age=max_age)
        for line in published.damaged:
            say(console, f"damaged, counted as absent: {line}", style="yellow")
    is_old = any(is_too_old(each, max_age) for each in found)
    return ExitCode.TOO_MANY_FAILED if is_old else ExitCode.OK


def row(age: Age) -> dict[str, object]:
    """Return one filter as plain data."""
    status = age.status
    return {
        "source": age.source,
        "filter": age.path,
        "state": age.state,
        "count": age.count,
        "age_seconds": None if age.seconds is None else round(age.seconds),
        "stale_since": status.stale_since if status else None,
        "code": status.code if status else None,
        "consecutive_failures": status.consecutive_failures if status else 0,
        "doubt": age.doubt,
    }


def show(console: Console, found: Sequence[Age], *, max_age: float | None) -> None:
    """Print a table of all that is not as it should be, and one line about the whole."""
    if odd := [each for each in found if is_odd(each) or is_too_old(each, max_age)]:
        console.print(table_of(odd))
    show_sum(console, found)
    old = sum(is_too_old(each, max_age) for each in found)
    if max_age is not None and old:
        limit = duration(max_age)
        say(console, f"{old:,} older than {limit}, or missing: exit code 3", style="red")


def table_of(odd: Sequence[Age]) -> Table:
    """Return a table of what a person should look at."""
    table = Table("filter", "state", "age", "stale since", "code", "failures", box=box.SIMPLE_HEAD)
    for each in odd:
        table.add_row(*(cell(text) for text in cells(each)))
    return table


def is_too_old(age: Age, max_age: float | None) -> bool:
    """Tell whether a filter may be older than so many seconds; None lets it be of any age."""
    return max_age is not None and age.is_older(max_age)


def show_sum(console: Console, found: Sequence[Age]) -> None:
    """Print how many filters are in each state."""
    states = Counter(each.state for each in found)
    parts = ", ".join(f"{count:,} {state}" for state, count in states.items())
    say(console, f"{counted(len(found), 'filter')}: {parts}", style="bold")
    if states["unknown"]:
        say(console, "status.json tells nothing of the unknown ones; next: manifests generate")


def is_odd(age: Age) -> bool:
    """Tell whether a person should look at a filter, however old it is."""
    return age.state != "fresh" or age.doubt is not None


def cells(age: Age) -> tuple[str, ...]:
    """Return one filter as a row of the table."""
    status = age.status or FilterStatus(state="missing")
    return (
        status_key(age.source, age.path),
        age.doubt or age.state,
        "" if age.seconds is None else duration(age.seconds),
        status.stale_since or "",
        status.code or "",
        str(status.consecutive_failures or ""),
    )
