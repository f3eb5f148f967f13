"""Carry out `manifests accept`: publish candidates that the gate held back, as they were made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio

from manifests.cli.consoles import say
from manifests.cli.words import counted
from manifests.clock import Clock
from manifests.errors import DefinitionError, SettingsError
from manifests.events import Noted
from manifests.memory import open_memory
from manifests.recording import iso
from manifests.sources import SOURCES
from manifests.store.formats import Style, status_bytes
from manifests.store.lock import Holder, locked
from manifests.store.published import read_published
from manifests.store.publisher import publish, recover
from manifests.store.release import compose
from manifests.store.status import FilterStatus, status_key
from manifests.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from manifests.events import Event
    from manifests.memory import Memory
    from manifests.store.candidates import Quarantined
    from manifests.store.names import Key
    from manifests.store.published import Published
    from manifests.store.release import Release

__all__ = ["Acceptance", "accept_candidates", "release_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What a person takes for the truth."""

    names: Sequence[str]
    """Filters, as status.json names them; the source may be left out where it is clear."""
    out: Path
    state: Path
    compact: bool
    wait: float
    """Seconds to wait for another writer of the same output."""


def accept_candidates(acceptance: Acceptance, console: Console) -> None:
    """Publish the candidates, and say which.

    Raises:
        DefinitionError: no candidate is quarantined under one of the names.
        StoreError: another process writes, or the disk refused.
    """
    for line in anyio.run(partial(accept, acceptance, console)):
        say(console, line)


async def accept(acceptance: Acceptance, console: Console) -> list[str]:
    """Publish the candidates as the only writer; return a line for each."""
    clock, out = Clock(), acceptance.out

    def tell(event: Event) -> None:
        if isinstance(event, Noted):
            say(console, event.message, style="yellow")

    if not acceptance.state.is_dir():
        raise SettingsError(
            f"nothing is quarantined: there is no {acceptance.state}/",
            next_step="name the folder of the run with --state DIR",
        )
    holder = Holder.here("manifests accept", now=clock.wall())
    async with locked(out, wait=acceptance.wait, holder=holder, reporter=tell):
        with open_memory(acceptance.state, out=out, clock=clock, reporter=tell) as memory:
            return publish_candidates(acceptance, memory, now=clock.wall())


def publish_candidates(acceptance: Acceptance, memory: Memory, *, now: datetime) -> list[str]:
    """Publish the candidates that are meant; return a line for each."""
    candidates = [candidate(memory, name) for name in acceptance.names]
    recover(acceptance.out)
    published = read_published(acceptance.out, {name: each.info for name, each in SOURCES.items()})
    style = Style.COMPACT if acceptance.compact else Style.STANDARD
    publish(acceptance.out, release_with(candidates, published, style=style, now=now))
    memory.release([each.key for each in candidates])
    return [
        f"published {status_key(*each.key)}: {counted(len(each.manifest.model_ids), 'model')}"
        for each in candidates
    ]


def candidate(memory: Memory, name: str) -> Quarantined:
    """Return the candidate that *name* means.

    Raises:
        DefinitionError: none is quarantined under that name, or several are.
    """
    held = {status_key(*each.key): each.key for each in memory.held_back()}
    meant = [key for full, key in held.items() if name in names_of(full, key)]
    found = memory.candidate(meant[0]) if len(meant) == 1 else None
    if found is None:
        hint = nearest(name, held)
        raise DefinitionError(
            [f"{name!r} means {counted(len(meant), 'quarantined candidate')}{hint}"],
            next_step="see them with: manifests status",
        )
    return found


def names_of(full: str, key: Key) -> set[str]:
    """Return all names under which a filter is known."""
    source, path = key
    short, info = path.removeprefix("filter/"), SOURCES[source].info
    prefixes = {"", f"{source}:", f"{info.file_prefix}:"}
    return {full, *(f"{prefix}{each}" for prefix in prefixes for each in (path, short))}


def release_with(
    candidates: Sequence[Quarantined], published: Published, *, style: Style, now: datetime
) -> Release:
    """Return the set that follows *published* once the candidates are believed."""
    entries = {
        source: {
            id_: entry
            for each in candidates
            if each.manifest.source == source
            for id_, entry in each.entries.items()
        }
        for source in {each.manifest.source for each in candidates}
    }
    release = compose(
        published,
        {each.key: each.manifest for each in candidates},
        entries,
        infos={name: source.info for name, source in SOURCES.items()},
        style=style,
    )
    if published.status is None:
        return release
    fresh = FilterStatus(state="fresh", last_success=iso(now))
    accepted = {status_key(*each.key): fresh for each in candidates}
    status = published.status.model_copy(
        update={"updated": iso(now), "filters": {**published.status.filters, **accepted}}
    )
    return release.with_status(status_bytes(status))
