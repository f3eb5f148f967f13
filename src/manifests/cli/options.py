"""Describe the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "DeadlineOption",
    "FiltersOption",
    "JsonOption",
    "NoColorOption",
    "OnlyOption",
    "OutOption",
    "PaceOption",
    "QuietOption",
    "SandboxOption",
    "SourceOption",
    "TriesOption",
    "VerboseOption",
]

FiltersOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--filters", metavar="DIR", envvar="MANIFESTS_FILTERS",
        help="Folder of the filter definitions.",
    ),
]  # fmt: skip
OutOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", envvar="MANIFESTS_OUT",
        help="Folder of the published set.",
    ),
]  # fmt: skip
OnlyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="GLOB",
        help="Only filters whose path matches, such as 'x/week/*' or 'hf:likes/*'; repeatable.",
    ),
]  # fmt: skip
SourceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="NAME",
        help="Only filters of this source: civitai or huggingface (hf).",
    ),
]  # fmt: skip
SandboxOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--sandbox",
        help="Ask an embedded upstream with made-up models; no network, no token.",
    ),
]  # fmt: skip
PaceOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--fixed", metavar="N/DELAY",
        help="Requests in flight to one host, and the least time between two starts.",
    ),
]  # fmt: skip
TriesOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--attempts", metavar="N", min=1, max=20,
        help="Tries of one page, at most.",
    ),
]  # fmt: skip
DeadlineOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--deadline", metavar="TIME",
        help="End the run after this long and publish what is complete: 90s, 10m, 1h.",
    ),
]  # fmt: skip
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
QuietOption: TypeAlias = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Show no progress, only failures."),
]
VerboseOption: TypeAlias = Annotated[
    bool, typer.Option("--verbose", "-v", help="Tell every request as it ends.")
]
NoColorOption: TypeAlias = Annotated[
    bool, typer.Option("--no-color", help="Use no colours; so does NO_COLOR.")
]
