"""Loopback servers that answer byte by byte, and a transport to ask them with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest
import trustme
from anyio.abc import SocketAttribute, SocketStream

from manifests.fetch.transport import HttpTransport, Timeouts, open_transport, shared_context

if TYPE_CHECKING:
    import ssl

Answer: TypeAlias = Callable[[SocketStream, bytes], Awaitable[None]]
"""Answers one request on its connection; the request is given as its head's bytes."""
Serve: TypeAlias = Callable[[Answer], AbstractAsyncContextManager[str]]
"""Serves on loopback while the block lasts; yields the endpoint."""
OpenTransport: TypeAlias = Callable[[Timeouts], AbstractAsyncContextManager[HttpTransport]]
"""Opens a transport that knows no proxy."""


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Serve while the block lasts."""

    async def converse(stream: SocketStream) -> None:
        async with stream:
            try:
                while True:
                    head = await stream.receive()
                    while not head.endswith(b"\r\n\r\n"):
                        head += await stream.receive()
                    await answer(stream, head)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra_attributes[SocketAttribute.local_port]()
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, converse)
        yield f"http://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


@pytest.fixture(scope="session")
def context() -> ssl.SSLContext:
    """A TLS context, made once as it takes long."""
    return shared_context()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def serve() -> Serve:
    """A server on loopback that answers as it is told."""
    return serving


@pytest.fixture(scope="session")
def transport_with(context: ssl.SSLContext) -> OpenTransport:
    """A way to open a transport with timeouts of one's own."""

    def open_it(timeouts: Timeouts) -> AbstractAsyncContextManager[HttpTransport]:
        return open_transport(timeouts=timeouts, context=context, trust_env=False)

    return open_it


@pytest.fixture
async def transport(transport_with: OpenTransport) -> AsyncIterator[HttpTransport]:
    """A transport with the timeouts of every run."""
    async with transport_with(Timeouts()) as opened:
        yield opened
