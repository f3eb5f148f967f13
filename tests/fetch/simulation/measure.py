"""Measure a controller in the worlds: ratio to the bound, requests, refusals, most in flight."""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import TYPE_CHECKING

from tests.fetch.simulation.ablations import ABLATIONS, without
from tests.fetch.simulation.simulator import Host, run
from tests.fetch.simulation.upstreams import Down, PenaltyBox
from tests.fetch.simulation.worlds import CAP, WORLDS, build

from manifests.fetch.controller import Controller, ControlLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.fetch.simulation.worlds import World

SEEDS = range(1, 31)
FEWER_SEEDS = {"U2h": SEEDS[:12], "U6": SEEDS[:12], "U12": SEEDS[:1]}
"""Long worlds in which one run is much like another."""
ALL = 0.995
"""Share of the good listings that counts as all."""
NO_RATIO = frozenset({"U5b", "U8b"})
"""Worlds in which nothing can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run in one world came to."""

    ratio: float
    """When the last good listing was there, over the bound."""
    sent: float
    """Requests sent per page needed."""
    success: float
    """Share of the good listings that were read."""
    settled: float
    """Seconds until every listing was read or lost."""
    unsettled: int
    """Listings of which nothing was heard in the end: there must be none."""
    requests: int
    refused: int
    """429s."""
    in_vain: int
    """Requests sent into an outage; or doors that a penalty box shut."""
    most_in_flight: int
    most_in_window: int
    most_parked: int


def new_controller(seed: int, *, cap: int = CAP) -> Controller:
    """Return the controller under test."""
    return Controller(ControlLimits(max_concurrency=cap), random=random.Random(seed))


def play(name: str, seed: int, *, cap: int = CAP, pace: float = 1.0) -> Run:
    """Run one world once, with latencies so many times as long as usual."""
    world = build(name, seed, pace=pace)
    host = Host(new_controller(seed, cap=cap), world.upstream, world.chains)
    run(host)
    return judge(world, host)


def seeds_of(name: str) -> range:
    """Return the seeds with which a world is played."""
    return FEWER_SEEDS.get(name, SEEDS)


def judge(world: World, host: Host) -> Run:
    """Return what a finished run came to."""
    tally = host.tally
    good = [job for job in range(len(world.chains)) if job not in world.poisoned]
    done = [tally.done[job] for job in good if job in tally.done]
    needed = sum(world.chains[job].pages for job in good) or len(world.chains)
    return Run(
        ratio=max(done, default=0.0) / world.bound,
        sent=tally.requests / needed,
        success=len(done) / len(good) if good else 1.0,
        settled=tally.settled_at,
        unsettled=len(world.chains) - len(tally.done) - len(tally.lost),
        requests=tally.requests,
        refused=tally.codes[429],
        in_vain=asked_in_vain(world),
        most_in_flight=tally.most_in_flight,
        most_in_window=tally.most_in_window,
        most_parked=tally.most_parked,
    )


def asked_in_vain(world: World) -> int:
    """Return what an upstream counted that a careful client had spared it."""
    if isinstance(world.upstream, Down):
        return world.upstream.asked
    return world.upstream.boxes if isinstance(world.upstream, PenaltyBox) else 0


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def line(name: str, runs: Sequence[Run]) -> str:
    """Return a line of the table."""
    ratios = [one.ratio for one in runs]
    return (
        f"{name:5} {median(ratios):5.2f} {p95(ratios):5.2f}"
        f" {median(one.sent for one in runs):6.3f} {min(one.success for one in runs):8.1%}"
        f" {median(one.settled for one in runs):8.0f} {median(one.refused for one in runs):5.0f}"
        f" {median(one.in_vain for one in runs):5.0f}"
        f" {max(one.most_in_flight for one in runs):5}\n"
    )


def table(names: Sequence[str], *, since: int = 1, pace: float = 1.0) -> str:
    """Return the table, with the geometric mean of the median ratios below."""
    text = "world ratio   p95   sent  success  settled  429s  vain  most\n"
    ratios = []
    for name in names:
        seeds = (since + seed - 1 for seed in seeds_of(name))
        runs = [play(name, seed, pace=pace) for seed in seeds]
        text += line(name, runs)
        ratios.append(median(one.ratio for one in runs))
    means = [ratio for name, ratio in zip(names, ratios, strict=True) if name not in NO_RATIO]
    return f"{text}geometric mean {geometric_mean(means):.3f}\n" if means else text


def cell(runs: Sequence[Run]) -> str:
    """Return the median ratio to the bound, or how much the worst run read if that was not all."""
    least = min(one.success for one in runs)
    return f"{median(one.ratio for one in runs):.2f}" if least >= ALL else f"**{least:.0%}**"


def ablations(names: Sequence[str], *, seeds: int) -> Iterator[str]:
    """Yield a table in Markdown, line by line: all of it, then each part left out."""
    yield f"| without | {' | '.join(names)} | all | sent |"
    yield f"|---|{'--:|' * (len(names) + 2)}"
    for part in (None, *ABLATIONS):
        with without(part) if part else nullcontext():
            worlds = [[play(name, seed) for seed in seeds_of(name)[:seeds]] for name in names]
        mean = geometric_mean(median(one.ratio for one in runs) for runs in worlds)
        sent = geometric_mean(median(one.sent for one in runs) for runs in worlds)
        cells = " | ".join(map(cell, worlds))
        yield f"| {(part or 'nothing').replace('-', ' ')} | {cells} | {mean:.3f} | {sent:.3f} |"


def main() -> None:
    """Print the table for the worlds named, or for all, and with a part left out if asked."""
    parser = argparse.ArgumentParser(description="Simulate the rate controller; 30 seeds a world.")
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help="U1, U4b, …; default: all")
    parser.add_argument("--without", choices=ABLATIONS, help="leave a part out")
    parser.add_argument("--seed", type=int, default=1, help="the first of the seeds")
    parser.add_argument("--pace", type=float, default=1.0, help="times the latencies: 0.3, 3, …")
    parser.add_argument("--ablations", action="store_true", help="a table of all parts left out")
    parser.add_argument("--seeds", type=int, default=12, help="how many, for that table")
    chosen = parser.parse_args()
    if chosen.ablations:
        names = chosen.worlds or [name for name in WORLDS if name not in NO_RATIO]
        sys.stdout.writelines(f"{row}\n" for row in ablations(names, seeds=chosen.seeds))
        return
    with without(chosen.without) if chosen.without else nullcontext():
        names = chosen.worlds or [*WORLDS]
        sys.stdout.write(table(names, since=chosen.seed, pace=chosen.pace))


if __name__ == "__main__":
    main()
