"""Describe the upstreams that the bench meets, and the least time in which each could be read.

Seconds are those of the code under test. The worlds are those of the simulation in the tests, with
eight requests in flight at most, as by default.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CEILING", "WORLDS", "Goal", "Side", "World", "bound", "lengths"]

CEILING = 8
"""Requests in flight to one host, at most: for all who are measured, and for the bound."""

Drawn: TypeAlias = "Mapping[str, Sequence[float]]"
"""Listing → what each of its pages takes when nothing goes wrong, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """How one host behaves."""

    median: float = 0.6
    """Of the seconds that an answer takes, lognormal."""
    sigma: float = 0.69
    """Of its logarithm: with 0.69 one answer in a hundred takes five times the median."""
    rate: float = 0.0
    """Requests a second that a token bucket admits; 0 admits all."""
    burst: float = 0.0
    """Requests that it admits at once."""
    tells_when: bool = False
    """Whether its 429 has a Retry-After."""
    quota: int = 0
    """Requests in each counted window, told by RateLimit headers; 0 counts none."""
    period: float = 0.0
    """Seconds of such a window."""
    workers: tuple[int, int] | None = None
    """Least and most requests that it works on at once; all others wait in line."""
    fewer: tuple[float, float, int] | None = None
    """From, until, and how many workers there are between."""
    gateway: float = 30.0
    """Seconds after which who waits in line gets a 504."""
    faults: float = 0.0
    """Share of attempts that meet a 502 at once, a 504 after 30-60 s or a 524 after 100 s."""
    poisoned: int = 0
    """One in so many listings is always answered 504 after 30 s; 0 spares all."""
    outage: tuple[float, float] | None = None
    """From, until: everything is a 503 at once."""

    def spares(self, listing: int) -> bool:
        """Tell whether a listing can be read at all."""
        return not self.poisoned or listing % self.poisoned != self.poisoned // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the controller is to reach, as medians."""

    ratio: float
    """Time over the least time."""
    sent: float = 1.05
    """Requests sent for each page that is needed, those that meet an injected fault on top."""
    refused: float = float("inf")
    """429s, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One upstream to be read."""

    name: str
    title: str
    side: Side
    goal: Goal
    listings: int = 300
    shape: Literal["single", "chains", "fours"] = "single"
    """How many pages a listing has: one; 1 to 20 and two of 40; or four."""
    other: Side | None = None
    """A second host, which is asked for as much at the same time."""
    speed: float = 6.0
    """Seconds of the code under test in a real one."""
    given_up: float = 300.0
    """Seconds after which a run is ended."""


FAULTY = Goal(ratio=1.6, sent=1.105)
DEAD = Side(poisoned=1)

WORLDS = (
    World(name="healthy", title="healthy", side=Side(), goal=Goal(ratio=1.2)),
    World(
        name="bucket",
        title="token bucket, 5/s, silent 429",
        side=Side(rate=5, burst=10),
        goal=Goal(ratio=1.30),
        speed=12,
    ),
    World(
        name="bucket-told",
        title="token bucket, 5/s, Retry-After",
        side=Side(rate=5, burst=10, tells_when=True),
        goal=Goal(ratio=1.15),
        speed=12,
    ),
    World(
        name="window",
        title="100 calls in 30 s, RateLimit",
        side=Side(quota=100, period=30),
        goal=Goal(ratio=1.10, refused=0),
        listings=250,
        speed=12,
    ),
    World(
        name="capacity",
        title="hidden capacity, 4 to 16 workers",
        side=Side(median=0.5, sigma=0.5, workers=(4, 16)),
        goal=Goal(ratio=1.25),
    ),
    World(
        name="changing",
        title="16 workers, 4 from 10 s to 40 s",
        side=Side(median=0.5, sigma=0.5, workers=(16, 16), fewer=(10, 40, 4), gateway=10),
        goal=Goal(ratio=1.25),
        listings=130,
        shape="fours",
        speed=8,
    ),
    World(name="faults-5", title="5 % faults", side=Side(faults=0.05), goal=FAULTY),
    World(
        name="faults-20",
        title="20 % faults",
        side=Side(faults=0.2),
        goal=Goal(ratio=2.7, sent=1.31),
    ),
    World(
        name="poison",
        title="slow poison: 1 % always 504 after 30 s",
        side=Side(poisoned=100),
        goal=Goal(ratio=1.35, sent=1.10),
    ),
    World(
        name="blip",
        title="blip: 503 from 5 s to 65 s",
        side=Side(outage=(5, 65)),
        goal=Goal(ratio=1.10, sent=1.30),
        speed=10,
    ),
    World(
        name="one-down",
        title="one host down, against the other alone",
        side=Side(),
        goal=Goal(ratio=1.05),
        listings=200,
        other=DEAD,
    ),
    World(
        name="chains",
        title="long chains of pages",
        side=Side(),
        goal=Goal(ratio=1.25),
        listings=60,
        shape="chains",
    ),
)
"""In the order of the table."""


def lengths(world: World, seed: int) -> list[int]:
    """Return how many pages each listing has."""
    if world.shape == "single":
        return [1] * world.listings
    if world.shape == "fours":
        return [4] * world.listings
    chance = random.Random(f"lengths {seed}")  # noqa: S311 - chance, not secrets
    sizes = range(1, 21)
    drawn = chance.choices(sizes, [1 / size**2 for size in sizes], k=world.listings - 2)
    chains = [*drawn, 40, 40]
    chance.shuffle(chains)
    return chains


def bound(world: World, drawn: Drawn, workers: int) -> float:
    """Return the least seconds in which someone who knows all could read *world*.

    Args:
        world: the upstream.
        drawn: what each needed page takes.
        workers: how many requests its host works on at once, outside of `fewer`.
    """
    side = world.side
    chains = [sum(pages) for pages in drawn.values()]
    work, longest = sum(chains), max(chains)
    least = min(min(pages) for pages in drawn.values())
    pages = sum(len(each) for each in drawn.values())
    if side.fewer:
        return max(fluid(work, side.fewer, at_once=min(CEILING, workers)), longest)
    if side.quota:
        resets, rest = divmod(pages - 1, side.quota)
        return max(work / CEILING, resets * side.period + rest * work / pages / CEILING)
    if side.outage:
        start, end = side.outage
        return end + max(0.0, work - start * CEILING) / CEILING
    limited = (pages - side.burst) / side.rate + least if side.rate else 0.0
    return max(work / min(CEILING, workers), longest, limited)


def fluid(work: float, fewer: tuple[float, float, int], *, at_once: int) -> float:
    """Return when so many seconds of work are done at best, with fewer workers for a while."""
    start, end, left = fewer
    before, between = start * at_once, (end - start) * min(left, at_once)
    if work <= before:
        return work / at_once
    if work <= before + between:
        return start + (work - before) / min(left, at_once)
    return end + (work - before - between) / at_once
