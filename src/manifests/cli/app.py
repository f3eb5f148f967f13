"""Define the commands: what each takes, in the words of its help; the work is done elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from manifests import __version__
from manifests.cli.commands import register
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
    FreshWithinOption,
    JsonOption,
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
    SourceOption,
    StateOption,
    StyleOption,
    TriesOption,
    VerboseOption,
    WaitOption,
)

# What a command needs beyond this is imported when it runs: `--help` shall not wait for it.
# ruff: noqa: PLC0415

__all__ = ["app"]

app = typer.Typer(
    name="manifests",
    help="Turn slow, ill-tempered model APIs into a static catalogue that a web site can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

CONCURRENCY = 8
DEADLINE = "30m"
TRIES = 8


def print_version(asked: bool) -> None:
    """Print the version and end, if that is what was asked."""
    if asked:
        typer.echo(f"manifests {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version),
    ] = False,
) -> None:
    """Turn slow, ill-tempered model APIs into a static catalogue that a web site can trust."""


@app.command()
def generate(  # noqa: PLR0913 - one for each option, by name
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    only: OnlyOption = None,
    source: SourceOption = None,
    style: StyleOption = "standard",
    sandbox: SandboxOption = False,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
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
    dry_run: DryRunOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Make all manifests and publish them; what can't be made stays as it was.

    Exit codes: 0 all there · 1 nothing could be made · 2 usage or definitions, nothing was sent ·
    3 more failed than allowed, the good ones are published · 130/143 interrupted, what was
    complete is published.

    Examples: manifests generate --sandbox · manifests generate --only 'x/week/*' --dry-run
    """
    with errors_reported():
        from manifests.cli.consoles import people
        from manifests.cli.generate import Order
        from manifests.cli.generate import generate as make
        from manifests.cli.remembering import MemoryFlags
        from manifests.cli.wiring import FetchFlags, settings_of

        fetch = FetchFlags(filters, out, sandbox, max_concurrency, fixed, attempts, deadline)
        memory = MemoryFlags(state, wait, resume, resume_within, fresh_within, cache)
        order = Order(
            settings=settings_of(fetch, style=style, max_failed=max_failed, dry_run=dry_run),
            only=only or (),
            source=source,
            sandbox=sandbox,
            remembrance=memory.remembrance(),
            report=report,
            quiet=quiet,
            verbose=verbose,
            flags=fetch.same_upstream(),
        )
        sys.exit(make(order, people(no_color=no_color)))


@app.command("test-filter")
def explain_filter(  # noqa: PLR0913 - one for each option, by name
    path: Annotated[
        str, typer.Argument(metavar="FILTER", help="Such as filter/x/week/sd21, or hf:likes/small.")
    ],
    *,
    filters: FiltersOption = FILTERS,
    out: OutOption = OUT,
    sandbox: SandboxOption = False,
    max_concurrency: ConcurrencyOption = CONCURRENCY,
    fixed: PaceOption = None,
    attempts: TriesOption = TRIES,
    deadline: DeadlineOption = DEADLINE,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the manifest, if it is any good.")
    ] = False,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Make one filter and explain it: query, requests, what each rule dropped, what would change.

    It writes nothing unless --publish is given. Exit codes are those of `manifests generate`.

    Example: manifests test-filter filter/x/week/sd21 --sandbox
    """
    with errors_reported():
        from manifests.cli.consoles import data, people
        from manifests.cli.explain import Question, explain
        from manifests.cli.wiring import FetchFlags, settings_of

        fetch = FetchFlags(filters, out, sandbox, max_concurrency, fixed, attempts, deadline)
        question = Question(
            path=path,
            settings=settings_of(fetch),
            sandbox=sandbox,
            publish=publish,
            as_json=as_json,
        )
        sys.exit(explain(question, data(no_color=no_color), people(no_color=no_color)))


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
        str, typer.Argument(metavar="NAME", help="filters, manifest, catalogue, status or run.")
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
            help="Faults, such as '429:10%,slow:2s,civitai=504:5%'; see the README for all.",
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


register(app)
