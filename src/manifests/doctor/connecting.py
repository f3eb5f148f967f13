"""Go the way to an endpoint step by step, and tell how far one gets: name, port, proxy, TLS."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
from anyio.streams.tls import TLSStream

from manifests.doctor.waiting import abandonable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anyio.abc import ByteStream

    from manifests.clock import Clock
    from manifests.fetch.proxies import Proxy

__all__ = [
    "Reached",
    "Route",
    "Stage",
    "Trouble",
    "TunnelError",
    "open_tunnel",
    "reach",
    "resolve",
    "trouble_of",
    "tunnel_request",
]

MOST_HEAD = 16_384
"""Bytes of a proxy's answer, at most."""


class Stage(StrEnum):
    """One step of the way; the value is its name in timings."""

    DNS = "dns"
    TCP = "tcp"
    TUNNEL = "tunnel"
    """A proxy connects us to an HTTPS endpoint."""
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way to an endpoint."""

    host: str
    port: int
    is_tls: bool
    proxy: Proxy | None = None

    @classmethod
    def to(cls, endpoint: str, proxy: Proxy | None = None) -> Route:
        """Return the way to a valid endpoint."""
        parts = urlsplit(endpoint)
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        return cls(host=parts.hostname or "", port=port, is_tls=is_tls, proxy=proxy)

    @property
    def first(self) -> tuple[str, int]:
        """Host and port that are connected to: the proxy's, if there is one."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What ended the way early."""

    stage: Stage
    number: int | None = None
    """The system's number of the error: of `getaddrinfo`, `errno`, OpenSSL's verdict on a
    certificate, or the status of a proxy's answer; None when there was silence."""
    text: str = ""
    """The system's words for it."""


@dataclass(slots=True)
class Reached:
    """How far one got."""

    stage: Stage = Stage.DNS
    """The last step that was begun."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds of each step that succeeded."""
    trouble: Trouble | None = None


def resolve(host: str, port: int) -> object:
    """Look up a name, as every connection does."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class TunnelError(Exception):
    """A proxy's answer to CONNECT was no success: its status and words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


HUNG_UP = (anyio.EndOfStream, anyio.BrokenResourceError)
WAYLAID = (*HUNG_UP, TunnelError, OSError, UnicodeError)
"""How a way may end; an error of TLS is one of the system, a name too long for DNS the last."""


async def reach(
    route: Route,
    context: ssl.SSLContext,
    *,
    clock: Clock,
    deadline: float,
    resolve: Callable[[str, int], object] = resolve,
) -> Reached:
    """Go as far as possible until *deadline*, in seconds of the loop's clock; close everything."""
    reached = Reached()
    with anyio.CancelScope(deadline=deadline) as scope:
        try:
            await walk(reached, route, context, clock=clock, resolve=resolve)
        except WAYLAID as error:
            reached.trouble = trouble_of(reached.stage, error)
    if scope.cancelled_caught:
        reached.trouble = Trouble(stage=reached.stage)
    return reached


@contextmanager
def step(reached: Reached, stage: Stage, clock: Clock) -> Iterator[None]:
    """Note that a step is begun and, if it succeeds, how long it took."""
    reached.stage = stage
    began = clock.monotonic()
    yield
    reached.timings[stage.value] = round(clock.monotonic() - began, 3)


async def walk(
    reached: Reached,
    route: Route,
    context: ssl.SSLContext,
    *,
    clock: Clock,
    resolve: Callable[[str, int], object],
) -> None:
    """Take each step of the way."""
    with step(reached, Stage.DNS, clock):
        await abandonable(partial(resolve, *route.first))
    with step(reached, Stage.TCP, clock):
        # By name, not by address: like httpx it then tries IPv6 and IPv4 side by side.
        stream = await anyio.connect_tcp(*route.first)
    async with stream:
        await shake_hands(reached, route, stream, context, clock=clock)


async def shake_hands(
    reached: Reached, route: Route, stream: ByteStream, context: ssl.SSLContext, *, clock: Clock
) -> None:
    """Speak TLS with an endpoint that takes it, through the proxy if there is one."""
    # TLS to the proxy itself is left to httpx: whether it works, the answers will show.
    if not route.is_tls or (route.proxy and route.proxy.scheme == "https"):
        return
    if route.proxy:
        with step(reached, Stage.TUNNEL, clock):
            await open_tunnel(stream, route, route.proxy)
    with step(reached, Stage.TLS, clock):
        # Servers often hang up without a word, which is no trouble of ours.
        await TLSStream.wrap(
            stream, hostname=route.host, ssl_context=context, standard_compatible=False
        )


async def open_tunnel(stream: ByteStream, route: Route, proxy: Proxy) -> None:
    """Ask a proxy to connect *stream* to the endpoint.

    Raises:
        TunnelError: it refuses, or speaks no HTTP.
    """
    await stream.send(tunnel_request(route, proxy))
    head = await stream.receive()
    while b"\r\n\r\n" not in head and len(head) < MOST_HEAD:
        head += await stream.receive()
    match = re.match(rb"HTTP/1\.[01] ([0-9]{3}) ?([^\r\n]{0,80})", head)
    if match is None:
        raise TunnelError(0, "no HTTP")
    if not match[1].startswith(b"2"):
        raise TunnelError(int(match[1]), match[2].decode("ascii", "replace"))


def tunnel_request(route: Route, proxy: Proxy) -> bytes:
    """Return what asks a proxy for a connection (RFC 9110 §9.3.6)."""
    host = f"[{route.host}]" if ":" in route.host else route.host
    lines = [f"CONNECT {host}:{route.port} HTTP/1.1", f"Host: {host}:{route.port}"]
    if proxy.user is not None:
        pair = f"{proxy.user}:{proxy.password or ''}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


def trouble_of(stage: Stage, error: Exception) -> Trouble:
    """Return what an error means."""
    if isinstance(error, ssl.SSLError):
        # Only a verdict on a certificate has these two.
        text = getattr(error, "verify_message", "") or error.reason or str(error)
        return Trouble(stage=stage, number=getattr(error, "verify_code", 0), text=text)
    if isinstance(error, TunnelError):
        return Trouble(stage=stage, number=error.status, text=str(error))
    if isinstance(error, HUNG_UP):
        return Trouble(stage=stage, number=0, text="it hung up")
    cause = first_cause(error)
    text = getattr(cause, "strerror", None) or str(cause)
    return Trouble(stage=stage, number=getattr(cause, "errno", None) or 0, text=text)


def first_cause(error: Exception) -> BaseException:
    """Return the system's own error; of several addresses that were tried, that of the first."""
    cause: BaseException = error.__cause__ or error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause
