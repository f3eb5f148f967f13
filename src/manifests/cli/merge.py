"""Define `manifests merge`, which joins what several machines made; the work is done elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from manifests.cli.exits import errors_reported
from manifests.cli.options import (
    FILTERS,
    OUT,
    STATE,
    DryRunOption,
    FiltersOption,
    FormatOption,
    LogFormat,
    LogFormatOption,
    MaxFailedOption,
    NoColorOption,
    OutOption,
    QuietOption,
    ReportOption,
    StateOption,
    StyleOption,
    WaitOption,
)

# What the command needs beyond this is imported when it runs: `--help` shall not wait for it.
# Its options are read from the context, as those of a run are.
# ruff: noqa: ARG001, PLC0415

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command()(merge)


def merge(  # noqa: PLR0913 - one for each option, by name
    context: typer.Context,
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="What each manifests generate --shard has written to its --out."
        ),
    ],
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    style: StyleOption = None,
    max_failed: MaxFailedOption = "10%",
    wait: WaitOption = "0s",
    state: StateOption = STATE,
    report: ReportOption = None,
    form: FormatOption = None,
    dry_run: DryRunOption = False,
    quiet: QuietOption = False,
    log_format: LogFormatOption = LogFormat.TEXT,
    no_color: NoColorOption = False,
) -> None:
    """Publish what several shards made as one set, judged as if one run had made it all.

    Nothing is sent. Shards of other definitions, versions, layouts or upstreams, and two of one
    number, are refused by name with exit code 2. Where a shard is lost or was killed its filters
    stay as they are published, stale, and the exit code is 3. Merging the same shards again
    changes nothing.

    Examples: manifests generate --shard 1/2 --out shards/1 · manifests merge shards/1 shards/2
    """
    with errors_reported(as_events=log_format is LogFormat.JSON):
        from manifests.cli.consoles import people
        from manifests.cli.merging import merge_shards, merging_of

        sys.exit(merge_shards(merging_of(context), people(no_color=no_color)))
