"""Draw how time and memory grow, as an SVG with two panels on logarithmic axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Point", "draw"]

Point: TypeAlias = "tuple[str, int, float, float]"
"""Turn, filters, seconds of the processor, megabytes."""

WIDTH, HEIGHT = 900, 380
TOP, BOTTOM = 84, 330
COLOURS = {"first": "#0b6e4f", "again": "#c97b2d"}
GOAL_MB = 300
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .small { font-size: 11px; fill: #57606a; }
  .title { font-size: 16px; font-weight: 600; }
  .tick { stroke: #d0d7de; }
  .goal { stroke: #24292f; stroke-width: 1.5; stroke-dasharray: 6 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; }
    .tick { stroke: #3d444d; } .goal { stroke: #e6edf3; }
  }
"""


class Panel(NamedTuple):
    """One of the two charts: where it stands, and what its vertical axis shows."""

    left: int
    right: int
    title: str
    unit: str
    ticks: tuple[float, ...]

    def across(self, filters: int, least: int, most: int) -> float:
        """Return where a number of filters stands, in pixels."""
        share = math.log(filters / least) / math.log(most / least) if most > least else 0.5
        return self.left + share * (self.right - self.left)

    def down(self, value: float) -> float:
        """Return where a value stands, in pixels."""
        least, most = self.ticks[0], self.ticks[-1]
        share = math.log(min(max(value, least), most) / least) / math.log(most / least)
        return BOTTOM - share * (BOTTOM - TOP)


TIME = Panel(70, 420, "CPU seconds", "s", (1, 3, 10, 30, 100, 300, 1000))
MEMORY = Panel(530, 870, "peak memory", "MB", (50, 100, 200, 300, 500))


def draw(points: Sequence[Point]) -> str:
    """Return the chart."""
    sizes = [filters for _, filters, _, _ in points]
    least, most = min(sizes), max(sizes)
    body = [
        '<text class="title" x="12" y="26">How a run grows with its filters</text>',
        *legend(),
        *axes(TIME, sorted({*sizes})),
        *axes(MEMORY, sorted({*sizes})),
        *linear(points, least, most),
        *goal(),
    ]
    for turn, colour in COLOURS.items():
        own = [(filters, cpu, peak) for name, filters, cpu, peak in points if name == turn]
        body += line(TIME, [(filters, cpu) for filters, cpu, _ in own], colour, least, most)
        body += line(MEMORY, [(filters, peak) for filters, _, peak in own], colour, least, most)
    shown = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img"'
        ' aria-label="Processor time and peak memory by number of filters">\n'
        f"<style>{STYLE}</style>\n{shown}\n</svg>\n"
    )


def legend() -> Iterator[str]:
    """Yield the colours."""
    words = {"first": "first run, into an empty folder", "again": "again, nothing has changed"}
    for number, (turn, colour) in enumerate(COLOURS.items()):
        across = 12 + number * 230
        yield f'<rect x="{across}" y="42" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{across + 18}" y="53">{words[turn]}</text>'
    yield '<line class="goal" x1="480" y1="48" x2="510" y2="48"/>'
    yield '<text x="518" y="53">linear from the first point; the goal of 300 MB</text>'


def axes(panel: Panel, sizes: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a panel with their numbers."""
    yield f'<text class="small" x="{panel.left - 50}" y="{TOP - 10}">{panel.title}</text>'
    for tick in panel.ticks:
        down = f"{panel.down(tick):.1f}"
        yield f'<line class="tick" x1="{panel.left}" y1="{down}" x2="{panel.right}" y2="{down}"/>'
        yield (
            f'<text class="small" x="{panel.left - 8}" y="{panel.down(tick) + 4:.1f}"'
            f' text-anchor="end">{tick:g} {panel.unit}</text>'
        )
    for size in sizes:
        across = f"{panel.across(size, sizes[0], sizes[-1]):.1f}"
        yield (
            f'<text class="small" x="{across}" y="{BOTTOM + 20}" text-anchor="middle">'
            f"{size:,}</text>"
        )
    middle = (panel.left + panel.right) / 2
    yield f'<text class="small" x="{middle}" y="{BOTTOM + 38}" text-anchor="middle">filters</text>'


def linear(points: Sequence[Point], least: int, most: int) -> Iterator[str]:
    """Yield what the time would be if it grew as the filters do."""
    first = next(each for each in points if each[1] == least)
    ends = [(size, first[2] * size / least) for size in (least, most)]
    (x1, y1), (x2, y2) = ((TIME.across(size, least, most), TIME.down(at)) for size, at in ends)
    yield f'<line class="goal" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def goal() -> Iterator[str]:
    """Yield the goal of the memory."""
    down = f"{MEMORY.down(GOAL_MB):.1f}"
    yield f'<line class="goal" x1="{MEMORY.left}" y1="{down}" x2="{MEMORY.right}" y2="{down}"/>'


def line(
    panel: Panel, values: Sequence[tuple[int, float]], colour: str, least: int, most: int
) -> Iterator[str]:
    """Yield the points of one turn, each with its figure."""
    places = [(panel.across(size, least, most), panel.down(value)) for size, value in values]
    joined = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
    yield f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
    # The figures of both turns stand apart, or they would cover each other.
    above = -10 if colour == COLOURS["again"] else 18
    for (across, down), (_, value) in zip(places, values, strict=True):
        yield f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4" fill="{colour}"/>'
        yield (
            f'<text class="small" x="{across:.1f}" y="{down + above:.1f}" text-anchor="middle">'
            f"{value:.3g}</text>"
        )
