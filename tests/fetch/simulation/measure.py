"""Measure a controller in the worlds: ratio to the bound, requests, refusals, most in flight."""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import TYPE_CHECKING

from manifests.fetch.controller import Controller, ControlLimits

from tests.fetch.simulation.simulator import Host, run
from tests.fetch.simulation.upstreams import Down, PenaltyBox
from tests.fetch.simulation.worlds import CAP, WORLDS, build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fetch.simulation.worlds import World


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
    """When every listing was read or lost."""
    requests: int
    refused: int
    """429s."""
    asked_in_vain: int
    """Requests sent into an outage, or shut doors of a penalty box."""
    most_in_flight: int
    most_in_window: int
    most_parked: int


FIRST_SEED = int(__import__("os").environ.get("S0", "1"))


def new_controller(rng: random.Random, *, cap: int = CAP) -> Controller:
    """Return the controller under test."""
    return Controller(ControlLimits(max_concurrency=cap), random=rng)


def play(
    name: str, seed: int, *, make: Callable[[random.Random], Controller] = new_controller
) -> Run:
    """Run one world once."""
    world = build(name, seed)
    host = Host(make(random.Random(seed)), world.upstream, world.chains)
    run(host)
    return judge(world, host)


def judge(world: World, host: Host) -> Run:
    """Return what a finished run came to."""
    tally = host.tally
    good = [job for job in range(len(world.chains)) if job not in world.poisoned]
    done = [tally.done[job] for job in good if job in tally.done]
    needed = sum(world.chains[job].pages for job in good) or len(world.chains)
    upstream = world.upstream
    in_vain = upstream.asked if isinstance(upstream, Down) else 0
    in_vain = upstream.boxes if isinstance(upstream, PenaltyBox) else in_vain
    return Run(
        ratio=max(done, default=0.0) / world.bound,
        sent=tally.requests / needed,
        success=len(done) / len(good) if good else 1.0,
        settled=tally.settled_at,
        requests=tally.requests,
        refused=tally.codes[429],
        asked_in_vain=in_vain,
        most_in_flight=tally.most_in_flight,
        most_in_window=tally.most_in_window,
        most_parked=tally.most_parked,
    )


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def row(name: str, runs: Sequence[Run]) -> str:
    """Return a line of the table."""
    ratios = [one.ratio for one in runs]
    return (
        f"{name:5} {median(ratios):6.2f} {p95(ratios):6.2f}"
        f" {median(one.sent for one in runs):6.3f} {min(one.success for one in runs):7.1%}"
        f" {median(one.settled for one in runs):7.0f} {median(one.refused for one in runs):5.0f}"
        f" {median(one.asked_in_vain for one in runs):5.0f}"
        f" {max(one.most_in_flight for one in runs):3}"
    )


def table(names: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """Return the lines of the table, the geometric mean of the ratios last."""
    lines = [
        "world  ratio    p95   sent success settled  429s  vain most"
    ]
    ratios: list[float] = []
    for name in names:
        began = time.process_time()
        runs = [play(name, seed) for seed in (seeds if name != "U12" else seeds[:1])]
        lines.append(f"{row(name, runs)}   {time.process_time() - began:5.1f} s")
        if name not in {"U5b", "U8b", "U12"}:
            ratios.append(median(one.ratio for one in runs))
    return [*lines, f"geometric mean {geometric_mean(ratios):.3f}"]


def main(arguments: Sequence[str]) -> None:
    """Print the table for the worlds and the number of seeds given."""
    count = int(arguments[0]) if arguments else 10
    names = arguments[1:] or list(WORLDS)
    sys.stdout.write("\n".join(table(names, range(FIRST_SEED, FIRST_SEED + count))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
