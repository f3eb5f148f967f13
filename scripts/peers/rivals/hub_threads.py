"""List the models of authors with huggingface_hub, and write their names: eight threads.

It asks for the authors that stand in the URLs, with parameters of its own; the pages are the same.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from huggingface_hub import HfApi


def main(urls: Path, out: Path) -> None:
    """List the author of each line of *urls*, and write id → downloads to *out*."""
    lines = urls.read_text().split()
    first = urlsplit(lines[0])
    api = HfApi(endpoint=f"{first.scheme}://{first.netloc}", token=False)
    authors = [parse_qs(urlsplit(line).query)["author"][0] for line in lines]

    def listed(author: str) -> dict[str, int | None]:
        found = api.list_models(author=author, limit=1000, full=True)
        return {model.id: model.downloads for model in found}

    with ThreadPoolExecutor(8) as pool:
        models = {name: count for page in pool.map(listed, authors) for name, count in page.items()}
    out.write_text(json.dumps(models))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
