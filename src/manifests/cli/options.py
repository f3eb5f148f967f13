"""Describe the options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from manifests.cli.completing import any_of, filter_names, source_names
from manifests.cli.forms import a_budget, a_duration, a_folder, a_pace, a_shard, a_share, a_style

__all__ = [
    "FILTERS",
    "OUT",
    "SCHEMAS",
    "STATE",
    "CacheOption",
    "ConcurrencyOption",
    "DeadlineOption",
    "DryRunOption",
    "FiltersOption",
    "FormatOption",
    "FreshWithinOption",
    "JsonOption",
    "LogFormat",
    "LogFormatOption",
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
    "ShardOption",
    "SharedBudgetOption",
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
SCHEMAS: Final = (
    *("catalogue", "directory", "doctor", "events", "filters"),
    *("manifest", "run", "settings", "status"),
)
"""Names of the kinds in `schemas.py`, which takes too long to import for help."""


class LogFormat(StrEnum):
    """How stderr is written."""

    TEXT = "text"
    JSON = "json"


FiltersOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--filters",
        metavar="DIR",
        envvar="MANIFESTS_FILTERS",
        parser=a_folder,
        help="Folder of the filter definitions.",
    ),
]
OutOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        envvar="MANIFESTS_OUT",
        parser=a_folder,
        help="Folder of the published set.",
    ),
]
OnlyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="GLOB",
        autocompletion=filter_names,
        help="Only filters whose path matches, such as 'x/week/*' or 'hf:likes/*'; repeatable.",
    ),
]
SourceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="NAME",
        autocompletion=source_names,
        help="Only filters of this source: civitai or huggingface (hf).",
    ),
]
ShardOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        callback=a_shard,
        help="Make only share I of N, to be joined by `manifests merge`. Each needs an --out of its"
        " own, which may be empty: the merge judges by what is published.",
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
        envvar="MANIFESTS_MAX_CONCURRENCY",
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
        envvar="MANIFESTS_FIXED",
        callback=a_pace,
        metavar="N/DELAY",
        help="Find nothing out: N requests in flight to one host, started DELAY apart: 2/200ms.",
    ),
]
SharedBudgetOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shared-budget",
        envvar="MANIFESTS_SHARED_BUDGET",
        callback=a_budget,
        metavar="URL",
        help="Keep to the limits of each host together with all processes that name the same"
        " redis://host:port/db, or sqlite:PATH on one machine.",
    ),
]
TriesOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--attempts",
        envvar="MANIFESTS_ATTEMPTS",
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
        envvar="MANIFESTS_DEADLINE",
        callback=a_duration,
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
        parser=a_folder,
        help="Folder of what lasts from run to run and is not published.",
    ),
]
WaitOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--wait",
        envvar="MANIFESTS_WAIT",
        callback=a_duration,
        metavar="TIME",
        help="Wait so long for another run that writes the same output.",
    ),
]
ResumeOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--resume/--no-resume",
        envvar="MANIFESTS_RESUME",
        help="Use the pages of a run that was killed or cut short.",
    ),
]
ResumeWithinOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--resume-within",
        envvar="MANIFESTS_RESUME_WITHIN",
        callback=a_duration,
        metavar="TIME",
        help="How long ago it may have been alive.",
    ),
]
FreshWithinOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--fresh-within",
        envvar="MANIFESTS_FRESH_WITHIN",
        callback=a_duration,
        metavar="TIME",
        help="Use kept pages that are no older, without asking.",
    ),
]
CacheOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache", envvar="MANIFESTS_CACHE", help="Keep pages and look them up."
    ),
]
StyleOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--style",
        envvar="MANIFESTS_STYLE",
        callback=a_style,
        autocompletion=any_of("standard", "compact"),
        metavar="STYLE",
        help="Layout of the files: standard, or compact with short keys; that of the published set,"
        " unless it is said.",
    ),
]
MaxFailedOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--max-failed",
        envvar="MANIFESTS_MAX_FAILED",
        callback=a_share,
        metavar="SHARE",
        help="Share of any one source's filters that may fail with exit code 0.",
    ),
]
ReportOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write a report of the run, in the format of its suffix: .json is the run record, and"
        " there are .html, .md, .xml, .prom, .jsonl and .txt; repeatable.",
    ),
]
FormatOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Format of all reports, whatever their suffixes: terminal, json, markdown, junit,"
        " html, prometheus, github, ...",
    ),
]
DryRunOption: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Make and judge everything, write nothing.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
QuietOption: TypeAlias = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Show no progress, only failures and warnings."),
]
VerboseOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Tell what goes wrong as it happens; -vv every request.",
    ),
]
LogFormatOption: TypeAlias = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar="MANIFESTS_LOG_FORMAT",
        help="What stderr carries: text for people, or JSON lines, see docs/events.md.",
    ),
]
NoColorOption: TypeAlias = Annotated[
    bool, typer.Option("--no-color", help="Use no colours; so does NO_COLOR.")
]
