"""Define the commands that make manifests, and the one that shows what they are told."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from manifests.cli.completing import filter_names
from manifests.cli.exits import errors_reported
from manifests.cli.options import (
    FILTERS,
    OUT,
    STATE,
    CacheOption,
    ConcurrencyOption,
    DeadlineOption,
    DryRunOption,
    FiltersOption,
    FormatOption,
    FreshWithinOption,
    JsonOption,
    LogFormat,
    LogFormatOption,
    MaxFailedOption,
    NoColorOption,
    OnlyOption,
    OutOption,
    PaceOption,
    QuietOption,
    ReportOption,
    ResumeOption,
    ResumeWithinOption,
    SandboxOption,
    ShardOption,
    SharedBudgetOption,
    SourceOption,
    StateOption,
    StyleOption,
    TriesOption,
    VerboseOption,
    WaitOption,
)

# What a command needs beyond this is imported when it runs: `--help` shall not wait for it.
# Its options are read from the context (`ordering.py`), or each would be passed on by hand.
# ruff: noqa: ARG001, PLC0415

__all__ = ["register"]

CONCURRENCY = 8
DEADLINE = "30m"
TRIES = 8


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command()(generate)
    app.command("test-filter")(explain_filter)
    app.command()(retry)
    app.command("settings")(show_settings)


def generate(  # noqa: PLR0913 - one for each option, by name
    context: typer.Context,
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    only: OnlyOption = None,
    source: SourceOption = None,
    shard: ShardOption = None,
    style: StyleOption = None,
    sandbox: SandboxOption = False,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
    shared_budget: SharedBudgetOption = None,
    attempts: TriesOption = TRIES,
    deadline: DeadlineOption = DEADLINE,
    max_failed: MaxFailedOption = "10%",
    wait: WaitOption = "0s",
    state: StateOption = STATE,
    resume: ResumeOption = True,
    resume_within: ResumeWithinOption = "1h",
    fresh_within: FreshWithinOption = "0s",
    cache: CacheOption = True,
    report: ReportOption = None,
    form: FormatOption = None,
    dry_run: DryRunOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
    no_color: NoColorOption = False,
) -> None:
    """Make all manifests and publish them; what can't be made stays as it was.

    Exit codes: 0 all there · 1 nothing could be made · 2 usage or definitions, nothing was sent ·
    3 more failed than allowed, the good ones are published · 130/143 interrupted, what was
    complete is published.

    Examples: manifests generate --sandbox · manifests generate --only 'x/week/*' --dry-run
    """
    with errors_reported(as_events=log_format is LogFormat.JSON):
        from manifests.cli.consoles import people
        from manifests.cli.generate import generate as make
        from manifests.cli.ordering import order_of

        sys.exit(make(order_of(context), people(no_color=no_color)))


def explain_filter(  # noqa: PLR0913 - one for each option, by name
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="Such as filter/x/week/sd21, or hf:likes/small.",
            autocompletion=filter_names,
        ),
    ],
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    sandbox: SandboxOption = False,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
    shared_budget: SharedBudgetOption = None,
    attempts: TriesOption = TRIES,
    deadline: DeadlineOption = DEADLINE,
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Publish the manifest, if the gate lets it through, and remember what it said.",
        ),
    ] = False,
    state: StateOption = STATE,
    style: StyleOption = None,
    wait: WaitOption = "0s",
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Make one filter and explain it: query, requests, what each rule dropped, what would change.

    It writes nothing unless --publish is given. Exit codes are those of `manifests generate`.

    Example: manifests test-filter filter/x/week/sd21 --sandbox
    """
    with errors_reported():
        from manifests.cli.consoles import data, people
        from manifests.cli.explain import explain
        from manifests.cli.ordering import question_of

        consoles = data(no_color=no_color), people(no_color=no_color)
        sys.exit(explain(question_of(context), *consoles))


def retry(  # noqa: PLR0913 - one for each option, by name
    context: typer.Context,
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    state: StateOption = STATE,
    style: StyleOption = None,
    sandbox: SandboxOption = False,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
    shared_budget: SharedBudgetOption = None,
    attempts: TriesOption = TRIES,
    deadline: DeadlineOption = DEADLINE,
    max_failed: MaxFailedOption = "10%",
    wait: WaitOption = "0s",
    resume: ResumeOption = True,
    resume_within: ResumeWithinOption = "1h",
    fresh_within: FreshWithinOption = "0s",
    cache: CacheOption = True,
    report: ReportOption = None,
    form: FormatOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
    no_color: NoColorOption = False,
) -> None:
    """Make only what failed or is stale, according to status.json.

    What can't succeed until somebody mends it, such as parameters that upstream refuses, is left
    out and named. Exit codes are those of `manifests generate`; 0 when there is nothing to do.

    Example: manifests retry
    """
    with errors_reported(as_events=log_format is LogFormat.JSON):
        from manifests.cli.consoles import people
        from manifests.cli.ordering import order_of
        from manifests.cli.retry import retry as make

        sys.exit(make(order_of(context), people(no_color=no_color)))


def show_settings(  # noqa: PLR0913 - one for each option, by name
    context: typer.Context,
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    state: StateOption = STATE,
    style: StyleOption = None,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
    attempts: TriesOption = TRIES,
    deadline: DeadlineOption = DEADLINE,
    max_failed: MaxFailedOption = "10%",
    wait: WaitOption = "0s",
    resume: ResumeOption = True,
    resume_within: ResumeWithinOption = "1h",
    fresh_within: FreshWithinOption = "0s",
    cache: CacheOption = True,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Show what a run with these options would go by, and where each value comes from.

    Flags go before variables, those before the settings file, and that before defaults. Of tokens
    only whether they are set is shown.

    Example: manifests settings --deadline 10m
    """
    with errors_reported():
        from manifests.cli.consoles import data, people
        from manifests.cli.origins import show_settings as show

        consoles = data(no_color=no_color), people(no_color=no_color)
        show(context, *consoles, as_json=as_json)
