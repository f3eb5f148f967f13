"""Fetch pages with a plain httpx loop, and write the names of their models: eight at once."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import httpx  # noqa: TID251 - the rival itself


async def fetch(urls: list[str]) -> dict[int | str, str | None]:
    """Return id → name of all models of all pages."""
    waiting, models = iter(urls), {}

    async def worker(client: httpx.AsyncClient) -> None:
        for url in waiting:
            page = (await client.get(url)).raise_for_status().json()
            items = page["items"] if isinstance(page, dict) else page
            models.update({item["id"]: item.get("name") for item in items})

    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(worker(client))
    return models


def main(urls: Path, out: Path) -> None:
    """Fetch each line of *urls*, and write id → name to *out*."""
    models = asyncio.run(fetch(urls.read_text().split()))
    out.write_text(json.dumps(models))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
