"""Serve the sandbox over HTTP/1.1 on loopback, for as long as a block runs."""

from __future__ import annotations

import errno
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute

from manifests.errors import SettingsError
from manifests.sandbox.civitai_api import CivitaiApi
from manifests.sandbox.connection import Host
from manifests.sandbox.faults import parse
from manifests.sandbox.huggingface_api import HuggingFaceApi
from manifests.sandbox.injector import Injector
from manifests.sandbox.recorded import read_recorded
from manifests.sandbox.synthetic_civitai import SyntheticCivitai
from manifests.sandbox.synthetic_huggingface import SyntheticHuggingFace
from manifests.sandbox.upstream import Sandbox
from manifests.sandbox.wire import SOURCES
from manifests.taskgroup import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from anyio.abc import SocketStream
    from anyio.streams.stapled import MultiListener

    from manifests.clock import Clock

__all__ = ["Running", "SandboxOptions", "running"]

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What `manifests sandbox` is told."""

    port: int = 0
    """Where it listens on 127.0.0.1; 0 takes any free port."""
    data: Path | None = None
    """A folder of recorded pages to serve in place of made-up models."""
    simulate: str = ""
    """The faults, as `faults.parse` reads them."""
    seed: int = 1
    """Decides the made-up models and all chance."""
    models: int = 20_000
    """Made-up models of each source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A sandbox that serves, and what it has seen so far."""

    url: str
    """Its endpoint: `http://127.0.0.1:54321`."""
    sandbox: Sandbox

    @property
    def requests(self) -> Mapping[str, int]:
        """Source → requests received since the start."""
        return {source: self.sandbox.traffic.requests[source] for source in SOURCES}

    @property
    def most_in_flight(self) -> int:
        """The most requests that were received and not answered yet at once."""
        return self.sandbox.traffic.most_in_flight


@asynccontextmanager
async def running(options: SandboxOptions, *, clock: Clock) -> AsyncIterator[Running]:
    """Serve until the block is left; every open connection ends with it.

    Raises:
        SettingsError: the port is taken, or the faults or the folder can't be read.
    """
    sandbox = build(options, clock=clock)
    listener = await _listen(options.port)
    # Known only now: port 0 lets the system choose.
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no Django here
    host = Host(sandbox, clock=clock)
    async with listener, task_group() as tasks:
        tasks.start_soon(listener.serve, host.converse)
        yield Running(url=f"http://{_LOOPBACK}:{port}", sandbox=sandbox)


def build(options: SandboxOptions, *, clock: Clock) -> Sandbox:
    """Return the two APIs over made-up or recorded models, with their faults; no I/O but reading.

    Raises:
        SettingsError: the faults or the folder can't be read.
    """
    injector = Injector(
        parse(options.simulate), chance=random.Random(options.seed), now=clock.monotonic()
    )
    if options.data is not None:
        civitai, huggingface = read_recorded(options.data)
        return Sandbox(
            civitai=CivitaiApi(civitai), huggingface=HuggingFaceApi(huggingface), injector=injector
        )

    # All dates count back from midnight: two runs of one day see the same bytes.
    midnight = clock.wall().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    drawn = {
        "seed": options.seed,
        "models": options.models,
        "day": int(midnight.timestamp()) * 1000,
    }
    return Sandbox(
        civitai=CivitaiApi(SyntheticCivitai(**drawn)),
        huggingface=HuggingFaceApi(SyntheticHuggingFace(**drawn)),
        injector=injector,
    )


async def _listen(port: int) -> MultiListener[SocketStream]:
    """Open the port.

    Raises:
        SettingsError: it is taken, or not ours to open.
    """
    try:
        return await anyio.create_tcp_listener(local_host=_LOOPBACK, local_port=port)
    except OverflowError as error:
        step = "choose one below 65536 with --port"
        raise SettingsError(f"port {port} is none", next_step=step) from error
    except OSError as error:
        why = (
            "is taken" if error.errno == errno.EADDRINUSE else f"can't be opened: {error.strerror}"
        )
        raise SettingsError(
            f"port {port} {why}", next_step="choose another with --port, or 0 for any"
        ) from error
