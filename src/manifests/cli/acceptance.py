"""Carry out `manifests accept`: publish candidates that the gate held back, as they were made."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

import anyio

from manifests.cli.consoles import notes_on, say
from manifests.clock import Clock
from manifests.errors import DefinitionError, SettingsError, StoreError
from manifests.memory import open_memory
from manifests.recording import iso
from manifests.sources import SOURCES
from manifests.store.formats import status_bytes
from manifests.store.layout import kept_style
from manifests.store.lock import Holder, locked
from manifests.store.published import read_published
from manifests.store.publisher import publish, recover
from manifests.store.release import compose
from manifests.store.status import FilterStatus, status_key
from manifests.validation import nearest
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from manifests.memory import Memory
    from manifests.sources.base import Entry
    from manifests.store.candidates import Quarantined
    from manifests.store.formats import Style
    from manifests.store.names import Key
    from manifests.store.published import Published
    from manifests.store.quarantine import Held
    from manifests.store.release import Release

__all__ = ["Acceptance", "accept_candidates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What a person takes for the truth."""

    names: Sequence[str]
    """Filters as status.json names them, or globs; the source may be left out where it is clear."""
    out: Path
    state: Path
    compact: bool | None
    """The layout of the files that are made anew; None keeps that of the published set."""
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
    clock, out, tell = Clock(), acceptance.out, notes_on(console)
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
    held = [*{each.key: each for name in acceptance.names for each in meant(memory, name)}.values()]
    candidates = [candidate(memory, each) for each in held]
    made = {each.key: memory.made_at(each) for each in held}
    recover(acceptance.out)
    infos = {name: each.info for name, each in SOURCES.items()}
    published = read_published(acceptance.out, infos)
    style = kept_style(published, infos, asked=acceptance.compact)
    release = release_with(candidates, published, style=style, made=made, now=now)
    publish(acceptance.out, release)
    memory.release([each.key for each in candidates])
    return [
        f"published {status_key(*each.key)}: {counted(len(each.manifest.model_ids), 'model')}"
        for each in candidates
    ]


def meant(memory: Memory, name: str) -> list[Held]:
    """Return what is known of the candidates that *name* means: one, or as many as a glob matches.

    Raises:
        DefinitionError: none is quarantined under that name, or several are and it is no glob.
    """
    # Of a source that another version knew, or a fork, nothing can be published by this one.
    known_here = (each for each in memory.held_back() if each.source in SOURCES)
    held = {status_key(*each.key): each for each in known_here}
    known = {full: names_of(full, each.key) for full, each in held.items()}
    found = [each for full, each in held.items() if matches(name, known[full])]
    if not found or (len(found) > 1 and not is_glob(name)):
        hint = "" if found else nearest(name, sorted(set().union(*known.values())))
        raise DefinitionError(
            [f"{name!r} means {counted(len(found), 'quarantined candidate')}{hint}"],
            next_step="see them with: manifests status",
        )
    return found


def matches(name: str, names: Collection[str]) -> bool:
    """Tell whether a name or a glob means what is known under *names*."""
    return name in names or (is_glob(name) and any(fnmatchcase(each, name) for each in names))


def is_glob(name: str) -> bool:
    """Tell whether a name may mean several; no path holds one of these characters."""
    return any(letter in name for letter in "*?[")


def candidate(memory: Memory, held: Held) -> Quarantined:
    """Return a candidate that is held back.

    Raises:
        StoreError: it is damaged, or gone.
    """
    found = memory.candidate(held.key)
    if found is None:
        raise StoreError(
            f"the candidate held back for {status_key(*held.key)} is gone",
            next_step="make it again: manifests retry",
        )
    return found


def names_of(full: str, key: Key) -> set[str]:
    """Return all names under which a filter is known."""
    source, path = key
    short, info = path.removeprefix("filter/"), SOURCES[source].info
    prefixes = {"", f"{source}:", f"{info.file_prefix}:"}
    return {full, *(f"{prefix}{each}" for prefix in prefixes for each in (path, short))}


def release_with(
    candidates: Sequence[Quarantined],
    published: Published,
    *,
    style: Style,
    made: Mapping[Key, datetime],
    now: datetime,
) -> Release:
    """Return the set that follows *published* once the candidates are believed.

    Args:
        candidates: what a person takes for the truth.
        published: what stands in the output folder.
        style: the layout of the files that are made anew.
        made: when each candidate was made: believing it makes it no younger.
        now: the time of day.
    """
    release = compose(
        published,
        {each.key: each.manifest for each in candidates},
        entries_of(candidates),
        infos={name: source.info for name, source in SOURCES.items()},
        style=style,
    )
    if published.status is None:
        return release
    accepted = {
        status_key(*each.key): FilterStatus(state="fresh", last_success=iso(made[each.key]))
        for each in candidates
    }
    status = published.status.model_copy(
        update={"updated": iso(now), "filters": {**published.status.filters, **accepted}}
    )
    return release.with_status(status_bytes(status))


def entries_of(candidates: Sequence[Quarantined]) -> dict[str, dict[str, Entry]]:
    """Return source → id → model, of all candidates."""
    entries: dict[str, dict[str, Entry]] = defaultdict(dict)
    for each in candidates:
        entries[each.manifest.source].update(each.entries)
    return entries
