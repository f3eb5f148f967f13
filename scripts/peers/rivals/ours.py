"""Fetch pages with our own transport, eight at once; drop them, or write the names of their models.

It takes a file of URLs and, unless the pages are to be dropped, one to write to. A page is read as
a run reads it, up to where records of CivitAI and of the Hub become models of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import orjson

from manifests.fetch.transport import Timeouts, open_transport, plain_context
from manifests.sources.civitai_wire import WHOLE_PAGE as CIVITAI
from manifests.sources.huggingface_page import WHOLE_PAGE as HUB


def names(url: str, body: bytes) -> dict[str, str]:
    """Return id → name of all models of a page; a record of another shape is an error."""
    if "/api/v1/" in url:
        return {str(item["id"]): item["name"] for item in CIVITAI.validate_json(body)["items"]}
    return {item["id"]: item["id"] for item in HUB.validate_json(body)}


async def main(urls: list[str], out: Path | None) -> None:
    """Fetch each of *urls*; write id → name to *out*, if there is one."""
    waiting, models = iter(urls), dict[str, str]()
    opened = open_transport(timeouts=Timeouts(), context=plain_context(), trust_env=False)
    async with opened as transport, anyio.create_task_group() as tasks:

        async def worker() -> None:
            for url in waiting:
                received = await transport.get(url, {"Accept": "application/json"})
                if received.status != 200:  # noqa: PLR2004 - HTTP's own word
                    raise ConnectionError(received.status)
                if out:
                    models.update(names(url, received.body))

        for _ in range(8):
            tasks.start_soon(worker)
    if out:
        await anyio.Path(out).write_bytes(orjson.dumps(models))


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:]]
    anyio.run(main, given[0].read_text().split(), given[1] if given[1:] else None)
