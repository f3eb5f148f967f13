"""Fetch pages with Scrapy, and write the names of their models by its own feed: eight at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import Spider
from scrapy.crawler import CrawlerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse


class Models(Spider):
    """Yields an item for each page: id → name."""

    name = "models"

    def parse(self, response: TextResponse) -> Iterator[dict[str, object]]:
        """Read a page."""
        page = response.json()
        items = page["items"] if isinstance(page, dict) else page
        yield {str(item["id"]): item.get("name") for item in items}


def main(urls: Path, out: Path) -> None:
    """Fetch each line of *urls*, and write *out*."""
    settings = {
        "CONCURRENT_REQUESTS": 8,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "DOWNLOAD_DELAY": 0,
        "FEEDS": {str(out): {"format": "jsonlines"}},
        "LOG_LEVEL": "ERROR",
        "ROBOTSTXT_OBEY": False,
        "TELNETCONSOLE_ENABLED": False,
    }
    process = CrawlerProcess(settings)
    process.crawl(Models, start_urls=urls.read_text().split())
    process.start()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
