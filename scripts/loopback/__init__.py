"""Serve a made-up upstream to a measured process, from when it tells its port until stdin ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.abc import SocketAttribute

from manifests.clock import Clock
from manifests.sandbox.connection import Host

if TYPE_CHECKING:
    from manifests.sandbox.upstream import Sandbox

__all__ = ["serve"]


async def serve(upstream: Sandbox) -> None:
    """Open a port on loopback, tell it, and serve *upstream* until stdin ends."""
    host = Host(upstream, clock=Clock())
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, host.converse)
        sys.stdout.write(f"{listener.extra_attributes[SocketAttribute.local_port]()}\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.read)
        tasks.cancel_scope.cancel()
