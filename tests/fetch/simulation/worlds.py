"""Build the worlds of the study: listings, an upstream, and the bound of one who knows it all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from tests.fetch.simulation.simulator import Chain
from tests.fetch.simulation.upstreams import (
    GATEWAY_TIMEOUT,
    QUICK,
    SILENT_REFUSAL,
    Bucket,
    Counted,
    Crowded,
    Down,
    Faulty,
    Healthy,
    PenaltyBox,
    Poisoned,
    Straggling,
    Workers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.fetch.simulation.upstreams import Ending, Upstream

CAP = 16
"""Attempts in flight that the bound allows itself."""

Latencies: TypeAlias = "list[list[float]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Listings and who answers for them."""

    chains: Sequence[Chain]
    upstream: Upstream
    bound: float
    """Seconds that the good listings take at least, with 16 in flight."""
    poisoned: frozenset[int] = frozenset()
    """Listings that can't be read."""


class Chance(Random):
    """A source of chance, and how many times as long as usual the upstream takes."""

    pace = 1.0


def lognormal(rng: Chance, *, median: float, sigma: float) -> float:
    """Return a duration, in seconds."""
    return rng.pace * rng.lognormvariate(math.log(median), sigma)


def latencies(rng: Chance, pages: Sequence[int]) -> Latencies:
    """Return the latency of each page: median 0.6 s, 99 % below 3 s."""
    sigma = math.log(5) / 2.326
    return [[lognormal(rng, median=0.6, sigma=sigma) for _ in range(count)] for count in pages]


def services(rng: Chance, pages: Sequence[int], *, median: float) -> Latencies:
    """Return the work of each page in seconds."""
    return [[lognormal(rng, median=median, sigma=0.5) for _ in range(count)] for count in pages]


def total(times: Latencies) -> float:
    """Return the sum over all pages."""
    return sum(map(sum, times))


def spread(times: Latencies, *, capacity: float = CAP) -> float:
    """Return the least time for all pages: the sum over the capacity, or the longest listing."""
    return max(total(times) / capacity, *map(sum, times))


def shortest(times: Latencies) -> float:
    """Return the quickest page."""
    return min(map(min, times))


def singles(count: int) -> list[Chain]:
    """Return listings of one page."""
    return [Chain() for _ in range(count)]


def healthy(rng: Chance, *, count: int = 300) -> World:
    """U1, and U12 with 10,000 listings: nothing is wrong."""
    times = latencies(rng, [1] * count)
    return World(chains=singles(count), upstream=Healthy(times), bound=spread(times))


def stragglers(rng: Chance) -> World:
    """U1s: 2 % of the attempts take 20 to 60 s longer."""
    times = latencies(rng, [1] * 300)
    upstream = Straggling(Healthy(times), share=0.02, random=rng)
    return World(chains=singles(300), upstream=upstream, bound=spread(times))


def bucket(rng: Chance, *, rate: float, burst: float, announces: bool = False) -> World:
    """U2a, U2b, U2t: a token bucket."""
    times = latencies(rng, [1] * 300)
    upstream = Bucket(Healthy(times), rate=rate, burst=burst, announces=announces)
    bound = max(spread(times), (300 - burst) / rate + shortest(times))
    return World(chains=singles(300), upstream=upstream, bound=bound)


def crowded(rng: Chance) -> World:
    """U2k: 429 above 4 in flight."""
    times = latencies(rng, [1] * 300)
    upstream = Crowded(Healthy(times), most=4)
    return World(chains=singles(300), upstream=upstream, bound=spread(times, capacity=4))


def penalty_box(rng: Chance) -> World:
    """U2p: more than 100 in 10 s close the door for 30 s."""
    times = latencies(rng, [1] * 300)
    bound = 10 * (299 // 100) + shortest(times)
    return World(chains=singles(300), upstream=PenaltyBox(Healthy(times)), bound=bound)


def counted(rng: Chance) -> World:
    """U2h: 500 requests in 300 s, told on every answer; 1,500 are needed, from any phase."""
    times = latencies(rng, [1] * 1500)
    reset = rng.uniform(0, 300)
    mean = total(times) / 1500
    left = 1500 - min(500, int(reset * CAP / mean))
    bound = reset + 300 * ((left - 1) // 500) + ((left - 1) % 500 + 1) * mean / CAP
    upstream = Counted(Healthy(times), first_reset=reset)
    return World(chains=singles(1500), upstream=upstream, bound=bound)


def hidden_capacity(rng: Chance) -> World:
    """U3a: 4 to 16 workers, 0.5 s each, a gateway that waits 10 to 30 s."""
    times, workers = services(rng, [1] * 300, median=0.5), rng.randint(4, 16)
    upstream = Workers(times, workers=workers, gateway=(10, 30), random=rng)
    bound = spread(times, capacity=workers) + Workers.ROUND_TRIP
    return World(chains=singles(300), upstream=upstream, bound=bound)


def near_collapse(rng: Chance) -> World:
    """U3b: 4 slow workers, 40 % of them busy with others, a gateway that waits 10 s.

    A page that takes longer than the gateway waits can't be read.
    """
    times = services(rng, [1] * 300, median=2.0)
    bad = frozenset(job for job, (seconds,) in enumerate(times) if seconds > 10)
    good = [time for job, time in enumerate(times) if job not in bad]
    mean = rng.pace * 2.0 * math.exp(0.125)
    others = Chance(rng.random())
    others.pace = rng.pace
    upstream = Workers(
        times, workers=4, gateway=(10, 10), random=rng,
        background=visitors(others, rate=0.4 * 4 / mean),
    )  # fmt: skip
    bound = total(good) / (4 * 0.6)
    return World(chains=singles(300), upstream=upstream, bound=bound, poisoned=bad)


def visitors(rng: Chance, *, rate: float) -> Iterator[tuple[float, float]]:
    """Yield when others come, and the work that they bring."""
    now = 0.0
    while True:
        now += rng.expovariate(rate)
        yield now, lognormal(rng, median=2.0, sigma=0.5)


def thrashing(rng: Chance) -> World:
    """U3c: 4 to 8 workers who slow down when more is asked."""
    times, workers = services(rng, [1] * 300, median=0.5), rng.randint(4, 8)
    upstream = Workers(times, workers=workers, random=rng, thrashes=True)
    return World(chains=singles(300), upstream=upstream, bound=total(times) / workers)


def faults(rng: Chance, *, share: float) -> World:
    """U4a, U4b: attempts fail by chance, most of them slowly."""
    times = latencies(rng, [1] * 300)
    upstream = Faulty(Healthy(times), share=share, random=rng)
    return World(chains=singles(300), upstream=upstream, bound=total(times) / CAP)


def outage(rng: Chance, *, end: float = 65.0) -> World:
    """U5a: 503 from 5 to 65 s; U5b with no end, and from the start."""
    times = latencies(rng, [1] * 300)
    begin = 5.0 if end < math.inf else 0.0
    upstream = Down(Healthy(times), begin=begin, end=end)
    bound = end + max(0.0, total(times) - CAP * begin) / CAP if end < math.inf else 1.0
    poisoned = frozenset() if end < math.inf else frozenset(range(300))
    return World(chains=singles(300), upstream=upstream, bound=bound, poisoned=poisoned)


def changing(rng: Chance) -> World:
    """U6: 16 workers, 4 from 20 to 60 s, 16 again; 6 pages each; a gateway that waits 10 s."""
    times = services(rng, [6] * 300, median=0.5)
    work = total(times)
    bound = work / 16 if work < 320 else 20 + (work - 320) / 4
    if bound > 60:
        bound = 60 + (work - 320 - 160) / 16
    upstream = Workers(times, workers=16, gateway=(10, 10), random=rng, away=(20.0, 60.0))
    chains = [Chain(pages=6, expected=6.0) for _ in range(300)]
    return World(chains=chains, upstream=upstream, bound=bound)


def poisoned(rng: Chance, *, share: float, ending: Ending) -> World:
    """U7, U11: a few listings fail always in the same way."""
    times = latencies(rng, [1] * 300)
    bad = frozenset(rng.sample(range(300), round(300 * share)))
    good = [time for job, time in enumerate(times) if job not in bad]
    upstream = Poisoned(Healthy(times), dict.fromkeys(bad, ending))
    return World(chains=singles(300), upstream=upstream, bound=spread(good), poisoned=bad)


def half(rng: Chance) -> World:
    """U8, host A: 150 listings of a healthy host."""
    return healthy(rng, count=150)


def dead(rng: Chance) -> World:  # noqa: ARG001 - death knows no chance
    """U8, host B: 504 after 30 s, for ever."""
    upstream = Poisoned(Healthy([]), dict.fromkeys(range(150), (30.0, GATEWAY_TIMEOUT)))
    everything = frozenset(range(150))
    return World(chains=singles(150), upstream=upstream, bound=1.0, poisoned=everything)


def lengths(rng: Chance, count: int) -> list[int]:
    """Return numbers of pages from 1 to 20, P(k) ~ 1/k²."""
    return rng.choices(range(1, 21), weights=[1 / k**2 for k in range(1, 21)], k=count)


def remembered(rng: Chance, pages: Sequence[int]) -> list[Chain]:
    """Return listings with the last run's page counts: 20 % noise, 10 % unknown."""
    return [
        Chain(
            pages=count,
            expected=None if rng.random() < 0.1 else max(1.0, count * rng.gauss(1, 0.2)),
        )
        for count in pages
    ]


def chained(rng: Chance, *, long: int = 0) -> World:
    """U9: listings of 1 to 20 pages; U9b: and three of 60 to 100."""
    pages = lengths(rng, 300 - long) + [rng.randint(60, 100) for _ in range(long)]
    rng.shuffle(pages)
    times = latencies(rng, pages)
    return World(chains=remembered(rng, pages), upstream=Healthy(times), bound=spread(times))


def slow_pages(rng: Chance) -> World:
    """U10: 3 % of the listings take 15 to 60 s, and that is how they are."""
    times = latencies(rng, [1] * 300)
    for job in rng.sample(range(300), 9):
        times[job][0] = rng.uniform(15, 60)
    return World(chains=singles(300), upstream=Healthy(times), bound=spread(times))


def everything(rng: Chance) -> World:
    """U13: pages, a bucket, faults, an outage, slow first pages and poisoned listings."""
    pages = lengths(rng, 300)
    times = latencies(rng, pages)
    odd = rng.sample(range(300), 11)
    for job in odd[:6]:
        times[job][0] = rng.uniform(15, 60)
    endings: dict[int, Ending] = dict.fromkeys(odd[6:9], (QUICK, SILENT_REFUSAL))
    endings |= dict.fromkeys(odd[9:], (30.0, GATEWAY_TIMEOUT))
    inner = Poisoned(Faulty(Healthy(times), share=0.02, random=rng), endings)
    upstream = Down(Bucket(inner, rate=15, burst=60), begin=20, end=40)
    good = [time for job, time in enumerate(times) if job not in endings]
    needed = sum(map(len, good))
    bound = max(total(good) / CAP + 20, (needed - 120) / 15 + 20)
    return World(
        chains=remembered(rng, pages), upstream=upstream, bound=bound,
        poisoned=frozenset(endings),
    )  # fmt: skip


def build(name: str, seed: int, *, pace: float = 1.0) -> World:
    """Return one world, perhaps a slower one; name and seed always give the same one."""
    rng = Chance(f"{name} {seed}")
    rng.pace = pace
    return WORLDS[name](rng)


WORLDS: dict[str, Callable[[Chance], World]] = {
    "U1": healthy,
    "U1s": stragglers,
    "U2a": lambda rng: bucket(rng, rate=10, burst=20),
    "U2b": lambda rng: bucket(rng, rate=10, burst=20, announces=True),
    "U2t": lambda rng: bucket(rng, rate=2, burst=5),
    "U2k": crowded,
    "U2p": penalty_box,
    "U2h": counted,
    "U3a": hidden_capacity,
    "U3b": near_collapse,
    "U3c": thrashing,
    "U4a": lambda rng: faults(rng, share=0.05),
    "U4b": lambda rng: faults(rng, share=0.2),
    "U5a": outage,
    "U5b": lambda rng: outage(rng, end=math.inf),
    "U6": changing,
    "U7": lambda rng: poisoned(rng, share=0.01, ending=(30.0, GATEWAY_TIMEOUT)),
    "U8": half,
    "U8b": dead,
    "U9": chained,
    "U9b": lambda rng: chained(rng, long=3),
    "U10": slow_pages,
    "U11": lambda rng: poisoned(rng, share=0.02, ending=(QUICK, SILENT_REFUSAL)),
    "U12": lambda rng: healthy(rng, count=10_000),
    "U13": everything,
}
"""Name → the world for a source of chance."""
