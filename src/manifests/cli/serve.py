"""Carry out `manifests sandbox`: serve until a signal comes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio
import typer

from manifests.clock import Clock
from manifests.report.exits import ExitCode
from manifests.sandbox.server import running
from manifests.stopping import read_until_stopped

if TYPE_CHECKING:
    from manifests.sandbox.server import SandboxOptions

__all__ = ["serve"]

FOREVER = float("inf")


def serve(options: SandboxOptions) -> ExitCode:
    """Serve both APIs until SIGINT or SIGTERM; being stopped is how it ends well."""
    anyio.run(partial(serve_until_stopped, options))
    return ExitCode.OK


async def serve_until_stopped(options: SandboxOptions) -> None:
    """Serve, say where and how to use it, and wait."""
    async with running(options, clock=Clock()) as upstream:
        typer.echo(f"serving both APIs on {upstream.url}; stop with Ctrl-C", err=True)
        typer.echo(f"export CIVITAI_ENDPOINT={upstream.url} HF_ENDPOINT={upstream.url}")
        await read_until_stopped(anyio.sleep_forever, deadline=FOREVER)
        received = ", ".join(f"{name} {count}" for name, count in upstream.requests.items())
        typer.echo(f"requests: {received or 'none'}", err=True)
