"""The way to an endpoint is gone step by step, and where it ends is told with the reason."""

from __future__ import annotations

import base64
import errno
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.abc import ByteStream

from manifests.clock import Clock
from manifests.doctor.connecting import (
    Reached,
    Route,
    Stage,
    Trouble,
    TunnelError,
    open_tunnel,
    reach,
    resolve,
    trouble_of,
    tunnel_request,
)
from manifests.fetch.proxies import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    import trustme
    from tests.doctor.conftest import Converse, Listens

FAR = 30.0
"""Seconds within which everything here is long over."""


async def way(
    route: Route,
    context: ssl.SSLContext | None = None,
    *,
    limit: float = FAR,
    resolve: Callable[[str, int], object] = resolve,
) -> Reached:
    """Go it."""
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    deadline = anyio.current_time() + limit
    return await reach(route, context, clock=Clock(), deadline=deadline, resolve=resolve)


async def wait(stream: ByteStream) -> None:
    """Say nothing until the client leaves."""
    while True:
        await stream.receive()


def tunnel(answer: bytes) -> Converse:
    """Return a proxy that answers CONNECT so."""

    async def converse(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(answer)
        await wait(stream)

    return converse


def proxied(port: int, *, target: int = 443, scheme: str = "http") -> Route:
    """Return the way through a proxy on loopback."""
    proxy = Proxy(scheme=scheme, host="127.0.0.1", port=port, user="jane", password="s3cr3t")
    return Route(host="localhost", port=target, is_tls=True, proxy=proxy)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://x.example", ("x.example", 443, True)),
        ("http://x.example", ("x.example", 80, False)),
        ("https://[::1]:8443", ("::1", 8443, True)),
    ],
)
def test_the_way_to_an_endpoint(endpoint: str, expected: tuple[str, int, bool]) -> None:
    """Host, port and TLS follow from the endpoint."""
    route = Route.to(endpoint)
    assert (route.host, route.port, route.is_tls) == expected
    assert route.first == expected[:2]


async def test_a_name_without_address() -> None:
    """A name that nobody knows ends the way at once."""
    reached = await way(Route.to("https://nobody.invalid"))
    assert reached.trouble is not None
    assert reached.trouble.stage is Stage.DNS
    assert reached.trouble.number in {socket.EAI_NONAME, socket.EAI_AGAIN, -5}
    assert reached.timings == {}


async def test_a_name_that_can_be_none() -> None:
    """A name that no resolver is asked for is a trouble, and no traceback."""
    reached = await way(Route(host=f"{'x' * 64}.example", port=80, is_tls=False))
    assert reached.trouble is not None
    assert reached.trouble.stage is Stage.DNS


async def test_a_resolver_that_hangs() -> None:
    """A resolver that never answers costs the time that there is, and no more."""
    release = threading.Event()

    def hang(*place: object) -> bool:
        return bool(place) and release.wait()

    reached = await way(Route.to("https://x.example"), limit=0.05, resolve=hang)
    assert reached.trouble == Trouble(stage=Stage.DNS)
    release.set()


async def test_a_closed_port() -> None:
    """A port at which nobody listens is told by the system's own number."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reached = await way(Route.to(f"http://127.0.0.1:{port}"))
    assert reached.trouble is not None
    assert reached.trouble.stage is Stage.TCP
    assert reached.trouble.number == errno.ECONNREFUSED
    assert [*reached.timings] == ["dns"]


async def test_several_addresses_that_are_closed() -> None:
    """A name with several addresses is told by the refusal of one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reached = await way(Route.to(f"http://localhost:{port}"))
    assert reached.trouble is not None
    assert (reached.trouble.stage, reached.trouble.number) == (Stage.TCP, errno.ECONNREFUSED)


def test_of_several_refusals_the_first_counts() -> None:
    """Refusals of several addresses come as a group, which has no words of its own."""
    several = OSError("all failed")
    several.__cause__ = ExceptionGroup("x", [OSError(errno.ENETUNREACH, "away"), OSError(5, "b")])
    trouble = Trouble(stage=Stage.TCP, number=errno.ENETUNREACH, text="away")
    assert trouble_of(Stage.TCP, several) == trouble


@pytest.mark.parametrize("user", [None, "jane"])
def test_how_a_proxy_is_asked(user: str | None) -> None:
    """Only a proxy with a user is given credentials; an IPv6 address stands in brackets."""
    proxy = Proxy(scheme="http", host="p", port=1, user=user)
    head = tunnel_request(Route.to("https://[::1]"), proxy)
    assert head.startswith(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert (b"Proxy-Authorization" in head) == (user is not None)


async def test_plain_http_ends_with_the_connection(listens: Listens) -> None:
    """An endpoint without TLS is reached when its port is."""
    async with listens(wait) as port:
        reached = await way(Route.to(f"http://127.0.0.1:{port}"))
    assert reached.trouble is None
    assert [*reached.timings] == ["dns", "tcp"]


async def test_a_whole_way(
    listens: Listens, serving: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Each step that succeeds has its time."""
    async with listens(wait, serving) as port:
        reached = await way(Route.to(f"https://localhost:{port}"), trusting)
    assert reached.trouble is None
    assert [*reached.timings] == ["dns", "tcp", "tls"]


async def test_a_stranger(listens: Listens, serving: ssl.SSLContext) -> None:
    """A certificate of an authority that is not trusted is told by OpenSSL's verdict."""
    async with listens(wait, serving) as port:
        reached = await way(Route.to(f"https://localhost:{port}"), ssl.create_default_context())
    assert reached.trouble is not None
    assert reached.trouble.stage is Stage.TLS
    assert reached.trouble.number in {18, 19, 20}
    assert "certificate" in reached.trouble.text


async def test_another_name(
    listens: Listens, serving: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """A certificate of another host is told as such."""
    async with listens(wait, serving) as port:
        reached = await way(Route.to(f"https://127.0.0.1:{port}"), trusting)
    assert reached.trouble is not None
    assert reached.trouble.number in {62, 64}


async def test_an_expired_certificate(
    listens: Listens, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """A certificate that is valid no more is told as such."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    authority.issue_cert("localhost", not_after=yesterday).configure_cert(context)
    async with listens(wait, context) as port:
        reached = await way(Route.to(f"https://localhost:{port}"), trusting)
    assert reached.trouble is not None
    assert reached.trouble.number == 10


async def test_no_tls_at_all(listens: Listens, trusting: ssl.SSLContext) -> None:
    """A port that speaks something else is told apart from a certificate that is not trusted."""

    async def talk(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listens(talk) as port:
        reached = await way(Route.to(f"https://localhost:{port}"), trusting)
    assert reached.trouble is not None
    assert (reached.trouble.stage, reached.trouble.number) == (Stage.TLS, 0)


async def test_a_handshake_that_is_hung_up_on(listens: Listens, trusting: ssl.SSLContext) -> None:
    """A connection that ends in the midst of the handshake is no certificate's fault."""

    async def leave(stream: ByteStream) -> None:
        await stream.receive()

    async with listens(leave) as port:
        reached = await way(Route.to(f"https://localhost:{port}"), trusting)
    assert reached.trouble is not None
    assert (reached.trouble.stage, reached.trouble.number) == (Stage.TLS, 0)


async def test_silence(listens: Listens, trusting: ssl.SSLContext) -> None:
    """Who takes a connection and says nothing has a number of none."""
    async with listens(wait) as port:
        reached = await way(Route.to(f"https://localhost:{port}"), trusting, limit=1.0)
    assert reached.trouble == Trouble(stage=Stage.TLS)
    assert [*reached.timings] == ["dns", "tcp"]


async def test_through_a_proxy(
    listens: Listens, serving: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """A proxy is asked to connect, with its password, and TLS is spoken with the endpoint."""
    heads: list[bytes] = []
    async with listens(wait, serving) as target:

        async def relay(stream: ByteStream) -> None:
            heads.append(await stream.receive())
            async with await anyio.connect_tcp("127.0.0.1", target) as far:
                await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(pump, stream, far)
                    tasks.start_soon(pump, far, stream)

        async def pump(one: ByteStream, other: ByteStream) -> None:
            try:
                while True:
                    await other.send(await one.receive())
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

        async with listens(relay) as port:
            reached = await way(proxied(port, target=target), trusting)
    assert reached.trouble is None
    assert [*reached.timings] == ["dns", "tcp", "tunnel", "tls"]
    pair = base64.b64encode(b"jane:s3cr3t")
    assert heads[0].startswith(f"CONNECT localhost:{target} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic " + pair in heads[0]


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 407),
        (b"HTTP/1.1 403 Forbidden by \x1b[31mpolicy\r\n\r\n", 403),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", 0),
        (b"x" * 20_000, 0),
    ],
)
async def test_a_proxy_that_refuses(listens: Listens, answer: bytes, number: int) -> None:
    """A proxy's refusal is its status; what speaks no HTTP is no proxy."""
    async with listens(tunnel(answer)) as port:
        reached = await way(proxied(port))
    assert reached.trouble is not None
    assert (reached.trouble.stage, reached.trouble.number) == (Stage.TUNNEL, number)


class Parts(ByteStream):
    """A connection on which an answer comes in parts, as a network may bring it."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = [*parts]

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return the next part."""
        return self._parts.pop(0)[:max_bytes]

    async def send(self, item: bytes) -> None:
        """Take a request."""
        assert item.startswith(b"CONNECT localhost:443 ")

    async def send_eof(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


async def test_a_proxy_that_answers_in_parts() -> None:
    """An answer is read to the end of its head, however it comes."""
    route = proxied(1)
    assert route.proxy is not None
    with pytest.raises(TunnelError, match="Denied"):
        await open_tunnel(Parts(b"HTTP/", b"1.1 403 De", b"nied\r\n", b"\r\n"), route, route.proxy)


async def test_a_proxy_that_hangs_up(listens: Listens) -> None:
    """A proxy that ends the connection has refused, too."""

    async def leave(stream: ByteStream) -> None:
        await stream.receive()

    async with listens(leave) as port:
        reached = await way(proxied(port))
    assert reached.trouble == Trouble(stage=Stage.TUNNEL, number=0, text="it hung up")


async def test_the_way_through_an_encrypted_proxy(listens: Listens) -> None:
    """Of an `https://` proxy only its port is tried: the answers tell the rest."""
    async with listens(wait) as port:
        reached = await way(proxied(port, scheme="https"))
    assert reached.trouble is None
    assert [*reached.timings] == ["dns", "tcp"]
