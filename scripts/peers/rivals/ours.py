"""Fetch pages as a run does, controller and all; drop them, or write the names of their models.

It takes a file of URLs and, unless the pages are to be dropped, one to write to. A page is read as
a run reads it, up to where records of CivitAI and of the Hub become models of ours.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit

import anyio
import orjson

from manifests.clock import Clock
from manifests.fetch.hosts import open_fetchers
from manifests.settings import Access, Settings
from manifests.sources import SOURCES
from manifests.sources.base import Page, Request
from manifests.sources.civitai_wire import WHOLE_PAGE as CIVITAI
from manifests.sources.huggingface_page import WHOLE_PAGE as HUB

if TYPE_CHECKING:
    from manifests.events import Event
    from manifests.sources.base import Reply


def names(source: str, body: bytes) -> dict[str, str]:
    """Return id → name of all models of a page; a record of another shape is an error."""
    if source == "civitai":
        return {str(item["id"]): item["name"] for item in CIVITAI.validate_json(body)["items"]}
    return {item["id"]: item["id"] for item in HUB.validate_json(body)}


def ignore(event: Event) -> None:
    """Show nobody what happens."""


async def main(urls: list[SplitResult], out: Path | None) -> None:
    """Fetch each of *urls*, all of one host; write id → name to *out*, if there is one."""
    source = "civitai" if urls[0].path.startswith("/api/v1/") else "huggingface"
    models: dict[str, str] = {}

    def read(reply: Reply) -> Page:
        if out:
            models.update(names(source, reply.body))
        return Page()

    access = {source: Access(endpoint=f"{urls[0].scheme}://{urls[0].netloc}")}
    settings = Settings(access=access, concurrency=8)
    infos = {source: SOURCES[source].info}
    opened = open_fetchers(settings, infos, clock=Clock(), reporter=ignore)
    async with opened as fetchers, anyio.create_task_group() as tasks:

        async def fetch(job: int, url: SplitResult) -> None:
            parameters = tuple(parse_qsl(url.query))
            request = Request(source=source, path=url.path, parameters=parameters)
            fetched = await fetchers[source].fetch(request, read, log=[], job=job)
            if fetched.page is None:
                raise ConnectionError(fetched.failure)

        for job, url in enumerate(urls):
            tasks.start_soon(fetch, job, url)
    if out:
        await anyio.Path(out).write_bytes(orjson.dumps(models))


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 100)  # as the command does
    given = [Path(each) for each in sys.argv[1:]]
    anyio.run(
        main,
        [urlsplit(url) for url in given[0].read_text().split()],
        given[1] if given[1:] else None,
    )
