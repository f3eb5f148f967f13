"""Let a run remember: one writer at a time, pages of a run that was cut short, kept pages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from manifests.cli.options import STATE
from manifests.cli.wiring import workplace
from manifests.clock import Clock
from manifests.events import Noted
from manifests.fetch.cache import CachedPages, CachePolicy
from manifests.memory import open_memory
from manifests.preparing import look_again, mixture, refuse_mixture
from manifests.recording import run_id
from manifests.settings import parse_duration
from manifests.store.lock import Holder, locked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from manifests.events import Reporter
    from manifests.memory import Memory
    from manifests.preparing import Prepared
    from manifests.runner import Workplace
    from manifests.store.history import Unfinished

__all__ = ["MemoryFlags", "Remembrance", "remembering", "start_anew", "writing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembrance:
    """What a run may use of earlier ones, and how it gets along with others."""

    state: Path = STATE
    """Folder of what lasts and is not published."""
    wait: float = 0.0
    """Seconds to wait for another writer of the same output."""
    resume_within: float | None = 3600.0
    """A run that was cut short is resumed if it was alive so many seconds ago; None: never."""
    fresh_within: float = 0.0
    """Pages that were fetched so many seconds ago answer without a request."""
    cache: bool = True
    """Whether pages are kept and looked up at all."""


class MemoryFlags(NamedTuple):
    """The options about earlier runs and other ones, as they were given."""

    state: Path
    wait: str
    resume: bool
    resume_within: str
    fresh_within: str
    cache: bool

    def remembrance(self) -> Remembrance:
        """Return what they mean.

        Raises:
            SettingsError: one is no duration.
        """
        within = parse_duration(self.resume_within)
        return Remembrance(
            state=self.state,
            wait=parse_duration(self.wait),
            resume_within=within if self.resume else None,
            fresh_within=parse_duration(self.fresh_within),
            cache=self.cache,
        )


@asynccontextmanager
async def writing(
    prepared: Prepared, reporter: Reporter, *, wait: float, command: str
) -> AsyncIterator[Prepared]:
    """Yield the run as the only writer of its output, with what is published there now."""
    holder = Holder.here(command, now=Clock().wall())
    async with locked(prepared.settings.out, wait=wait, holder=holder, reporter=reporter):
        yield look_again(prepared)


@asynccontextmanager
async def remembering(
    prepared: Prepared, reporter: Reporter, remembrance: Remembrance, *, sandbox: bool
) -> AsyncIterator[tuple[Prepared, Workplace]]:
    """Yield a run and what it works with, its fetchers behind the pages that are kept."""
    out = prepared.settings.out
    with open_memory(remembrance.state, out=out, clock=Clock(), reporter=reporter) as memory:
        # A set that lost its status.json can't tell whose it is, but its history may.
        if prepared.published.manifests and prepared.published.status is None:
            refuse_mixture(prepared.settings, memory.upstream(), prepared.sources)
        start_anew(prepared, memory)
        async with workplace(prepared, reporter, sandbox=sandbox, memory=memory) as found:
            settled, place = found
            # The embedded upstream is another one each time, and is asked sooner than a disk.
            resumable = remembrance.cache and not sandbox
            yield settled, begin(settled, place, memory, remembrance if resumable else None)


def start_anew(prepared: Prepared, memory: Memory) -> None:
    """Forget what a rehearsal has taught where a real set begins, and the reverse.

    Whoever rehearses with the sandbox and then empties the folder would have real lists held back
    because they are shorter than the made-up ones were.
    """
    if not prepared.published.manifests and mixture(prepared.settings, memory.upstream()):
        memory.unlearn()


def begin(
    prepared: Prepared, place: Workplace, memory: Memory, remembrance: Remembrance | None
) -> Workplace:
    """Begin a run: return its workplace with an id, and with pages where it may use some."""
    now = place.clock.wall()
    run = run_id(now, place.clock.random)
    if remembrance is None:
        memory.begin(run, pages_since=None)
        return replace(place, run=run)
    last = unfinished(memory, remembrance, place.reporter)
    resumed = resumed_since(last, remembrance)
    memory.begin(run, pages_since=resumed)
    pages, since = memory.pages(run), usable_since(resumed, remembrance, now)
    cached = {
        name: CachedPages(
            fetcher,
            pages,
            CachePolicy(
                endpoint=access.endpoint,
                auth="token" if access.token else "anonymous",
                usable_since=since,
            ),
            now=place.clock.wall,
            reporter=place.reporter,
        )
        for name, fetcher in place.fetchers.items()
        for access in [prepared.settings.access[name]]
    }
    return replace(place, run=run, fetchers=cached, resumes=last.run if last else None)


def unfinished(memory: Memory, remembrance: Remembrance, reporter: Reporter) -> Unfinished | None:
    """Return the run that this one resumes, if any, and say so."""
    if remembrance.resume_within is None:
        return None
    last = memory.unfinished(within=remembrance.resume_within)
    if last:
        what = f"resumes run {last.run}, which was cut short: its pages are not asked for again"
        reporter(Noted(message=what, passing=True))
    return last


def resumed_since(last: Unfinished | None, remembrance: Remembrance) -> datetime | None:
    """Return from when on pages of the resumed runs answer; None when no run is resumed.

    Runs that end early time after time resume each other: what was too old for the last of them
    when it began must not be handed on for ever.
    """
    if last is None or remembrance.resume_within is None:
        return None
    return max(last.pages_since, last.started - timedelta(seconds=remembrance.resume_within))


def usable_since(
    resumed: datetime | None, remembrance: Remembrance, now: datetime
) -> datetime | None:
    """Return from when on pages answer without a request; None when none does."""
    moments = [resumed] if resumed else []
    if remembrance.fresh_within:
        moments.append(now - timedelta(seconds=remembrance.fresh_within))
    return min(moments, default=None)
