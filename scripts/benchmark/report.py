"""Fold the runs of a bench into a row for each world, and the rows into a table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

import orjson

from benchmark.runs import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.runs import Measured
    from benchmark.worlds import Goal, World

__all__ = ["MOST_TO_A_DEAD_HOST", "Cell", "Row", "as_json", "fold", "table", "to_a_dead_host"]

MOST_TO_A_DEAD_HOST = 60
WHOLE = 0.9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one way of fetching came to in one world: medians over the seeds."""

    ratio: float
    """Time over the least time; beside a dead host, over the time of the living one alone."""
    least: float
    most: float
    """The least and the most of the seeds' ratios."""
    done: float
    """The least share of the listings that a run got."""
    sent: float
    """Requests for each needed page."""
    refused: float
    """429s."""
    in_flight: int
    """The most of all runs."""
    to_other: int
    """Requests to the dead host, the most of all runs."""

    @property
    def is_whole(self) -> bool:
        """Whether every run got every listing."""
        return self.done >= WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All ways of fetching in one world."""

    world: World
    bound: float
    """The least seconds, as a median over the seeds."""
    cells: dict[str, Cell]
    """By the name of the strategy."""

    def misses(self) -> list[str]:
        """Return which goals the controller misses."""
        cell = self.cells.get(STRATEGIES[0].name)
        return [] if cell is None else list(missed(cell, self.world.goal))


def missed(cell: Cell, goal: Goal) -> Iterable[str]:
    """Yield the goals that a cell misses."""
    if not cell.is_whole:
        yield f"{cell.done:.1%} read"
    if cell.ratio > goal.ratio:
        yield f"ratio {cell.ratio:.2f} > {goal.ratio:.2f}"
    if cell.sent > goal.sent:
        yield f"{cell.sent:.2f} sent > {goal.sent:.2f}"
    if cell.refused > goal.refused:
        yield f"{cell.refused:g} refused > {goal.refused:g}"
    if cell.to_other > MOST_TO_A_DEAD_HOST:
        yield f"{cell.to_other} requests to the dead host > {MOST_TO_A_DEAD_HOST}"


def fold(worlds: Sequence[World], runs: Iterable[Measured]) -> list[Row]:
    """Return a row for each world that was measured, in their order."""
    groups: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    alone: dict[tuple[str, str, int], float] = {}
    for run in runs:
        if run.is_alone:
            alone[run.world, run.strategy, run.seed] = run.seconds
        else:
            groups[run.world, run.strategy].append(run)
    rows = []
    for world in worlds:
        found = {each.name: groups.get((world.name, each.name), []) for each in STRATEGIES}
        cells = {name: cell(each, alone) for name, each in found.items() if each}
        if cells:
            bounds = [run.bound for run in found[next(iter(cells))]]
            rows.append(Row(world=world, bound=median(bounds), cells=cells))
    return rows


def cell(runs: Sequence[Measured], alone: dict[tuple[str, str, int], float]) -> Cell:
    """Return the medians of the runs of one strategy in one world."""
    ratios = [
        run.seconds / alone.get((run.world, run.strategy, run.seed), run.bound) for run in runs
    ]
    return Cell(
        ratio=round(median(ratios), 3),
        least=round(min(ratios), 3),
        most=round(max(ratios), 3),
        done=min(run.done for run in runs),
        sent=round(median(run.sent for run in runs), 3),
        refused=median(run.refused for run in runs),
        in_flight=max(run.most_in_flight for run in runs),
        to_other=max(run.to_other for run in runs),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown, which also reads well as it is."""
    first, *others = (strategy.name for strategy in STRATEGIES)
    head = ["upstream", "least", f"**{first}**", "goal", "seeds", "sent", "429", "at once", *others]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in rows:
        ours, goal = row.cells.get(first), row.world.goal
        cells = ["-"] * 5
        if ours:
            spread = f"{ours.least:.2f} to {ours.most:.2f}"
            rest = [spread, f"{ours.sent:.2f}", f"{ours.refused:g}", str(ours.in_flight)]
            cells = [f"**{shown(ours)}**", *rest]
        theirs = [shown(row.cells[name]) if name in row.cells else "-" for name in others]
        known = [row.world.title, f"{row.bound:.0f} s", cells[0], f"{goal.ratio:.2f}"]
        lines.append([*known, *cells[1:], *theirs])
    widths = [max(len(line[number]) for line in lines) for number in range(len(head))]
    return "\n".join(
        f"| {' | '.join(text.ljust(width) for text, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def to_a_dead_host(rows: Sequence[Row]) -> int:
    """Return the most requests that the controller sent to a dead host in one run."""
    ours = (row.cells.get(STRATEGIES[0].name) for row in rows)
    return max((cell_.to_other for cell_ in ours if cell_), default=0)


def shown(cell_: Cell) -> str:
    """Return a ratio, or the share that was read where that is not all."""
    return f"{cell_.ratio:.2f}" if cell_.is_whole else f"{cell_.done:.0%} read"


def as_json(rows: Sequence[Row], runs: Sequence[Measured]) -> bytes:
    """Return all that was measured, for whoever compares two benches."""
    worlds = {
        row.world.name: {
            "title": row.world.title,
            "least_seconds": row.bound,
            "goal": asdict(row.world.goal) | {"refused": min(row.world.goal.refused, 10**9)},
            "missed": row.misses(),
            "strategies": {name: asdict(each) for name, each in row.cells.items()},
        }
        for row in rows
    }
    whole = {"worlds": worlds, "runs": [asdict(run) for run in runs]}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
