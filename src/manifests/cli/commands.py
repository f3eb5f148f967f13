"""Define the commands about what is published and what was run; the work is done elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from manifests.cli.completing import quarantined_names
from manifests.cli.configuring import hand_down
from manifests.cli.exits import errors_reported
from manifests.cli.forms import a_duration
from manifests.cli.options import (
    OUT,
    STATE,
    JsonOption,
    NoColorOption,
    OutOption,
    StateOption,
    StyleOption,
    WaitOption,
)

# What a command needs beyond this is imported when it runs: `--help` shall not wait for it.
# ruff: noqa: PLC0415

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command()(status)
    app.command()(diff)
    app.command()(accept)
    app.command()(report)
    runs = typer.Typer(help=list_runs.__doc__, rich_markup_mode=None)
    runs.callback(invoke_without_command=True)(list_runs)
    runs.command()(show)
    runs.command()(prune)
    app.add_typer(runs, name="runs")


def status(
    *,
    out: OutOption = OUT,
    max_age: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            callback=a_duration,
            help="Exit with 3 when anything is older, or missing.",
        ),
    ] = None,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Tell how fresh what is published is, from the published files alone.

    Example: manifests status --max-age 48h
    """
    with errors_reported():
        from manifests.cli.consoles import data
        from manifests.cli.freshness import show_status
        from manifests.settings import parse_duration

        limit = None if max_age is None else parse_duration(max_age)
        sys.exit(show_status(data(no_color=no_color), out, max_age=limit, as_json=as_json))


def diff(
    before: Annotated[str | None, typer.Argument(metavar="A", help="A run, or a folder.")] = None,
    after: Annotated[str | None, typer.Argument(metavar="B", help="A run, or a folder.")] = None,
    *,
    out: OutOption = OUT,
    state: StateOption = STATE,
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="terminal, markdown or json.")
    ] = "terminal",
    no_color: NoColorOption = False,
) -> None:
    """Tell what changed: models added, removed, moved and taken down, per filter and in total.

    Without arguments between the last two runs; with A alone between it and what is published.

    Example: manifests diff old-manifests manifests --format markdown
    """
    with errors_reported():
        from manifests.cli.changes import Choice, show_diff
        from manifests.cli.consoles import data

        choice = Choice(before=before, after=after, out=out, state=state)
        show_diff(data(no_color=no_color), choice, form=form)


def accept(
    filters: Annotated[
        list[str],
        typer.Argument(
            metavar="FILTER...",
            help="Such as civitai:filter/x/week, or a glob: 'hf:*'.",
            autocompletion=quarantined_names,
        ),
    ],
    *,
    out: OutOption = OUT,
    state: StateOption = STATE,
    style: StyleOption = None,
    wait: WaitOption = "0s",
    no_color: NoColorOption = False,
) -> None:
    """Publish candidates that were quarantined, as they were made; sends nothing.

    Examples: manifests accept civitai:filter/x/week/sd21 · manifests accept 'civitai:*'
    """
    with errors_reported():
        from manifests.cli.acceptance import Acceptance, accept_candidates
        from manifests.cli.consoles import people
        from manifests.settings import parse_duration, parse_style

        acceptance = Acceptance(
            names=filters,
            out=out,
            state=state,
            compact=None if style is None else parse_style(style),
            wait=parse_duration(wait),
        )
        accept_candidates(acceptance, people(no_color=no_color))


def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Its id, latest, or the file of a run record.")
    ] = "latest",
    *,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="terminal, json, markdown, junit, html, prometheus, github, ...; without it, that"
            " of the file's suffix.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--out-file", "-o", metavar="FILE", help="Write it there, not to stdout."),
    ] = None,
    out: OutOption = OUT,
    state: StateOption = STATE,
    no_color: NoColorOption = False,
) -> None:
    """Tell what became of a run, in one format for each reader; sends nothing.

    Examples: manifests report --format markdown · manifests report latest -o run.html
    """
    with errors_reported():
        from manifests.cli.consoles import data
        from manifests.cli.reporting import show_report, stored_story

        story = stored_story(run, state=state, out=out)
        show_report(story, form=form, file=file, console=data(no_color=no_color))


def list_runs(
    context: typer.Context,
    *,
    out: OutOption = OUT,
    state: StateOption = STATE,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """List the runs that are remembered, or show and prune them.

    Examples: manifests runs · manifests runs show latest · manifests runs prune --keep 20
    """
    if context.invoked_subcommand:
        hand_down(context, {**(context.default_map or {})})
        return
    with errors_reported():
        from manifests.cli.consoles import data
        from manifests.cli.past import print_runs

        print_runs(data(no_color=no_color), state, out, as_json=as_json)


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, or latest.")] = "latest",
    *,
    out: OutOption = OUT,
    state: StateOption = STATE,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Show one run: its summary, or its whole record with --json.

    Example: manifests runs show latest --json
    """
    with errors_reported():
        from manifests.cli.consoles import data
        from manifests.cli.past import print_run

        print_run(data(no_color=no_color), run, state, out, as_json=as_json)


def prune(
    *,
    keep: Annotated[int, typer.Option(min=0, metavar="N", help="Runs that stay.")] = 50,
    out: OutOption = OUT,
    state: StateOption = STATE,
) -> None:
    """Forget all runs but the last ones.

    Example: manifests runs prune --keep 20
    """
    with errors_reported():
        from manifests.cli.past import prune_runs

        typer.echo(prune_runs(state, out, keep=keep), err=True)
