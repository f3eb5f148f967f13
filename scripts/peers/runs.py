"""Run each tool in turn against the same pages, and count the processor time that it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from peers.tools import Errand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from peers.tools import Tool

__all__ = ["Measured", "measure", "served"]

DEFINITIONS = 'source = "{source}"\nsort = "{sort}"\nlimit = {limit}\n'
FILTER = '[[filters]]\npath = "filter/{name}"\nparameters = {{ {parameter} = "{name}" }}\n'
MEBI = 1024
"""KiB in one MiB: Linux counts memory in KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one tool took for all pages of a source, its start and its children included."""

    source: str
    tool: str
    round: int
    pages: int
    is_start: bool
    """Whether it was sent for one page only, to see what its start takes."""
    cpu: float
    """Seconds of the processor, of user and system together."""
    wall: float
    """Seconds by the clock."""
    memory: float
    """Peak of what was resident, in MiB."""


def served(*, civitai: int, hub: int) -> Iterator[str]:
    """Yield the endpoint of a server in a process of its own; going on ends it."""
    command = [sys.executable, "-m", "peers.upstream", str(civitai), str(hub)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:  # noqa: S603 - ourselves
        if server.stdout is None:
            raise RuntimeError("the server has no pipe")
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"


def measure(
    tools: Sequence[Tool], endpoint: str, *, pages: Mapping[str, int], rounds: int
) -> Iterator[Measured]:
    """Yield every run: in each round all tools take turns, so that a busy minute hurts them all.

    Each tool is sent twice, for all pages and for the first one alone.
    """
    for number, (source, count) in product(range(1, rounds + 1), pages.items()):
        for tool in tools:
            if source in tool.sources:
                yield one(tool, endpoint, source=source, pages=count, number=number)
                yield one(tool, endpoint, source=source, number=number)


def one(
    tool: Tool, endpoint: str, *, source: str, number: int, pages: int | None = None
) -> Measured:
    """Return what one run took; without a number of pages, one of which only the start counts.

    Raises:
        RuntimeError: the tool failed, with the last that it said.
    """
    with TemporaryDirectory(prefix="peers-") as name:
        errand = prepared(Path(name), endpoint, source=source, pages=1 if pages is None else pages)
        command = [str(part) for part in tool.command(errand)]
        cpu, wall, memory = timed(command, errand)
    return Measured(
        source=source,
        tool=tool.name,
        round=number,
        pages=len(errand.urls),
        is_start=pages is None,
        cpu=cpu,
        wall=wall,
        memory=memory,
    )


def prepared(folder: Path, endpoint: str, *, source: str, pages: int) -> Errand:
    """Return an errand, whose URLs and definitions are written."""
    civitai = source == "civitai"
    path, parameter, letter = (
        ("/api/v1/models", "username", "u") if civitai else ("/api/models", "author", "a")
    )
    names = [f"{letter}{number}" for number in range(pages)]
    definitions = folder / "filters"
    definitions.mkdir()
    head = DEFINITIONS.format(
        source=source,
        sort="Most Downloaded" if civitai else "downloads",
        limit=100,
    )
    filters = "".join(FILTER.format(name=name, parameter=parameter) for name in names)
    (definitions / f"{source}.toml").write_text(head + filters, encoding="utf-8")
    errand = Errand(
        source=source,
        endpoint=endpoint,
        urls=tuple(f"{endpoint}{path}?{parameter}={name}" for name in names),
        folder=folder,
        definitions=definitions,
    )
    errand.list_file.write_text("\n".join(errand.urls), encoding="utf-8")
    return errand


def timed(command: Sequence[str], errand: Errand) -> tuple[float, float, float]:
    """Return seconds of the processor, seconds by the clock, and the peak of memory in MiB."""
    environment = {
        **os.environ,
        "CIVITAI_ENDPOINT": errand.endpoint,
        "HF_ENDPOINT": errand.endpoint,
    }
    log = errand.folder / "log"
    began = time.monotonic()
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - the tools are ours to name
            command, cwd=errand.folder, env=environment, stdout=said, stderr=said
        )
        # Unlike `wait`, it tells what this process took, with all children that it waited for.
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-1000:]
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {tail}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / MEBI
