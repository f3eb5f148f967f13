"""Make a bench: open the ports, make the runs, and write table, JSON and chart."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import orjson

from benchmark.chart import draw
from benchmark.report import as_json, fold, table, to_a_dead_host
from benchmark.runs import STRATEGIES, Plan, Turn, measure
from benchmark.worlds import CEILING, WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.runs import Measured
    from benchmark.worlds import World

AT_ONCE = 2
"""Runs at once: more would wait for the processor, and so measure it."""

PAGE = """# How near to what upstream allows

Written by `scripts/bench`. Each world is an upstream of the sandbox over real HTTP on loopback, on
a clock that runs {speeds} times as fast as ours, and faster still for the fixed paces.

- *least*: the seconds in which someone who knows the upstream's capacity, faults and latencies
  could read it with {ceiling} requests in flight. The figures are the time over that; beside a dead
  host, over that of the living one alone; the share read, where {given_up} s were too few for all.
- *controller*: the median of {seeds} seeds; *seeds*: from the best to the worst. The fixed paces:
  {fixed_seeds} of the same seeds, in the same bench.
- *sent*: requests for each page that was needed; *429*: refusals provoked; *at once*: the most
  attempts under way, overdue ones that were still listened to among them.

![Time over the least possible time](bench.svg)

{table}

The dead host beside the living one got at most {to_dead} requests in a run.
"""


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of each world")
    parser.add_argument("--fixed-seeds", type=int, default=1, metavar="N", help="of a fixed pace")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[each.name for each in WORLDS])
    parser.add_argument("--json", type=Path, default=Path("bench/latest.json"), metavar="FILE")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="put bench.md and .svg there")
    parser.add_argument("--speed-up", type=float, default=1.0, metavar="X", help="be less exact")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    return parser.parse_args()


def plans(worlds: Sequence[World], *, seeds: int, fixed_seeds: int) -> Iterator[Plan]:
    """Yield all runs: those of the controller first, as they need the processor most."""
    for strategy in STRATEGIES:
        for seed in range(1, (fixed_seeds if strategy.fixed else seeds) + 1):
            for world in worlds:
                plan = Plan(world=world, strategy=strategy, seed=seed)
                yield plan
                if world.other:
                    yield Plan(world=world, strategy=strategy, seed=seed, is_alone=True)


def bench(todo: Sequence[Plan]) -> list[Measured]:
    """Make all runs, against ports in a process of their own that takes no time from them."""
    jobs = [asdict(job) for plan in todo for job in plan.jobs]
    command = [sys.executable, "-m", "benchmark.upstream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:  # noqa: S603 - ourselves
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the server has no pipes")
        server.stdin.write(orjson.dumps(jobs) + b"\n")
        server.stdin.flush()
        ports = iter(orjson.loads(server.stdout.readline()))
        given = [(plan, list(islice(ports, len(plan.jobs)))) for plan in todo]
        return anyio.run(partial(make, given))


async def make(given: Sequence[tuple[Plan, list[int]]]) -> list[Measured]:
    """Make runs, a few at once, each against its own ports."""
    done: list[Measured] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def one(plan: Plan, ports: list[int]) -> None:
        async with Turn(limiter) as turn:
            found = await measure(plan, ports, turn)
        done.append(found)
        where = f"{len(done)}/{len(given)} {found.world}, {found.strategy}, seed {found.seed}"
        whole = f"{found.seconds:.0f} s of {found.bound:.0f} s, {found.done:.0%} read"
        sys.stderr.write(f"{where}: {whole}\n")

    async with anyio.create_task_group() as tasks:
        for plan, ports in given:
            tasks.start_soon(one, plan, ports)
    return done


def main() -> int:
    """Make the bench, and return the exit code."""
    asked = arguments()
    worlds = [
        replace(each, speed=each.speed * asked.speed_up)
        for each in WORLDS
        if not asked.only or each.name in asked.only
    ]
    began = time.monotonic()
    runs = bench(list(plans(worlds, seeds=asked.seeds, fixed_seeds=asked.fixed_seeds)))
    rows = fold(worlds, runs)
    shown, to_dead = table(rows), to_a_dead_host(rows)
    sys.stdout.write(f"{shown}\n\nto the dead host: {to_dead} requests at most\n")
    sys.stdout.write(f"measured in {time.monotonic() - began:.0f} s\n")
    for row in rows:
        sys.stdout.writelines(f"missed: {row.world.title}: {each}\n" for each in row.misses())
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_bytes(as_json(rows, runs))
    if asked.docs:
        speeds = sorted({f"{world.speed:g}" for world in worlds}, key=float)
        page = PAGE.format(
            speeds=f"{speeds[0]} to {speeds[-1]}",
            ceiling=CEILING,
            given_up=f"{worlds[0].given_up:g}",
            seeds=asked.seeds,
            fixed_seeds=asked.fixed_seeds,
            table=shown,
            to_dead=to_dead,
        )
        (asked.docs / "bench.md").write_text(page, encoding="utf-8")
        (asked.docs / "bench.svg").write_text(draw(rows), encoding="utf-8")
    return int(asked.strict and any(row.misses() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
