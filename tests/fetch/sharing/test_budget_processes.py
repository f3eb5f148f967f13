"""Processes that share a budget never pass its limits together, share fairly, and survive."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol

import anyio
import anyio.to_thread
import pytest
from tests.fetch.sharing.worker import Orders, Told, answer

from manifests.clock import Clock
from manifests.sandbox.server import Running, SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    class Server(Protocol):
        """What `conftest.py` starts."""

        url: str

        def stop(self) -> None:
            """Stop it."""

        def start(self) -> None:
            """Start it."""


FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([answer.__module__])


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Processes that are to fetch pages of one upstream."""

    place: str
    simulate: str
    processes: int = 4
    pages: int = 12
    ceiling: int = 8
    source: str = "civitai"


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of a team."""

    told: list[Told] = field(default_factory=list)
    most_in_flight: int = 0

    @property
    def refused(self) -> list[int]:
        """Refusals that each process met."""
        return [each["refused"] for each in self.told]

    @property
    def when_first_ended(self) -> list[int]:
        """Pages that each process had when the first one had all."""
        first = min(each["done"][-1] for each in self.told)
        return [sum(at <= first for at in each["done"]) for each in self.told]


@dataclass(frozen=True, slots=True)
class Worker:
    """One process, and the line to it."""

    process: ForkServerProcess
    line: Connection


def hire(team: Team, endpoint: str) -> Worker:
    """Start one process."""
    orders = Orders(
        endpoint=endpoint,
        place=team.place,
        pages=team.pages,
        ceiling=team.ceiling,
        source=team.source,
    )
    ours, its = FORKS.Pipe()
    process = FORKS.Process(target=answer, args=(its, orders), daemon=True)
    process.start()
    its.close()
    return Worker(process, ours)


def start(workers: Sequence[Worker]) -> None:
    """Let all begin together, as soon as the last one is ready."""
    for worker in workers:
        assert worker.line.recv() == "ready"
    for worker in workers:
        worker.line.send("start")


def listen(workers: Sequence[Worker]) -> list[Told]:
    """Return what those tell that were not killed."""
    told: list[Told] = []
    for worker in workers:
        with worker.line, suppress(EOFError):
            told.append(worker.line.recv())
        worker.process.join()
    return told


async def work(
    team: Team,
    disturb: Callable[[Running, Sequence[Worker]], Awaitable[None]] | None = None,
) -> Result:
    """Let a team fetch its pages, and disturb it in the middle."""
    options = SandboxOptions(simulate=team.simulate, models=50)
    async with running(options, clock=Clock()) as upstream:
        workers = [hire(team, upstream.url) for _ in range(team.processes)]
        await anyio.to_thread.run_sync(start, workers)
        if disturb is not None:
            await disturb(upstream, workers)
        told = await anyio.to_thread.run_sync(listen, workers)
        return Result(told=told, most_in_flight=upstream.most_in_flight)


async def answered(upstream: Running, requests: int) -> None:
    """Wait until the upstream has received so many requests."""
    while upstream.requests["civitai"] < requests:  # noqa: ASYNC110 - it has no event to wait for
        await anyio.sleep(0.01)


@pytest.fixture(params=["redis", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the budget is kept."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'budget.sqlite3'}"
    server: Server = request.getfixturevalue("server")
    return server.url


async def test_a_counted_window_is_never_overspent(place: str) -> None:
    """Four processes with one quota get no single 429, and all their pages."""
    simulate = "latency:50ms,window:40/2s"
    result = await work(Team(place=place, simulate=simulate, pages=14, source="huggingface"))
    assert result.refused == [0, 0, 0, 0]
    assert result.most_in_flight <= 8
    assert [len(each["done"]) for each in result.told] == [14, 14, 14, 14]


async def test_places_in_flight_are_shared_fairly(place: str) -> None:
    """A host that bears four at once gets four at once, and no process waits for another to end."""
    team = Team(place=place, simulate="latency:150ms,capacity:4", pages=9, ceiling=4)
    result = await work(team)
    assert result.refused == [0, 0, 0, 0]
    assert result.most_in_flight <= 4
    # Equal parts are for `test_membership.py`, which has a clock of its own: a busy machine may
    # keep one waiting here. Whoever took all places would leave the others none.
    assert min(result.when_first_ended) >= 1


async def test_a_rate_is_found_out_together(server: Server) -> None:
    """A host that refuses what is too fast is found out by all: few refusals, all pages."""
    team = Team(place=server.url, simulate="latency:50ms,rate:30/s:retry", pages=25)
    result = await work(team)
    assert [len(each["done"]) for each in result.told] == [25, 25, 25, 25]
    assert sum(result.refused) <= 28


async def test_a_restart_of_the_server_is_survived(server: Server) -> None:
    """The server goes and comes back: never more than the limit, and it is used again."""

    async def restart(upstream: Running, _: Sequence[Worker]) -> None:
        await answered(upstream, 20)
        await anyio.to_thread.run_sync(server.stop)
        await answered(upstream, 36)
        await anyio.to_thread.run_sync(server.start)

    team = Team(place=server.url, simulate="latency:100ms,capacity:4", pages=22, ceiling=4)
    result = await work(team, restart)
    assert result.refused == [0, 0, 0, 0]
    assert result.most_in_flight <= 4
    for told in result.told:
        assert len(told["done"]) == 22
        assert [note.rpartition(" is ")[2][:4] for note in told["notes"]] == ["lost", "back"]


async def test_a_killed_process_frees_its_places(tmp_path: Path) -> None:
    """What a killed process held is used by the others, who finish."""

    async def kill(upstream: Running, workers: Sequence[Worker]) -> None:
        await answered(upstream, 10)
        workers[0].process.kill()

    team = Team(
        place=f"sqlite:{tmp_path / 'budget'}",
        simulate="latency:100ms,capacity:2",
        processes=2,
        pages=15,
        ceiling=2,
    )
    result = await work(team, kill)
    assert [len(each["done"]) for each in result.told] == [15]
    assert result.refused == [0]
