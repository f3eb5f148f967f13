"""Define `manifests doctor`: what it takes; the work is done elsewhere."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from manifests.cli.exits import errors_reported
from manifests.cli.forms import a_duration
from manifests.cli.options import (
    FILTERS,
    OUT,
    STATE,
    FiltersOption,
    JsonOption,
    NoColorOption,
    OutOption,
    SandboxOption,
    SourceOption,
    StateOption,
)

# What a command needs beyond this is imported when it runs: `--help` shall not wait for it.
# ruff: noqa: PLC0415

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command()(doctor)


def doctor(  # noqa: PLR0913 - one for each option, by name
    context: typer.Context,
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    state: StateOption = STATE,
    source: SourceOption = None,
    sandbox: SandboxOption = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at this machine only; nothing is sent.")
    ] = False,
    timeout: Annotated[
        str,
        typer.Option(metavar="TIME", callback=a_duration, help="For everything together: 10s, 1m."),
    ] = "10s",
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Look whether all that a run needs is there, and say what to do where it is not.

    Tokens, endpoints, proxy and certificates, clock, quota, a page of one filter of each source,
    folders and the state database. Nothing is kept or published. Exit codes: 0 nothing fails,
    warnings or not · 1 something fails.

    Examples: manifests doctor · manifests doctor --source hf --timeout 30s
    """
    with errors_reported():
        from manifests.cli.checkup import Inquiry, check_up
        from manifests.cli.consoles import data, people
        from manifests.settings import parse_duration

        inquiry = Inquiry(
            filters=filters,
            out=out,
            state=state,
            source=source,
            sandbox=sandbox,
            offline=offline,
            timeout=parse_duration(timeout),
            config=context.parent.params.get("config") if context.parent else None,
        )
        consoles = data(no_color=no_color), people(no_color=no_color)
        sys.exit(check_up(*consoles, inquiry, as_json=as_json))
