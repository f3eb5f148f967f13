"""Show what `manifests doctor` found, as a list that reads without colours, too."""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from manifests.cli.consoles import cell, say
from manifests.doctor.diagnosis import Level, summary
from manifests.store.canonical import encode

if TYPE_CHECKING:
    from rich.console import Console

    from manifests.doctor.diagnosis import Diagnosis, Finding

__all__ = ["show"]

STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
SYMBOLS = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}
PLAIN_SYMBOLS = {Level.OK: "+", Level.WARN: "!", Level.FAIL: "x"}
"""For terminals that can't show the others."""
INDENT = 9
"""Columns before the words of a finding."""
NARROW = 30
"""Columns below which breaking lines helps nobody."""


def show(console: Console, diagnosis: Diagnosis, *, as_json: bool) -> None:
    """Print a diagnosis for people, or for programs."""
    if as_json:
        found = diagnosis.model_dump(mode="json", by_alias=True)
        console.file.write(encode(found).decode())
        return
    symbols = symbols_of(console)
    for group, findings in groupby(diagnosis.findings, key=lambda each: each.group):
        say(console, group.value, style="bold")
        for each in findings:
            tell(console, each, symbol=symbols[each.level])
    worst = max(diagnosis.findings, key=lambda each: [*Level].index(each.level)).level
    say(console, summary(diagnosis), style=STYLES[worst])


def symbols_of(console: Console) -> dict[Level, str]:
    """Return the marks that a console can show."""
    return SYMBOLS if console.encoding.startswith("utf") else PLAIN_SYMBOLS


def tell(console: Console, finding: Finding, *, symbol: str) -> None:
    """Print one finding, and below it what to do; a log gets a line of each, however long."""
    mark = cell(f"  {symbol} {finding.level.value:<5}", style=STYLES[finding.level])
    width = console.width - INDENT
    lines = wrap(finding.found, width) if console.is_terminal and width > NARROW else []
    first, *more = lines or [finding.found]
    console.print(mark.append(cell(first, style="default")), soft_wrap=True)
    for line in more:
        say(console, f"{' ' * INDENT}{line}")
    if finding.next_step:
        # Never broken by us: it is there to be copied.
        say(console, f"{' ' * INDENT}next: {finding.next_step}")
