"""Record the commands of the README on a console, and export what a person would see as SVG."""

from __future__ import annotations

import os
import tempfile
from io import StringIO
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from rich.console import Console

from manifests.cli.explain import Question, explain
from manifests.cli.generate import Order, generate
from manifests.cli.remembering import Remembrance
from manifests.cli.wiring import FetchFlags, settings_of
from manifests.clock import Clock
from manifests.sandbox.server import SandboxOptions, running

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "run.svg"
FAULTS = "504:5%,429:5%,hf=503"
SHOWN = "civitai:filter/pg13/week/sdxl"


def typed(console: Console, command: str) -> None:
    """Show a command as somebody would type it."""
    console.print(f"\n[bold green]$[/] [bold]{command}[/]", highlight=False)


def record(console: Console, out: Path) -> None:
    """Record a run against a sandbox that is ill, and the explanation of one filter."""
    typed(console, "manifests generate")
    flags = FetchFlags(
        filters=ROOT / "filters",
        out=out,
        sandbox=False,
        concurrency=8,
        pace="8/0ms",
        attempts=3,
        deadline="10m",
    )
    memory = Remembrance(state=out.parent / "state")
    generate(Order(settings=settings_of(flags), remembrance=memory), console)
    typed(console, f"manifests test-filter {SHOWN}")
    explain(Question(path=SHOWN, settings=settings_of(flags)), console, console)


def main() -> None:
    """Draw the picture."""
    console = Console(
        record=True, width=110, file=StringIO(), force_terminal=True, force_interactive=False
    )
    options = SandboxOptions(simulate=FAULTS, models=5_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running(options, clock=Clock())) as upstream,
    ):
        os.environ |= {"CIVITAI_ENDPOINT": upstream.url, "HF_ENDPOINT": upstream.url}
        out = Path(folder) / "manifests"
        record(console, out)
        text = console.export_svg(title="manifests", clear=False)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(text.replace(str(out), "manifests"), encoding="utf-8")


if __name__ == "__main__":
    main()
