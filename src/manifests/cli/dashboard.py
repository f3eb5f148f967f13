"""Draw the counts of a run for a terminal of any width: a bar, and a line for each host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar
from rich.table import Table

from manifests.cli.consoles import cell
from manifests.words import duration

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from manifests.cli.tally import HostView, Tally

__all__ = ["Dashboard"]

BAR = 24
"""Columns of the bar."""
WIDE = 60
"""Columns below which there is no bar, and each host's trouble has a line of its own."""


class Dashboard:
    """What stands below the lines that were printed, until the run is over."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the bar and the hosts; what is too long for its line ends in an ellipsis."""
        is_wide = options.max_width >= WIDE
        yield self._head(is_wide=is_wide)
        for host in self._tally.hosts():
            for line in host_lines(host, is_wide=is_wide):
                line.no_wrap = True
                line.overflow = "ellipsis"
                yield line

    def _head(self, *, is_wide: bool) -> Table:
        tally = self._tally
        head = Table.grid(padding=(0, 1))
        parts = [
            f"{tally.done}/{tally.total or '?'} filters",
            duration(tally.elapsed),
            tally.counts(),
        ]
        texts = [cell(part) for part in parts if part]
        for text in texts:
            text.no_wrap, text.overflow = True, "ellipsis"
        if is_wide:
            total = tally.total or None
            head.add_row(ProgressBar(total=total, completed=tally.done, width=BAR), *texts)
        else:
            head.add_row(*texts)
        return head


def host_lines(host: HostView, *, is_wide: bool) -> list[Text]:
    """Return what to read of one host, its trouble in yellow."""
    short = host.traffic if is_wide else host.traffic.replace(" requests/s", "/s")
    traffic, trouble = cell(f"{host.source}: {short}"), host.trouble.replace("\n", " ")
    if not trouble:
        return [traffic]
    if not is_wide:
        return [traffic, cell(f"  {trouble}", style="yellow")]
    return [traffic.append_text(cell(f", {trouble}", style="yellow"))]
