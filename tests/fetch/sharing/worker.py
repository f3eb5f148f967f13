"""Be one of several processes that share a budget: fetch pages, then tell what was met, as JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import TypedDict

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


async def work(endpoint: str, place: str, *, pages: int, ceiling: int, source: str) -> Told:
    """Fetch so many pages, each of a listing of its own, all wanted at once."""
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
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.readline)
        done.clear()
        async with anyio.create_task_group() as tasks:
            for number in range(pages):
                tasks.start_soon(fetch, number)
        record = fetcher.record()
    return Told(
        done=done, refused=record.refused, most_in_flight=record.most_in_flight, notes=notes
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(anyio.run(lambda: work(**json.loads(sys.argv[1])))))
