"""Draw the rows of a bench as an SVG: a bar for each way of fetching, on a logarithmic axis."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from benchmark.runs import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.report import Cell, Row

__all__ = ["draw"]

LEFT, RIGHT, TOP = 300, 40, 92
WIDTH = 900
BAR, GAP = 12, 14
TICKS = (1, 1.5, 2, 3, 5, 10, 20)
COLOURS = ("#0b6e4f", "#c97b2d", "#8a8f98")
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .small { font-size: 11px; fill: #57606a; }
  .title { font-size: 16px; font-weight: 600; }
  .tick { stroke: #d0d7de; }
  .goal { stroke: #24292f; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; }
    .tick { stroke: #3d444d; } .goal { stroke: #e6edf3; }
  }
"""


def draw(rows: Sequence[Row]) -> str:
    """Return the chart."""
    height = TOP + sum(tall(row) for row in rows) + 12
    body = "\n".join([*legend(), *axis(height), *bars(rows)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img"'
        ' aria-label="Time over the least possible time, by upstream and way of fetching">\n'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def tall(row: Row) -> int:
    """Return the height of a row in pixels."""
    return len(row.cells) * BAR + GAP


def place(ratio: float) -> float:
    """Return where a ratio stands on the axis, in pixels from the left."""
    share = math.log(min(max(ratio, 1.0), TICKS[-1])) / math.log(TICKS[-1])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def legend() -> Iterator[str]:
    """Yield the title and the colours."""
    title = "Time over the least possible time (1 = no one could be faster; shorter is better)"
    yield f'<text class="title" x="12" y="26">{title}</text>'
    for number, (strategy, colour) in enumerate(zip(STRATEGIES, COLOURS, strict=True)):
        across = 12 + number * 150
        yield f'<rect x="{across}" y="42" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{across + 18}" y="53">{escape(strategy.name)}</text>'
    across = 12 + len(STRATEGIES) * 150
    yield f'<line class="goal" x1="{across}" y1="41" x2="{across}" y2="55"/>'
    yield f'<text x="{across + 8}" y="53">goal of the controller</text>'


def axis(height: int) -> Iterator[str]:
    """Yield the lines of the axis with their numbers."""
    for tick in TICKS:
        across = f"{place(tick):.1f}"
        yield f'<line class="tick" x1="{across}" y1="{TOP - 8}" x2="{across}" y2="{height - 8}"/>'
        yield (
            f'<text class="small" x="{across}" y="{TOP - 14}" text-anchor="middle">{tick:g}</text>'
        )


def bars(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the bars of each row, with the goal across that of the controller."""
    down = TOP
    for row in rows:
        middle = down + len(row.cells) * BAR / 2 + 4
        title = escape(row.world.title)
        yield f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{title}</text>'
        for strategy, colour in zip(STRATEGIES, COLOURS, strict=True):
            found = row.cells.get(strategy.name)
            if found is None:
                continue
            goal = place(row.world.goal.ratio) if strategy is STRATEGIES[0] else LEFT
            yield from one_bar(found, colour, down, goal=goal)
            if goal > LEFT:
                across, end = f"{goal:.1f}", down + BAR - 1
                yield f'<line class="goal" x1="{across}" y1="{down}" x2="{across}" y2="{end}"/>'
            down += BAR
        down += GAP


def one_bar(cell: Cell, colour: str, down: int, *, goal: float) -> Iterator[str]:
    """Yield a bar with its figure; one that did not read all goes to the end, and is pale.

    The figure stands behind both the bar and the mark of its goal.
    """
    end = place(cell.ratio) if cell.is_whole else place(TICKS[-1])
    pale = "" if cell.is_whole else ' opacity="0.35"'
    width = max(1.0, end - LEFT)
    yield (
        f'<rect x="{LEFT}" y="{down}" width="{width:.1f}" height="{BAR - 1}"'
        f' fill="{colour}"{pale}/>'
    )
    words = f"{cell.ratio:.2f}" if cell.is_whole else f"only {cell.done:.0%} read"
    across = min(max(end, goal) + 5, WIDTH - RIGHT - 60) if cell.is_whole else LEFT + 6
    yield f'<text class="small" x="{across:.1f}" y="{down + BAR - 2}">{words}</text>'
