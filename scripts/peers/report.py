"""Fold runs into a row for each source and tool: medians, and ratios to curl in the same round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from peers.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from peers.runs import Measured

__all__ = ["Row", "fold", "goals", "table"]

TITLES = {"civitai": "CivitAI", "huggingface": "Hugging Face"}
TIMES_CURL, MILLISECONDS = 2.5, 8.0
"""The goals of the client: as a multiple of curl, and for each page of 1 MB.

The client is what a run fetches and reads pages with, controller included; normalising, judging
and publishing are the run's.
"""
FETCHING, PARSING = "manifests, fetch only", "manifests, fetch and parse"
RUN = "manifests generate"
NO_RIVALS = frozenset({TOOLS[0].name, FETCHING, PARSING, RUN})
"""They drop what they fetch, or are ourselves."""
HEAD = (
    "| pages of | tool | with a page it | CPU / curl | CPU ms a page | CPU ms, one page alone |"
    " wall, s | peak, MiB |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tool with the pages of one source."""

    source: str
    tool: str
    does: str
    ratio: float
    """Median over the rounds of its processor time over that of curl in the same round."""
    milliseconds: float
    """Processor time for each page, start-up included: the median."""
    start: float
    """Milliseconds of the processor for one page alone, which is hardly more than the start-up."""
    wall: float
    memory: float


def fold(runs: Sequence[Measured]) -> list[Row]:
    """Return the rows, source by source, in the order of the tools."""
    return [
        row(tool.name, tool.does, [each for each in runs if each.source == source], source)
        for source in TITLES
        for tool in TOOLS
        if any(each.tool == tool.name and each.source == source for each in runs)
    ]


def row(tool: str, does: str, runs: Sequence[Measured], source: str) -> Row:
    """Return the row of one tool."""
    floor = {each.round: each.cpu for each in of(TOOLS[0].name, runs) if not each.is_start}
    mine = [each for each in of(tool, runs) if not each.is_start]
    return Row(
        source=source,
        tool=tool,
        does=does,
        ratio=median(each.cpu / floor[each.round] for each in mine),
        milliseconds=median(1000 * each.cpu / each.pages for each in mine),
        start=median(1000 * each.cpu for each in of(tool, runs) if each.is_start),
        wall=median(each.wall for each in mine),
        memory=median(each.memory for each in mine),
    )


def of(tool: str, runs: Iterable[Measured]) -> Iterator[Measured]:
    """Yield the runs of one tool."""
    return (each for each in runs if each.tool == tool)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown."""
    lines = (
        f"| {TITLES[each.source]} | {each.tool} | {each.does} | {each.ratio:.2f} |"
        f" {each.milliseconds:.1f} | {each.start:.0f} | {each.wall:.1f} | {each.memory:.0f} |"
        for each in rows
    )
    return "\n".join([HEAD, *lines])


def goals(rows: Sequence[Row]) -> str:
    """Return in words how near what was measured comes to the goals, as a list of Markdown."""
    lines = []
    for mine in rows:
        what = f"{mine.tool}, pages of {TITLES[mine.source]}"
        if mine.tool == FETCHING:
            lines.append(f"{what}: CPU / curl {said(mine.ratio, TIMES_CURL)}")
        if mine.source == "civitai" and mine.tool == PARSING:
            lines.append(f"{what}: CPU ms a page {said(mine.milliseconds, MILLISECONDS)}")
        if mine.tool in {PARSING, RUN}:
            lines.append(f"{what}: {ahead(mine, rows)}")
    return "\n".join(f"- {line}." for line in lines)


def said(figure: float, goal: float) -> str:
    """Return a figure with its goal, and whether that is met."""
    return f"{figure:.2f}; the goal of {goal:g} is {'met' if figure <= goal else 'missed'}"


def ahead(mine: Row, rows: Sequence[Row]) -> str:
    """Return which tools that make something of a page take more CPU, and which less."""
    others = [each for each in rows if each.source == mine.source and each.tool not in NO_RIVALS]
    slower = [each.tool for each in others if each.ratio > mine.ratio]
    quicker = [each.tool for each in others if each.ratio <= mine.ratio]
    return f"ahead of {', '.join(slower) or 'none'}; behind {', '.join(quicker) or 'none'}"
