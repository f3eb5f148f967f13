"""Run the bench of a shared budget, print its table, and draw it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from html import escape
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import anyio

from sharing.runs import LIMITS, TEAMS, Limit, Run, measure, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
LEFT, TOP, WIDTH, BAR, GAP = 210, 70, 760, 14, 18
NEWLINE = "\n"
WIDEST = 2.0
"""The longest bar: twice the time of one process."""
PAGE = """# One budget for many processes

One to four processes fetch the same pages with one `--shared-budget` on a Redis server, from one
sandbox that holds them to one limit. Made by `scripts/budget-bench`; every figure is a ratio
within that run. A time of 1 means that the limit is shared without loss.
A bucket that begins full lets more pass than its rate.

{table}
![Time over that of one process](budget.svg)
"""
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .small { font-size: 11px; fill: #57606a; } .title { font-size: 16px; font-weight: 600; }
  .one { stroke: #24292f; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; } .one { stroke: #e6edf3; }
  }
"""


async def run_all(rounds: int) -> dict[str, list[Run]]:
    """Return the median run of each limit and team size."""
    rows: dict[str, list[Run]] = {}
    with redis_server() as server:
        database = 0
        for limit in LIMITS:
            rows[limit.title] = []
            for processes in TEAMS:
                runs = []
                for _ in range(rounds):
                    # A database of its own: what one run learned is no start for the next.
                    runs.append(await measure(limit, processes, f"{server}/{database % 16}"))
                    database += 1
                seconds = median(each.seconds for each in runs)
                rows[limit.title].append(min(runs, key=lambda run: abs(run.seconds - seconds)))
    return rows


def table(rows: Mapping[str, Sequence[Run]]) -> str:
    """Return the runs as a table in Markdown; times are ratios to one process of the same bench."""
    lines = [
        "| limit | processes | time ÷ one process | pages a second ÷ limit | refused ÷ pages |",
        "|---|---:|---:|---:|---:|",
    ]
    for limit in LIMITS:
        alone = rows[limit.title][0]
        lines += [line(limit, run, alone) for run in rows[limit.title]]
    return "\n".join(lines) + "\n"


def line(limit: Limit, run: Run, alone: Run) -> str:
    """Return one row."""
    return (
        f"| {limit.title} | {run.processes} | {run.seconds / alone.seconds:.2f}"
        f" | {run.per_second / limit.bound:.2f} | {run.refused / run.pages:.3f} |"
    )


def draw(rows: Mapping[str, Sequence[Run]]) -> str:
    """Return the chart."""
    height = TOP + len(LIMITS) * (len(TEAMS) * BAR + GAP)
    one = place(1.0)
    title = "Time over that of one process, on one budget (1: the limit is shared without loss)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img" aria-label="{title}">\n'
        f'<style>{STYLE}</style>\n<text class="title" x="12" y="26">{title}</text>\n'
        f"{NEWLINE.join(bars(rows))}\n"
        f'<line class="one" x1="{one:.1f}" y1="{TOP - 10}" x2="{one:.1f}" y2="{height - 10}"/>\n'
        "</svg>\n"
    )


def place(ratio: float) -> float:
    """Return where a ratio stands, in pixels from the left."""
    return LEFT + min(ratio, WIDEST) / WIDEST * (WIDTH - LEFT - 150)


def bars(rows: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """Yield a bar for each run."""
    down = TOP
    for limit in LIMITS:
        alone = rows[limit.title][0]
        for run in rows[limit.title]:
            ratio = run.seconds / alone.seconds
            end = place(ratio)
            behind = max(end, place(1.0)) + 6
            words = f"{ratio:.2f}, {run.per_second / limit.bound:.2f} of the limit"
            title = f"{limit.title}: {run.processes}" if run is alone else str(run.processes)
            yield (
                f'<text class="small" x="{LEFT - 8}" y="{down + 11}" text-anchor="end">'
                f"{escape(title)}</text>"
                f'<rect x="{LEFT}" y="{down}" width="{end - LEFT:.1f}" height="{BAR - 2}"'
                f' fill="#0b6e4f"/><text class="small" x="{behind:.1f}" y="{down + 11}">'
                f"{words}</text>"
            )
            down += BAR
        down += GAP


def main() -> None:
    """Run, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/budget-bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="Runs of each; the median counts.")
    options = parser.parse_args()
    rows = anyio.run(run_all, options.rounds)
    found = table(rows)
    sys.stdout.write(found)
    data = {title: [asdict(run) for run in runs] for title, runs in rows.items()}
    (ROOT / "bench" / "budget.json").write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    (ROOT / "docs" / "budget.svg").write_text(draw(rows), "utf-8")
    (ROOT / "docs" / "performance-budget.md").write_text(PAGE.format(table=found), "utf-8")


if __name__ == "__main__":
    main()
