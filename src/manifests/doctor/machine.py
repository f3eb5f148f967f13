"""Look at the tool itself: its version, the filter definitions, and the settings around them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from manifests.doctor.diagnosis import Check, failed, ok
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manifests.doctor.diagnosis import Finding
    from manifests.errors import DefinitionError
    from manifests.models import Filter

__all__ = ["about_tool", "clashes", "judge_definitions", "refused_definitions"]

MOST_PROBLEMS = 3


def about_tool(tool: str, *, python: str, platform: str) -> Finding:
    """Tell what runs where."""
    return ok(Check.TOOL, f"manifests {tool}, Python {python}, {platform}")


def judge_definitions(filters: Sequence[Filter], folder: Path) -> Finding:
    """Tell how many filters are defined: `330 filters in filters/: 299 of civitai, …`."""
    counts = Counter(each.source for each in filters)
    parts = ", ".join(f"{count} of {source}" for source, count in counts.items())
    return ok(Check.DEFINITIONS, f"{counted(len(filters), 'filter')} in {folder}/: {parts}")


def refused_definitions(error: DefinitionError) -> Finding:
    """Tell what is wrong with the definitions, the first things in full."""
    first = "; ".join(error.problems[:MOST_PROBLEMS])
    more = len(error.problems) - MOST_PROBLEMS
    rest = f"; and {counted(more, 'more problem')}: manifests list" if more > 0 else ""
    return failed(Check.DEFINITIONS, f"{first}{rest}", error.next_step)


def clashes(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of file names that a disk takes for one when it doesn't tell a from A."""
    first: dict[str, str] = {}
    return [
        (first[name.casefold()], name)
        for name in names
        if first.setdefault(name.casefold(), name) != name
    ]
