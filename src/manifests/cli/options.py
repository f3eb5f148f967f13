"""Describe the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

__all__ = [
    "FILTERS",
    "OUT",
    "STATE",
    "CacheOption",
    "ConcurrencyOption",
    "DeadlineOption",
    "DryRunOption",
    "FiltersOption",
    "FreshWithinOption",
    "JsonOption",
    "MaxFailedOption",
    "NoColorOption",
    "OnlyOption",
    "OutOption",
    "PaceOption",
    "QuietOption",
    "ReportOption",
    "ResumeOption",
    "ResumeWithinOption",
    "SandboxOption",
    "SourceOption",
    "StateOption",
    "StyleOption",
    "TriesOption",
    "VerboseOption",
    "WaitOption",
]

FILTERS: Final = Path("filters")
OUT: Final = Path("manifests")
STATE: Final = Path(".manifests")

FiltersOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--filters",
        metavar="DIR",
        envvar="MANIFESTS_FILTERS",
        help="Folder of the filter definitions.",
    ),
]
OutOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        envvar="MANIFESTS_OUT",
        help="Folder of the published set.",
    ),
]
OnlyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="GLOB",
        help="Only filters whose path matches, such as 'x/week/*' or 'hf:likes/*'; repeatable.",
    ),
]
SourceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="Only filters of this source: civitai or huggingface (hf).",
    ),
]
SandboxOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--sandbox",
        help="Ask an embedded upstream with made-up models; no network, no token.",
    ),
]
ConcurrencyOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--max-concurrency",
        metavar="N",
        min=1,
        max=32,
        help="Requests in flight to one host, at most; how many it bears is found out.",
    ),
]
PaceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--fixed",
        metavar="N/DELAY",
        help="Find nothing out: N requests in flight to one host, started DELAY apart: 2/200ms.",
    ),
]
TriesOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--attempts",
        metavar="N",
        min=1,
        max=20,
        help="Tries of one page, at most; fewer where upstream seldom fails.",
    ),
]
DeadlineOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--deadline",
        metavar="TIME",
        help="End the run after this long and publish what is complete: 90s, 10m, 1h.",
    ),
]
StateOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--state",
        metavar="DIR",
        envvar="MANIFESTS_STATE",
        help="Folder of what lasts from run to run and is not published.",
    ),
]
WaitOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--wait", metavar="TIME", help="Wait so long for another run that writes the same output."
    ),
]
ResumeOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--resume/--no-resume", help="Use the pages of a run that was killed or cut short."
    ),
]
ResumeWithinOption: TypeAlias = Annotated[
    str,
    typer.Option("--resume-within", metavar="TIME", help="How long ago it may have been alive."),
]
FreshWithinOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--fresh-within", metavar="TIME", help="Use kept pages that are no older, without asking."
    ),
]
CacheOption: TypeAlias = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Keep pages and look them up.")
]
StyleOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--style",
        metavar="STYLE",
        help="Layout of the files: standard, or compact with short keys.",
    ),
]
MaxFailedOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--max-failed",
        metavar="SHARE",
        help="Share of any one source's filters that may fail with exit code 0.",
    ),
]
ReportOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write the run record there, as JSON."),
]
DryRunOption: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Fetch and judge everything, write nothing.")
]
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
