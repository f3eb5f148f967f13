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

__all__ = ["AT_ONCE", "OURS", "TOOLS", "Errand", "Tool", "install"]

AT_ONCE = 8
"""Requests in flight, for everyone."""
ENVIRONMENTS = Path(".peers")
RIVALS = Path(__file__).parent / "rivals"
PROJECT = Path(__file__).parents[2]
OURS = "manifests"
"""Our own package, as it stands here."""


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
    """Return the interpreter of a package's environment; this one, if ours has none."""
    own = (ENVIRONMENTS / package / "bin" / "python").absolute()
    return Path(sys.executable) if package == OURS and not own.exists() else own


def install(tool: Tool) -> None:
    """Make the environment of a tool, unless it is there as it should be."""
    if tool.package is None:
        return
    home, wanted = ENVIRONMENTS / tool.package, requirements(tool.package)
    made = home / "made"
    if made.exists() and made.read_text(encoding="utf-8") == wanted:
        return
    sys.stderr.write(f"installing {tool.package}\n")
    venv.create(home, clear=True)
    (home / "wanted").write_text(wanted, encoding="utf-8")
    what = ["--constraint", home / "wanted", "--editable", PROJECT]
    what = what if tool.package == OURS else ["--requirement", home / "wanted"]
    command = [sys.executable, "-m", "pip", "--python", home, "install", "--quiet", *what]
    subprocess.run(command, check=True)  # noqa: S603 - ourselves
    made.write_text(wanted, encoding="utf-8")


def requirements(package: str) -> str:
    """Return what goes into a package's environment; of ours, the locked versions to choose from.

    An environment for development would be no fair one: it has trio, for tests, and where that is,
    httpx imports it, which takes as long as all of httpx.
    """
    if package != OURS:
        return package
    locked = (PROJECT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    # As constraints, pip wants them without their hashes.
    return "\n".join(line.rstrip(" \\") for line in locked if line[:1].isalnum())


def curl(errand: Errand) -> list[str | Path]:
    """Return how curl fetches all pages and drops them."""
    config = errand.folder / "curl"
    lines = (f'url = "{url}"\noutput = "/dev/null"\n' for url in errand.urls)
    config.write_text("".join(lines), encoding="utf-8")
    flags = ["--silent", "--fail", "--compressed", "--parallel", "--parallel-max", str(AT_ONCE)]
    return ["curl", *flags, "--config", config]


def ours(errand: Errand) -> list[str | Path]:
    """Return how a run makes a manifest of each page."""
    manifests = python(OURS).with_name("manifests")
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
        command=lambda errand: [python(OURS), RIVALS / "ours.py", errand.list_file],
        package=OURS,
    ),
    Tool(
        name="manifests, fetch and parse",
        does="checks its shape and writes ids and names",
        command=rival("ours.py", OURS),
        package=OURS,
    ),
    Tool(
        name="manifests generate",
        does="validates, normalises, judges, keeps and publishes it",
        command=ours,
        package=OURS,
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
