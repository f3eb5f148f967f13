"""Fetch pages with our own transport, bounded in time and size, and drop them: eight at once."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from manifests.fetch.transport import Timeouts, open_transport, plain_context


async def main(urls: list[str]) -> None:
    """Fetch each of *urls*."""
    waiting = iter(urls)
    opened = open_transport(timeouts=Timeouts(), context=plain_context(), trust_env=False)
    async with opened as transport, anyio.create_task_group() as tasks:

        async def worker() -> None:
            for url in waiting:
                received = await transport.get(url, {"Accept": "application/json"})
                if received.status != 200:  # noqa: PLR2004 - HTTP's own word
                    raise ConnectionError(received.status)

        for _ in range(8):
            tasks.start_soon(worker)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]).read_text().split())
