"""Read a world once with one way of fetching, and measure that."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.request import urlopen

import anyio
import anyio.to_thread
from pydantic import BaseModel

from benchmark.upstream import Job, faster
from benchmark.worlds import CEILING, Side, World, bound, lengths
from manifests.events import AttemptEnded, AttemptStarted
from manifests.fetch.hosts import open_fetchers
from manifests.models import Query
from manifests.settings import Access, Pace, Settings
from manifests.sources.huggingface import HuggingFace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.clock import Clock
    from manifests.events import Event
    from manifests.fetch.hosts import Fetchers
    from manifests.traffic import Attempt

__all__ = ["STRATEGIES", "Measured", "Plan", "Strategy", "Turn", "measure"]

SOURCE = HuggingFace()
OWN, OTHER = "own", "other"
NOISE = 0.2
UNKNOWN = 0.1
"""Share of listings of which the last run says nothing; of all others it is 20 % off."""


class Strategy(NamedTuple):
    """One way of fetching."""

    name: str
    fixed: Pace | None
    speed: float
    """How many times as fast as for the controller its time runs: it asks less a second."""


STRATEGIES = (
    Strategy("controller", None, 1.0),
    Strategy("fixed 2/200 ms", Pace(concurrency=2, delay=0.2), 5.0),
    Strategy("fixed 3/100 ms", Pace(concurrency=3, delay=0.1), 4.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run to be made."""

    world: World
    strategy: Strategy
    seed: int
    is_alone: bool = False
    """Whether the second host of the world is left out."""

    @property
    def speed(self) -> float:
        """Seconds of the code under test in a real one."""
        return self.world.speed * self.strategy.speed

    @property
    def jobs(self) -> list[Job]:
        """The ports that it needs."""
        whole = [False] if self.world.other is None or self.is_alone else [False, True]
        return [
            Job(world=self.world.name, seed=self.seed, speed=self.speed, is_other=each)
            for each in whole
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of one run."""

    world: str
    strategy: str
    seed: int
    is_alone: bool
    seconds: float
    """Until the last page that could come had come."""
    bound: float
    """The least seconds that it could have taken."""
    done: float
    """Share of the listings that could be read and were."""
    sent: float
    """Requests for each page that was needed."""
    refused: int
    """429s."""
    most_in_flight: int
    """Attempts at once, overdue ones that are still listened to among them."""
    to_other: int
    """Requests to the second host."""


class Turn:
    """A run's right to the processor: it is waited for, and ended once, by whoever is first."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._is_held = False

    async def __aenter__(self) -> Self:
        """Wait for it."""
        await self._limiter.acquire_on_behalf_of(self)
        self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it, if nobody has."""
        self.end()

    def end(self) -> None:
        """Let the next run begin."""
        if self._is_held:
            self._is_held = False
            self._limiter.release_on_behalf_of(self)


@dataclass(kw_only=True)
class Watch:
    """Counts what is in flight."""

    now: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)

    def __call__(self, event: Event) -> None:
        """Take note of *event*."""
        if isinstance(event, AttemptStarted):
            self.now[event.source] += 1
            self.total[event.source] += 1
            self.most[event.source] = max(self.most[event.source], self.now[event.source])
        elif isinstance(event, AttemptEnded):
            self.now[event.source] -= 1


@dataclass(kw_only=True)
class Reader:
    """Reads the listings of a world, and notes when the last of each host had come."""

    plan: Plan
    clock: Clock
    fetchers: Fetchers
    scope: anyio.CancelScope
    """Around all reading."""
    readable: int
    """Listings that can be read at all."""
    turn: Turn
    """Ended when only a dead host is left: waiting for that takes no processor."""
    done: Counter[str] = field(default_factory=Counter)
    """Host → listings that were read to their end."""
    last: dict[str, float] = field(default_factory=dict)
    """Host → when the last page came."""

    async def read_all(self) -> None:
        """Read all listings of all hosts; those of each are started in the same order."""
        pages = lengths(self.plan.world, self.plan.seed)
        chance = random.Random(f"expected {self.plan.seed}")  # noqa: S311 - chance, not secrets
        async with anyio.create_task_group() as tasks:
            for number, length in enumerate(pages):
                known = length * chance.uniform(1 - NOISE, 1 + NOISE)
                expected = None if chance.random() < UNKNOWN else known
                for host in self.fetchers:
                    tasks.start_soon(self._read, host, number, length, expected)

    async def _read(self, host: str, number: int, length: int, expected: float | None) -> None:
        parameters = (("limit", "1"), ("listing", str(number)), ("sort", "downloads"))
        query = Query(source="huggingface", parameters=parameters)
        cursor: str | None = None
        log: list[Attempt] = []
        for page in range(length):
            fetched = await self.fetchers[host].fetch(
                SOURCE.request(query, cursor),
                lambda reply: SOURCE.read(query, reply),
                log=log,
                job=number,
                expected=None if expected is None else max(1.0, expected - page),
            )
            if fetched.page is None:
                return
            cursor = fetched.page.cursor
        self.done[host] += 1
        self.last[host] = self.clock.monotonic()
        if self.done[OWN] == self.readable:
            self.turn.end()
            if OTHER not in self.fetchers:
                self.scope.cancel()  # what is poisoned is waited for by nobody here


async def measure(plan: Plan, ports: list[int], turn: Turn) -> Measured:
    """Make one run against the ports that were opened for it."""
    world = plan.world
    clock = replace(faster(plan.speed), random=random.Random(plan.seed))  # noqa: S311 - chance
    watch = Watch()
    access = {
        name: Access(endpoint=f"http://127.0.0.1:{port}")
        for name, port in zip((OWN, OTHER), ports, strict=False)
    }
    settings = Settings(access=access, concurrency=CEILING, fixed=plan.strategy.fixed)
    infos = dict.fromkeys(access, SOURCE.info)
    infos = {name: replace(info, name=name) for name, info in infos.items()}
    readable = sum(world.side.spares(each) for each in range(world.listings))
    began = clock.monotonic()
    async with open_fetchers(settings, infos, clock=clock, reporter=watch) as fetchers:
        with anyio.move_on_after(world.given_up / plan.speed) as scope:
            reader = Reader(
                plan=plan,
                clock=clock,
                fetchers=fetchers,
                scope=scope,
                readable=readable,
                turn=turn,
            )
            await reader.read_all()
    told = await anyio.to_thread.run_sync(counts, ports[0])
    drawn = good_pages(told.drawn, world.side)
    pages = sum(len(each) for each in drawn.values())
    return Measured(
        world=world.name,
        strategy=plan.strategy.name,
        seed=plan.seed,
        is_alone=plan.is_alone,
        seconds=round(reader.last.get(OWN, clock.monotonic()) - began, 2),
        bound=round(bound(world, drawn, told.workers or CEILING), 2),
        done=round(reader.done[OWN] / readable, 4),
        sent=round(watch.total[OWN] / pages, 3),
        refused=told.refused,
        most_in_flight=watch.most[OWN],
        to_other=watch.total[OTHER],
    )


class Counts(BaseModel):
    """What a port tells of itself."""

    sent: int
    refused: int
    workers: int
    drawn: dict[str, list[float]]


def counts(port: int) -> Counts:
    """Return what was asked of a port."""
    with urlopen(f"http://127.0.0.1:{port}/counts") as response:
        return Counts.model_validate_json(response.read())


def good_pages(drawn: Mapping[str, list[float]], side: Side) -> dict[str, list[float]]:
    """Return the pages that could come at all."""
    return {name: pages for name, pages in drawn.items() if side.spares(int(name))}
