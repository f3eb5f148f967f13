"""Made-up sources and authorities, and servers on loopback that do as they are told."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from manifests.sources.base import SourceInfo

Converse: TypeAlias = Callable[[ByteStream], Awaitable[None]]
"""Serves one connection; it is closed afterwards."""
Listens: TypeAlias = Callable[..., AbstractAsyncContextManager[int]]
"""Serves on loopback while the block lasts, with TLS if it is given a context; yields the port."""

GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError)


@asynccontextmanager
async def listening(
    converse: Converse, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve while the block lasts."""

    async def serve(stream: ByteStream) -> None:
        async with stream:
            try:
                await converse(stream)
            except GONE:
                return

    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = plain.extra_attributes[SocketAttribute.local_port]()
    # A client that leaves in the midst of the handshake is none of our business.
    listener = TLSListener(plain, context, standard_compatible=False) if context else plain
    async with plain, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield port
        tasks.cancel_scope.cancel()


@pytest.fixture(scope="session")
def listens() -> Listens:
    """A server on loopback."""
    return listening


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that nobody trusts who is not told to."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A context that trusts it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def serving(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context, with a certificate for `localhost` by the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def info() -> SourceInfo:
    """A made-up source."""
    return SourceInfo(
        name="made",
        title="Made Up",
        file_prefix="made",
        short="mu",
        endpoint="https://made-up.example",
        endpoint_variable="MADE_ENDPOINT",
        token_variable="MADE_TOKEN",
        token_file=lambda environ: environ["MADE_FILE"],
        token_form="mu_[a-z]+",
        token_advice="Its terms ask for one.",
        keys_page="/tokens",
        account_path="/me",
        quotas={"anonymous": (500, 300.0), "token": (1000, 300.0)},
    )
