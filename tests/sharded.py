"""Make runs of few filters whole or in shards, over an upstream that lists by rule."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.events import silent
from manifests.fetch.fetcher import Fetched
from manifests.joining import gather, join
from manifests.memory import open_memory
from manifests.merging import Merge, merge
from manifests.models import Model, Stats
from manifests.preparing import prepare
from manifests.results import Failure
from manifests.runner import Workplace, run
from manifests.settings import Access, Settings
from manifests.sharding import Shard
from manifests.sources import SOURCES
from manifests.sources.base import Entry, Page
from manifests.store.publisher import MACHINE, Disk
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manifests.fetch.fetcher import ReadPage
    from manifests.results import RunRecord
    from manifests.sources.base import Request

DEFINITIONS = {
    "civitai": """
source = "civitai"
sort = "Most Downloaded"
limit = 12
[[facets]]
name = "period"
default = "all"
slugs = { all = "AllTime", week = "Week", day = "Day" }
[[facets]]
name = "type"
default = "any"
slugs = { any = [], loras = ["LORA"], vaes = ["VAE"] }
""",
    "huggingface": """
source = "huggingface"
sort = "likes"
limit = 12
[[filters]]
path = "filter/all"
[[filters]]
path = "filter/gguf"
parameters = { filter = "gguf" }
""",
}
"""Eight filters and two: three families of listings and one."""
ACCESS = {name: Access(endpoint=f"https://{name}.example") for name in SOURCES}
DOWN = Failure(code=ErrorCode.NOT_FOUND, cause="upstream is ill", next_step="run again later")
"""Of a code that is not tried again at the end of a run."""
SHARE = {"AllTime": 100, "Week": 40, "Day": 12}
"""Per cent of the models that a period lists."""
PAGE = 10


def write(path: Path, data: bytes) -> None:
    """Write a new file without waiting until the disk has it."""
    with path.open("xb") as file:
        file.write(data)


QUICK = replace(MACHINE, write=write, settle=lambda _: None)


def chance(*of: object) -> int:
    """Return a number from 0 to 99 that depends on nothing else."""
    return crc32(repr(of).encode()) % 100


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What upstream lists on one day."""

    seed: int = 0
    left: int = 100
    """Per cent of its models that are still there."""
    down: frozenset[str] = frozenset()
    """Words of a listing's parameters that it answers with an error."""

    def ids(self, values: dict[str, str]) -> list[str]:
        """Return what a listing holds; models with an even id are LoRAs, the others VAEs."""
        share = SHARE[values.get("period", "AllTime")]
        return [
            str(number)
            for number in range(60)
            if chance("left", number) < self.left
            and chance(self.seed, values.get("period"), number) < share
            and values.get("types", type_of(number)) == type_of(number)
        ]

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return one page; a record bears the listing by which it was shown."""
        del read, hints
        values = dict(request.parameters)
        log.append(Attempt(number=1, url="https://example", started=1.0, seconds=0.5, bytes=100))
        if self.down & {request.source, *values.values()}:
            return Fetched(failure=DOWN)
        start = int(values.pop("cursor", "0"))
        ids = self.ids(values)
        name = f"{values.get('period')} {values.get('types')} {values.get('filter')}"
        entries = tuple(
            Entry(model=self.model(request.source, id_, name), stats=Stats(downloads=1))
            for id_ in ids[start : start + PAGE]
        )
        cursor = str(start + PAGE) if start + PAGE < len(ids) else None
        return Fetched(page=Page(entries=entries, cursor=cursor))

    def model(self, source: str, id_: str, name: str) -> Model:
        """Return the record of a model; odd letters must survive each way."""
        type_ = type_of(int(id_))
        text = f"{name} <script>|]]>\u202e\n"
        return Model(id=id_, source=source, slug=id_, name=text, type=type_, tags=("gguf",))


def type_of(number: int) -> str:
    """Return the type of a model."""
    return "VAE" if number % 2 else "LORA"


@dataclass(kw_only=True)
class Plant:
    """A folder with definitions, in which a day goes by with each run."""

    folder: Path
    day: int = 1

    @classmethod
    def at(cls, folder: Path) -> Plant:
        """Lay out the definitions."""
        (folder / "filters").mkdir()
        for name, text in DEFINITIONS.items():
            (folder / "filters" / f"{name}.toml").write_text(text, encoding="utf-8")
        return cls(folder=folder)

    def settings(self, out: str) -> Settings:
        """Return the settings of a run into a folder."""
        return Settings(filters=self.folder / "filters", out=self.folder / out, access=ACCESS)

    def now(self) -> datetime:
        """Return the time of this day's runs."""
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=self.day)

    def clock(self, out: str) -> Clock:
        """Return the clock of this day's run into a folder."""
        now = self.now()
        return Clock(wall=lambda: now, random=random.Random(f"{self.day}{out}"))

    async def make(
        self,
        out: str,
        world: World | None = None,
        *,
        shard: Shard | None = None,
        only: Sequence[str] = (),
        settings: Settings | None = None,
        disk: Disk = QUICK,
    ) -> RunRecord:
        """Make a run, or one shard of it."""
        prepared = prepare(
            settings or self.settings(out), SOURCES, now=self.now(), only=only, shard=shard
        )
        place = Workplace(
            fetchers=dict.fromkeys(SOURCES, world or World()),
            reporter=silent,
            clock=self.clock(out),
            disk=disk,
        )
        return await run(prepared, place)

    async def shards(
        self, of: int, world: World | None = None, *, but: int = 0, only: Sequence[str] = ()
    ) -> list[Path]:
        """Make all shards *but* one; return their folders."""
        numbers = [number for number in range(1, of + 1) if number != but]
        for number in numbers:
            await self.make(f"shard-{number}", world, shard=Shard(number, of), only=only)
        return [self.folder / f"shard-{number}" for number in numbers]

    def merge(
        self,
        folders: Sequence[Path],
        out: str = "merged",
        *,
        settings: Settings | None = None,
        disk: Disk = QUICK,
    ) -> RunRecord:
        """Merge shards."""
        given = settings or self.settings(out)
        handed = gather(folders, out=given.out)
        first = handed.first
        told = replace(given, access=handed.access, compact=first.compact)
        prepared = prepare(told, SOURCES, now=self.now(), only=first.only, source=first.source)
        found = Merge(prepared=prepared, joined=join(handed, prepared), now=self.now(), disk=disk)
        if told.dry_run:
            return merge(found)
        clock = self.clock(out)
        state = self.folder / "state"
        with open_memory(state, out=given.out, clock=clock, reporter=silent) as memory:
            return merge(replace(found, memory=memory))

    def files(self, out: str) -> dict[str, bytes]:
        """Return what is published in a folder, but for the file that every run writes."""
        return {
            path.name: path.read_bytes()
            for path in (self.folder / out).glob("[!.]*")
            if path.name != "status.json"
        }
