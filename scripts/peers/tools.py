"""Say which tools run, what each does with a page, and how to start it in its own environment."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["AT_ONCE", "TOOLS", "Errand", "Tool", "install"]

AT_ONCE = 8
"""Requests in flight, for everyone."""
ENVIRONMENTS = Path(".peers")
RIVALS = Path(__file__).parent / "rivals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a tool is sent for, and the empty folder in which it works."""

    source: str
    endpoint: str
    urls: tuple[str, ...]
    folder: Path
    definitions: Path
    """A folder of definitions that make us ask for the same pages."""

    @property
    def list_file(self) -> Path:
        """The URLs, one a line."""
        return self.folder / "urls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One way of fetching."""

    name: str
    does: str
    """What it does with a page."""
    command: Callable[[Errand], Sequence[str | Path]]
    package: str | None = None
    """What is installed for it; None where it is there already."""
    sources: tuple[str, ...] = ("civitai", "huggingface")


def python(package: str) -> Path:
    """Return the interpreter of a package's environment."""
    return (ENVIRONMENTS / package / "bin" / "python").absolute()


def install(tool: Tool) -> None:
    """Make the environment of a tool, unless it is there."""
    if tool.package is None or (ENVIRONMENTS / tool.package / "made").exists():
        return
    sys.stderr.write(f"installing {tool.package}\n")
    venv.create(ENVIRONMENTS / tool.package, clear=True, with_pip=True)
    command = [python(tool.package), "-m", "pip", "install", "--quiet", tool.package]
    subprocess.run(command, check=True)  # noqa: S603 - ourselves
    (ENVIRONMENTS / tool.package / "made").touch()


def curl(errand: Errand) -> list[str | Path]:
    """Return how curl fetches all pages and drops them."""
    config = errand.folder / "curl"
    lines = (f'url = "{url}"\noutput = "/dev/null"\n' for url in errand.urls)
    config.write_text("".join(lines), encoding="utf-8")
    flags = ["--silent", "--fail", "--compressed", "--parallel", "--parallel-max", str(AT_ONCE)]
    return ["curl", *flags, "--config", config]


def ours(errand: Errand) -> list[str | Path]:
    """Return how a run makes a manifest of each page."""
    manifests = Path(sys.executable).with_name("manifests")
    folders = ["--filters", errand.definitions, "--out", errand.folder / "out"]
    return [manifests, "generate", "--quiet", *folders, "--max-concurrency", str(AT_ONCE)]


def rival(script: str, package: str) -> Callable[[Errand], list[str | Path]]:
    """Return how a script of ours starts in the environment of *package*."""
    return lambda errand: [python(package), RIVALS / script, errand.list_file, errand.folder / "to"]


HTTPX, SCRAPY, HUB = "httpx==0.28.1", "scrapy==2.19.0", "huggingface_hub==2.4.0"

TOOLS = (
    Tool(name="curl --parallel", does="unpacks and drops it", command=curl),
    Tool(
        name="manifests, fetch only",
        does="unpacks it within bounds and drops it",
        command=lambda errand: [sys.executable, RIVALS / "fetch_only.py", errand.list_file],
    ),
    Tool(
        name="manifests generate",
        does="validates, normalises, judges, keeps and publishes it",
        command=ours,
    ),
    Tool(
        name="plain httpx loop",
        does="parses it and writes ids and names",
        command=rival("plain_httpx.py", HTTPX),
        package=HTTPX,
    ),
    Tool(
        name="Scrapy",
        does="parses it and writes ids and names",
        command=rival("scrapy_spider.py", SCRAPY),
        package=SCRAPY,
    ),
    Tool(
        name="huggingface_hub, threads",
        does="makes ModelInfo objects and writes ids and counts",
        command=rival("hub_threads.py", HUB),
        package=HUB,
        sources=("huggingface",),
    ),
)
"""All tools; the first is the measure of the others."""
