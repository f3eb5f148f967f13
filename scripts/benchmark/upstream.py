"""Serve worlds over real HTTP, each on a port of its own, with the server of the sandbox.

It runs as a process of its own: a list of jobs comes as JSON on stdin, the ports go as JSON to
stdout, and the end of stdin ends it. `/counts` of a port tells what was asked of it.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import orjson
from anyio.abc import SocketAttribute

from benchmark.worlds import WORLDS, Side
from manifests.clock import Clock
from manifests.sandbox import edge
from manifests.sandbox.connection import Host
from manifests.sandbox.huggingface_api import HuggingFaceApi
from manifests.sandbox.injector import Injector
from manifests.sandbox.limits import FixedWindow
from manifests.sandbox.synthetic_huggingface import SyntheticHuggingFace
from manifests.sandbox.upstream import Sandbox
from manifests.sandbox.wire import HUGGINGFACE, Answer

if TYPE_CHECKING:
    from manifests.sandbox.wire import Ask

__all__ = ["Job", "main"]

MODELS = 200
"""Enough for 200 pages of one: small ones, as the processor's time counts many times here."""
DAY = 1_785_542_400_000
"""The midnight from which the dates of the models count back, in milliseconds since 1970."""
SLOW_504 = 30.0
QUICK = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One port to open."""

    world: str
    seed: int
    speed: float
    is_other: bool = False
    """Whether it is the second host of the world."""


@dataclass(slots=True, kw_only=True)
class Bucket:
    """So many requests a second, and some at once."""

    rate: float
    tokens: float
    most: float
    seen: float = 0.0

    def wait(self, now: float) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        self.tokens = min(self.most, self.tokens + (now - self.seen) * self.rate)
        self.seen = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0


@dataclass(slots=True, kw_only=True)
class Line:
    """Workers who take requests in the order in which they come, and finish what they began."""

    free: list[float]
    """When each worker has nothing more to do."""
    fewer: tuple[float, float, int] | None = None

    def seconds(self, service: float, now: float) -> float:
        """Put in a request that takes so long itself; return the seconds until it is done."""
        starts = [self._start(number, max(now, free)) for number, free in enumerate(self.free)]
        number = min(range(len(starts)), key=starts.__getitem__)
        self.free[number] = starts[number] + service
        return self.free[number] - now

    def _start(self, number: int, at: float) -> float:
        if self.fewer is None:
            return at
        begin, end, left = self.fewer
        return end if number >= left and begin <= at < end else at


@dataclass(slots=True)
class Told:
    """What a port was asked."""

    sent: int = 0
    refused: int = 0
    drawn: dict[str, dict[str, float]] = field(default_factory=dict)
    """Listing → cursor → what the page takes when nothing goes wrong."""


class Staged(Sandbox):
    """A sandbox that behaves as one side of a world says, from its first request on."""

    def __init__(self, side: Side, *, seed: int, api: HuggingFaceApi) -> None:
        injector = Injector((), chance=random.Random(seed), now=0.0)  # noqa: S311 - chance
        super().__init__(civitai=api, huggingface=api, injector=injector)
        self.told = Told()
        self.workers = random.Random(f"workers {seed}").randint(*(side.workers or (0, 0)))  # noqa: S311
        self._side = side
        self._seed = seed
        self._began: float | None = None
        self._asked: Counter[str] = Counter()
        self._bucket = Bucket(rate=side.rate, tokens=side.burst, most=side.burst)
        self._window = FixedWindow(quota=side.quota, seconds=side.period, start=0.0)
        self._line = Line(free=[0.0] * self.workers, fewer=side.fewer)

    def answer(self, ask: Ask, *, now: float) -> Answer:
        """Answer as the world has it; `/counts` apart, which is no part of it."""
        if ask.path == "/counts":
            return Answer.of_json(self._counts())
        if self._began is None:
            self._began = now
        since = now - self._began
        self.told.sent += 1
        listing, cursor = ask.values("listing")[0], "".join(ask.values("cursor"))
        key = f"{listing} {cursor}"
        self._asked[key] += 1
        good = super().answer(ask, now=now)
        seconds = self._latency(f"{key} {self._asked[key]}")
        self.told.drawn.setdefault(listing, {}).setdefault(cursor, seconds)
        return (
            self._refusal(since)
            or self._trouble(key, int(listing), since)
            or self._served(good, seconds, since)
        )

    def _counts(self) -> object:
        return {
            "sent": self.told.sent,
            "refused": self.told.refused,
            "workers": self.workers,
            "drawn": {name: list(pages.values()) for name, pages in self.told.drawn.items()},
        }

    def _chance(self, key: str) -> random.Random:
        return random.Random(f"{self._seed} {key}")  # noqa: S311 - chance, not secrets

    def _latency(self, key: str) -> float:
        drawn = self._chance(key).gauss(0, self._side.sigma)
        return self._side.median * math.exp(drawn)

    def _refusal(self, since: float) -> Answer | None:
        wait = self._bucket.wait(since) if self._side.rate else 0.0
        refused = edge.answer(
            "429", HUGGINGFACE, retry_after=wait if self._side.tells_when else None
        )
        if wait:
            self.told.refused += 1
            return replace(refused, delay=QUICK)
        if self._side.quota and not self._window.take(since):
            self.told.refused += 1
            return replace(refused, delay=QUICK, headers=self._window.headers(since))
        return None

    def _trouble(self, key: str, listing: int, since: float) -> Answer | None:
        side = self._side
        if not side.spares(listing):
            return replace(edge.answer("504", HUGGINGFACE), delay=SLOW_504)
        if side.outage and side.outage[0] <= since < side.outage[1]:
            return replace(edge.answer("503", HUGGINGFACE), delay=QUICK)
        chance = self._chance(f"fault {key} {self._asked[key]}")
        if chance.random() >= side.faults:
            return None
        status, seconds = chance.choice(
            [("502", 0.3), ("504", chance.uniform(30, 60)), ("524", 100.0)]
        )
        return replace(edge.answer(status, HUGGINGFACE), delay=seconds)

    def _served(self, good: Answer, seconds: float, since: float) -> Answer:
        headers = good.headers
        if self._side.quota:
            headers = (*headers, *self._window.headers(since))
        if not self.workers:
            return replace(good, delay=seconds, headers=headers)
        taken = self._line.seconds(seconds, since)
        if taken > self._side.gateway:
            return replace(edge.answer("504", HUGGINGFACE), delay=self._side.gateway)
        return replace(good, delay=taken, headers=headers)


async def serve(jobs: list[Job]) -> None:
    """Open a port for each job, tell them, and serve until stdin ends."""
    api = HuggingFaceApi(SyntheticHuggingFace(seed=1, models=MODELS, day=DAY))
    sides = {world.name: world for world in WORLDS}
    ports = []
    async with anyio.create_task_group() as tasks:
        for job in jobs:
            world = sides[job.world]
            side = world.other if job.is_other and world.other else world.side
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
            ports.append(listener.extra_attributes[SocketAttribute.local_port]())
            staged = Staged(side, seed=job.seed, api=api)
            host = Host(staged, clock=faster(job.speed))
            tasks.start_soon(listener.serve, host.converse)
        sys.stdout.write(f"{orjson.dumps(ports).decode()}\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.read)
        tasks.cancel_scope.cancel()


def faster(speed: float) -> Clock:
    """Return a clock on which so many seconds pass in a real one."""
    return Clock(
        monotonic=lambda: anyio.current_time() * speed,
        sleep=lambda seconds: anyio.sleep(seconds / speed),
    )


def main() -> None:
    """Read the jobs and serve them."""
    jobs = [Job(**each) for each in orjson.loads(sys.stdin.readline())]
    anyio.run(partial(serve, jobs))


if __name__ == "__main__":
    main()
