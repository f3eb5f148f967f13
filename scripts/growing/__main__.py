"""Make runs of growing size against one upstream, and write what they took."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from growing.chart import draw
from growing.upstream import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SIZES = (100, 1_000, 10_000)
KIB = 1024
TURNS = ("first", "again")

SECTION = """<!-- growth: written by scripts/growth --docs -->
## Growth

Each filter has a listing and {models} models of its own, so that 10,000 filters list a million
different models: the worst case, as filters that share listings or models cost less.
`scripts/growth` serves them on loopback, in a process of its own, and makes two runs of each size
in one go: *first* into an empty folder, *again* over what is there, of which nothing has changed.

- *CPU*: seconds of the processor, user and system. *growth*: how many times those of the row
  above, over how many times the filters; 1 is linear, and 1.1 the goal.
- *memory*: the most that was resident at once. The goal is 300 MB for 10,000 filters.
- *set*: what is published; a catalogue above 20 MiB is in parts.

![Processor time and memory from 100 to 10,000 filters](growth.svg)

{table}
<!-- /growth -->
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took."""

    filters: int
    turn: str
    cpu: float
    """Seconds, user and system."""
    wall: float
    """Seconds; other work on the machine counts in."""
    peak_mb: float
    """The most memory that was resident at once, in 10⁶ bytes."""
    files: int
    """Files of the published set."""
    set_mb: float
    """What they come to, in 10⁶ bytes."""


def definitions(folder: Path, count: int) -> None:
    """Write the definitions of so many filters, a user each."""
    folder.mkdir()
    lines = ['source = "civitai"', f"limit = {MODELS}", 'sort = "Most Downloaded"']
    for number in range(1, count + 1):
        lines += ["[[filters]]", f'path = "filter/u{number}"']
        lines += [f'parameters = {{ username = "u{number}" }}']
    (folder / "civitai.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measured(folder: Path, count: int, turn: str, environment: Mapping[str, str]) -> Run:
    """Make one run, and return what it took.

    Raises:
        RuntimeError: it did not end well.
    """
    out = folder / "out"
    command = [sys.executable, "-m", "manifests", "generate", "-q", "--deadline", "6h"]
    command += ["--filters", str(folder / "filters"), "--out", str(out)]
    command += ["--state", str(folder / "state")]
    began = time.monotonic()
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - ourselves
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the run of {count} filters ended with {process.returncode}")
    sizes = [path.stat().st_size for path in out.iterdir() if path.suffix == ".json"]
    unit = 1 if sys.platform == "darwin" else KIB
    return Run(
        filters=count,
        turn=turn,
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.monotonic() - began,
        peak_mb=usage.ru_maxrss * unit / 1e6,
        files=len(sizes),
        set_mb=sum(sizes) / 1e6,
    )


def measure(sizes: Sequence[int]) -> Iterator[Run]:
    """Yield what runs of so many filters took, against one upstream."""
    command = [sys.executable, "-m", "growing.upstream"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as upstream,  # noqa: S603 - ourselves
        tempfile.TemporaryDirectory() as temporary,
    ):
        if upstream.stdin is None or upstream.stdout is None:
            raise RuntimeError("the upstream has no pipes")
        endpoint = f"http://127.0.0.1:{int(upstream.stdout.readline())}"
        environment = {**os.environ, "CIVITAI_ENDPOINT": endpoint, "HF_ENDPOINT": endpoint}
        for count in sizes:
            folder = Path(temporary) / str(count)
            folder.mkdir()
            definitions(folder / "filters", count)
            for turn in TURNS:
                found = measured(folder, count, turn, environment)
                sys.stderr.write(f"{found}\n")
                yield found
        upstream.stdin.close()


def table(runs: Sequence[Run]) -> str:
    """Return the runs as a Markdown table, of each turn by size."""
    lines = ["| run | filters | CPU | growth | memory | files | set |"]
    lines += ["|---|--:|--:|--:|--:|--:|--:|"]
    for turn in TURNS:
        rows = [run for run in runs if run.turn == turn]
        for before, run in zip([None, *rows], rows, strict=False):
            growth = (
                f"{(run.cpu / before.cpu) / (run.filters / before.filters):.2f}" if before else ""
            )
            lines.append(
                f"| {turn} | {run.filters:,} | {run.cpu:.1f} s | {growth} | {run.peak_mb:.0f} MB"
                f" | {run.files:,} | {run.set_mb:,.0f} MB |"
            )
    return "\n".join(lines)


def put(page: Path, section: str) -> None:
    """Put the section into its page, in place of an earlier one."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Performance\n\n"
    found = re.compile(r"<!-- growth.*?<!-- /growth -->\n", re.DOTALL)
    if found.search(text):
        text = found.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    page.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure, print the table, and keep it where that was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/growth", description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="N")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="write performance.md, growth.svg")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    asked = parser.parse_args()
    runs = list(measure(sorted(asked.sizes)))
    shown = table(runs)
    sys.stdout.write(f"{shown}\n")
    if asked.json:
        asked.json.write_bytes(orjson.dumps([asdict(run) for run in runs]))
    if asked.docs:
        put(asked.docs / "performance.md", SECTION.format(models=MODELS, table=shown))
        points = [(run.turn, run.filters, run.cpu, run.peak_mb) for run in runs]
        (asked.docs / "growth.svg").write_text(draw(points), encoding="utf-8")


if __name__ == "__main__":
    main()
