"""Define and carry out `manifests preview`: a site of what is published, written and served."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifests.cli.exits import errors_reported
from manifests.cli.options import (
    FILTERS,
    OUT,
    STATE,
    FiltersOption,
    OutOption,
    StateOption,
)

if TYPE_CHECKING:
    from manifests.models import Filter
    from manifests.preview.site import Site

# What a command needs beyond this is imported when it runs: `--help` shall not wait for it.
# ruff: noqa: PLC0415

__all__ = ["register"]

PORT = 8766
FOREVER = float("inf")


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command()(preview)


def preview(
    *,
    out: OutOption = OUT,
    filters: FiltersOption = FILTERS,
    state: StateOption = STATE,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the preview; `preview` in the folder of --state unless given.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        bool,
        typer.Option(
            "--images", help="Let the page load images rated PG, once its reader asks for them."
        ),
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve it on loopback until interrupted.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="N", help="Port for --serve; 0 for any."),
    ] = PORT,
) -> None:
    """Show what is published as a site: menus, lists, models, and what is stale or missing.

    It opens from the disk as well as from a server, and asks the network for nothing, unless
    --images allows it to.

    Examples: manifests preview --serve · manifests preview --to public/preview
    """
    with errors_reported():
        target = to or state / "preview"
        page = write(out, filters, target, images=images)
        if serve:
            serve_until_stopped(target, port=port)
        else:
            typer.echo(page)


def write(out: Path, filters: Path, target: Path, *, images: bool) -> Path:
    """Write the preview of *out* to *target*; return where its page is.

    Raises:
        StoreError: nothing is published, or *target* can't be written.
    """
    from manifests.preview.folder import PAGE_FILE, check_target, put
    from manifests.words import counted, size

    check_target(target, out)
    site = site_of(out, filters, images=images)
    put(site, target)
    weight = size(len(site.page) + sum(map(len, site.files.values())))
    typer.echo(f"{counted(len(site.files) + 1, 'file')}, {weight}: {target}/", err=True)
    return target / PAGE_FILE


def site_of(out: Path, filters: Path, *, images: bool) -> Site:
    """Return the site of what is published in *out*.

    Raises:
        StoreError: nothing is, or it can't be read.
    """
    from manifests.errors import StoreError
    from manifests.preview.sections import lay_out
    from manifests.preview.site import build
    from manifests.sources import SOURCES
    from manifests.store.published import read_published

    infos = {name: source.info for name, source in SOURCES.items()}
    published = read_published(out, infos)
    if not published.manifests:
        raise StoreError(f"nothing is published in {out}", next_step="manifests generate")

    sections = lay_out(published, [*infos.values()], defined(filters))
    return build(
        sections,
        updated=published.status.updated if published.status else None,
        damaged=published.damaged,
        images=images,
    )


def defined(folder: Path) -> tuple[Filter, ...] | None:
    """Return the filters of a folder of definitions; None, and a warning, where it has none."""
    from manifests.errors import DefinitionError
    from manifests.filters import load_filters
    from manifests.sources import SOURCES

    try:
        return load_filters(folder, SOURCES)
    except DefinitionError as error:
        typer.echo(f"warning: {error.problems[0]}; the menus are guessed from the paths", err=True)
        return None


def serve_until_stopped(folder: Path, *, port: int) -> None:
    """Serve a preview until SIGINT or SIGTERM, which is how it ends well.

    Raises:
        SettingsError: the port can't be opened.
    """
    import anyio

    from manifests.preview.serving import served
    from manifests.stopping import read_until_stopped

    async def stay() -> None:
        async with served(folder, port=port) as address:
            typer.echo("serving the preview; stop with Ctrl-C", err=True)
            typer.echo(address)
            sys.stdout.flush()
            await read_until_stopped(anyio.sleep_forever, deadline=FOREVER)

    anyio.run(stay)
