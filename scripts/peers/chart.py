"""Draw the rows as an SVG: a bar of processor time for each tool, as a multiple of curl's."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from peers.report import TITLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from peers.report import Row

__all__ = ["draw"]

LEFT, RIGHT, TOP = 270, 60, 60
WIDTH, BAR, STEP, GAP = 900, 16, 22, 34
OURS, OTHERS = "#0b6e4f", "#8a8f98"
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 16px; font-weight: 600; }
  .head { font-weight: 600; }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
"""
TITLE = "Processor time for the same pages, as a multiple of curl's (shorter is better)"


def draw(rows: Sequence[Row]) -> str:
    """Return the chart."""
    groups = [[row for row in rows if row.source == source] for source in TITLES]
    height = TOP + sum(len(group) * STEP + GAP for group in groups)
    most = max(row.ratio for row in rows)
    down, body = TOP, [f'<text class="title" x="12" y="26">{escape(TITLE)}</text>']
    for group in groups:
        body.append(f'<text class="head" x="12" y="{down}">{TITLES[group[0].source]}</text>')
        body += bars(group, down + 8, most=most)
        down += len(group) * STEP + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img" aria-label="{escape(TITLE)}">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def bars(group: Sequence[Row], down: int, *, most: float) -> Iterator[str]:
    """Yield the bars of one source, each with its name and its figure."""
    for row in group:
        width = row.ratio / most * (WIDTH - LEFT - RIGHT)
        colour = OURS if row.tool.startswith("manifests") else OTHERS
        line = down + BAR - 4
        yield f'<text x="{LEFT - 10}" y="{line}" text-anchor="end">{escape(row.tool)}</text>'
        yield f'<rect x="{LEFT}" y="{down}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<text x="{LEFT + width + 6:.1f}" y="{line}">{row.ratio:.2f}</text>'
        down += STEP
