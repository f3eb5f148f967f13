"""Let one to four processes fetch the same pages on one budget, from one sandbox."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from manifests.clock import Clock
from manifests.sandbox.server import SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["LIMITS", "TEAMS", "Limit", "Run", "measure", "redis_server"]

WORKER = Path(__file__).parents[2] / "tests" / "fetch" / "sharing" / "worker.py"
TEAMS = (1, 2, 3, 4)
"""Processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What the upstream bears, and what is asked of it."""

    title: str
    simulate: str
    pages: int
    """Of all processes together; each team size divides it."""
    bound: float
    """Requests a second that the limit allows in the long run."""
    source: str = "civitai"


LIMITS = (
    Limit(
        title="rate of 40 a second", simulate="latency:50ms,rate:40/s:retry", pages=240, bound=40
    ),
    Limit(title="4 in flight", simulate="latency:100ms,capacity:4", pages=144, bound=4 / 0.113),
    Limit(
        title="window of 60 in 3 s",
        simulate="latency:50ms,window:60/3s",
        pages=240,
        bound=20,
        source="huggingface",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one team did."""

    processes: int
    seconds: float
    """From the start of all to the last page."""
    pages: int
    refused: int

    @property
    def per_second(self) -> float:
        """Pages a second."""
        return self.pages / self.seconds


@contextmanager
def redis_server() -> Iterator[str]:
    """Yield the socket of a Redis server that keeps nothing: `redis://127.0.0.1:port/0`."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        command += ["--save", "", "--appendonly", "no"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def measure(limit: Limit, processes: int, place: str) -> Run:
    """Let a team fetch the pages; what each one loads first is no part of its time."""
    options = SandboxOptions(simulate=limit.simulate, models=50)
    async with running(options, clock=Clock()) as upstream:
        orders: dict[str, str | int] = {
            "endpoint": upstream.url,
            "place": place,
            "pages": limit.pages // processes,
            "ceiling": 4 if "capacity" in limit.simulate else 8,
            "source": limit.source,
        }
        workers = [hire(orders) for _ in range(processes)]
        began = await anyio.to_thread.run_sync(start, workers)
        told = await anyio.to_thread.run_sync(
            lambda: [json.loads(worker.communicate()[0]) for worker in workers]
        )
    return Run(
        processes=processes,
        seconds=max(each["done"][-1] for each in told) - began,
        pages=sum(len(each["done"]) for each in told),
        refused=sum(each["refused"] for each in told),
    )


def hire(orders: Mapping[str, str | int]) -> subprocess.Popen[str]:
    """Start one process; it waits for a line before it begins."""
    command = [sys.executable, str(WORKER), json.dumps(orders)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)  # noqa: S603


def start(workers: Sequence[subprocess.Popen[str]]) -> float:
    """Let all begin together once the last is ready; return when, in monotonic seconds."""
    for worker in workers:
        if worker.stdout:
            worker.stdout.readline()
    began = time.monotonic()
    for worker in workers:
        if worker.stdin:
            worker.stdin.write("\n")
    return began
