"""Be one of several processes that share a budget: fetch pages, then tell what was met, as JSON."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import anyio

from manifests.cli.budgeting import open_budget
from manifests.clock import Clock
from manifests.events import Event, Noted
from manifests.fetch.budget_place import parse_place
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.hosts import open_fetchers
from manifests.settings import Access, Settings
from manifests.sources import SOURCES
from manifests.sources.base import Page, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


class Told(TypedDict):
    """What one process tells when it is done."""

    done: list[float]
    """When each page came, in seconds of the machine's monotonic clock."""
    refused: int
    most_in_flight: int
    notes: list[str]


def read(reply: Reply) -> Page:
    """Take any good body for a page."""
    return Page(cursor=str(len(reply.body)))


class Orders(TypedDict):
    """What a process is to do."""

    endpoint: str
    place: str
    """Of the budget; none if empty."""
    pages: int
    ceiling: int
    source: str


async def work(orders: Orders, *, wait_for_start: Callable[[], object]) -> Told:
    """Fetch so many pages, each of a listing of its own, all wanted at once.

    Args:
        orders: what to do.
        wait_for_start: says that all is loaded, and returns when all are to begin.
    """
    endpoint, place, source = orders["endpoint"], orders["place"], orders["source"]
    pages, ceiling = orders["pages"], orders["ceiling"]
    settings = Settings(access={source: Access(endpoint=endpoint)}, concurrency=ceiling)
    infos = {source: SOURCES[source].info}
    path = "/api/v1/models" if source == "civitai" else "/api/models"
    done: list[float] = []
    notes: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Noted):
            notes.append(event.message)

    async with (
        open_budget(parse_place(place) if place else None) as budget,
        open_fetchers(settings, infos, clock=Clock(), reporter=note, budget=budget) as fetchers,
    ):
        fetcher = fetchers[source]
        assert isinstance(fetcher, ControlledFetcher)

        async def fetch(number: int) -> None:
            request = Request(source=source, path=path, parameters=(("limit", "1"),))
            fetched = await fetcher.fetch(request, read, log=[], job=number)
            assert fetched.page is not None, fetched.failure
            done.append(time.monotonic())

        await fetch(-1)  # what is loaded with the first request is nobody's share
        await anyio.to_thread.run_sync(wait_for_start)
        done.clear()
        async with anyio.create_task_group() as tasks:
            for number in range(pages):
                tasks.start_soon(fetch, number)
        record = fetcher.record()
    return Told(
        done=done, refused=record.refused, most_in_flight=record.most_in_flight, notes=notes
    )


def answer(connection: Connection, orders: Orders) -> None:
    """Work, and tell it at the other end of *connection*; whatever comes from there is the start.

    A process that has this module loaded makes forks for it, which start in a tenth of the time.
    """

    def wait_for_start() -> None:
        connection.send("ready")
        connection.recv()

    connection.send(anyio.run(partial(work, orders, wait_for_start=wait_for_start)))


def wait_for_line() -> None:
    """Say on stdout that all is loaded, and wait for a line on stdin."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    told = anyio.run(partial(work, json.loads(sys.argv[1]), wait_for_start=wait_for_line))
    sys.stdout.write(json.dumps(told))
