"""Define the commands: what each takes, in the words of its help; the work is done elsewhere."""

from __future__ import annotations

import sys
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifests import __version__
from manifests.cli import commands, doctor, making, merge, preview
from manifests.cli.completing import any_of
from manifests.cli.exits import errors_reported
from manifests.cli.helping import with_help
from manifests.cli.options import (
    FILTERS,
    OUT,
    SCHEMAS,
    ConcurrencyOption,
    FiltersOption,
    JsonOption,
    NoColorOption,
    OnlyOption,
    OutOption,
    PaceOption,
    SourceOption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a command needs beyond this is imported when it runs: `--help` shall not wait for it.
# ruff: noqa: PLC0415

__all__ = ["app", "app_for"]

app = typer.Typer(
    name="manifests",
    help="Turn slow, ill-tempered model APIs into a static catalogue that a web site can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

CONCURRENCY = 8


def print_version(asked: bool) -> None:
    """Print the version and end, if that is what was asked."""
    if asked:
        typer.echo(f"manifests {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="MANIFESTS_CONFIG",
            help="Settings file, in place of manifests.toml or [tool.manifests] in pyproject.toml"
            " of this folder; it stands before the command.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback has acted on it
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version),
    ] = False,
) -> None:
    """Turn slow, ill-tempered model APIs into a static catalogue that a web site can trust.

    An option that lasts may stand in the settings file, under its own name: deadline = "10m".
    A variable of the environment goes before the file, and a flag before both.
    """
    with errors_reported():
        from manifests.cli.configuring import configure

        configure(context, config)


making.register(app)
merge.register(app)


@app.command("list")
def list_filters(
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    only: OnlyOption = None,
    source: SourceOption = None,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """List the filters, with what is published of each.

    Example: manifests list --source hf --json
    """
    with errors_reported():
        from manifests.cli.consoles import data
        from manifests.cli.inspect import list_filters as show

        show(data(no_color=no_color), filters, out, only=only or (), source=source, as_json=as_json)


@app.command()
def plan(
    *,
    filters: FiltersOption = FILTERS,
    only: OnlyOption = None,
    source: SourceOption = None,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Show which listings would be asked for and which filters share them; sends nothing.

    Example: manifests plan --only 'x/*'
    """
    with errors_reported():
        from manifests.cli.consoles import data
        from manifests.cli.inspect import show_plan
        from manifests.settings import Pace, parse_pace

        console = data(no_color=no_color)
        pace = Pace(max_concurrency, 0) if fixed is None else parse_pace(fixed)
        show_plan(console, filters, only=only or (), source=source, pace=pace, as_json=as_json)


@app.command()
def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help=f"One of {', '.join(SCHEMAS)}.",
            autocompletion=any_of(*SCHEMAS),
        ),
    ],
) -> None:
    """Print the JSON Schema of a kind of file, for editors and for whoever reads the files.

    Example: manifests schema filters > filters.schema.json
    """
    with errors_reported():
        from manifests.cli.schemas import schema_bytes

        sys.stdout.buffer.write(schema_bytes(name))


@app.command()
def sandbox(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on loopback; 0 for any.")
    ] = 8765,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Serve recorded pages from this folder.")
    ] = None,
    simulate: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="Faults, such as '429:10%,slow:2s,civitai=504:5%'; docs/sandbox.md tells all.",
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the made-up models and of the faults.")] = 1,
) -> None:
    """Serve both APIs on loopback, with faults on demand, until it is interrupted.

    Example: manifests sandbox --port 8765 --simulate '429:10%,504:5%'
    """
    with errors_reported():
        from manifests.cli.serve import serve
        from manifests.sandbox.server import SandboxOptions

        sys.exit(serve(SandboxOptions(port=port, data=data, simulate=simulate, seed=seed)))


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """Return the app without the commands that the command line does not name.

    typer reads the signatures of all commands that it knows, which takes longer than some of them.

    Args:
        arguments: what follows the name of the program; one that begins with an option, or with
            what is no command, gets them all.
    """
    name = next(iter(arguments), "")
    named = copy(app)
    named.registered_commands = [
        each
        for each in app.registered_commands
        if name == (each.name or getattr(each.callback, "__name__", ""))
    ]
    named.registered_groups = [each for each in app.registered_groups if each.name == name]
    return named if named.registered_commands or named.registered_groups else app


commands.register(app)
doctor.register(app)
preview.register(app)
with_help(app)
