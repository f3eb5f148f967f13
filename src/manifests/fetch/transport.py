"""Send one GET over HTTP and read its body, bounded in time and size; the one home of httpx."""

from __future__ import annotations

import os
import re
import ssl
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Protocol

import anyio
import anyio.lowlevel
import truststore

from manifests.errors import ErrorCode, ManifestsError
from manifests.fetch.decoding import ACCEPTED, Decoder, DecodingError
from manifests.fetch.library import http_library
from manifests.fetch.received import Received, blotted, discreet, token_in
from manifests.fetch.signals import Signal
from manifests.fetch.trust import named_context, verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import httpx
else:
    httpx = http_library(os.environ)

__all__ = [
    "HttpTransport",
    "Timeouts",
    "Transport",
    "TransportError",
    "open_transport",
    "plain_context",
    "shared_context",
]

MOST_BYTES = 64 * 1024 * 1024
"""Size of a decoded body, at most: a page of CivitAI holds 5 MB, of Hugging Face 1 MB.

It is looked at after each piece of 256 KiB at most, so that a small body that unpacks to ever more
costs no more than this.
"""

MOST_REDIRECTS = 5
MOST_PORT = 65_535
NO_URL = "it redirects to what is no URL"
KEEPALIVE_SECONDS = 60.0


class TransportError(ManifestsError):
    """An attempt ended without a whole response; `signal` says what that means."""

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal.cause)
        self.signal = signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Bounds of one attempt, in seconds."""

    connect: float = 10.0
    read: float = 60.0
    """Without a single byte. CivitAI's own gateway gives up after 30 s."""
    total: float = 120.0
    """For the whole attempt, however steadily it drips. A 524 takes 100 s to arrive."""


class Transport(Protocol):
    """Whatever can send a GET."""

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Return the whole response.

        Raises:
            TransportError: the network, a timeout, or a body that can't be read.
        """
        ...


class HttpTransport:
    """One host's connections: a small client for each request in flight, all with one TLS context.

    httpx re-checks a pool's every connection on each request (encode/httpcore#1035), so that many
    pools of one are twice as cheap as one of many.
    """

    def __init__(self, *, timeouts: Timeouts, context: ssl.SSLContext, trust_env: bool) -> None:
        self._timeouts = timeouts
        self._context = context
        self._trust_env = trust_env
        self._idle: list[httpx.AsyncClient] = []

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Return the whole response; redirects are followed, a token stays with its origin.

        What upstream repeats of the token is in neither response nor error.

        Raises:
            TransportError: the network, a timeout, or a body that can't be read.
        """
        token = token_in(headers)
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            with anyio.fail_after(self._timeouts.total):
                return discreet(await receive(client, url, headers), token)
        except TimeoutError as error:
            cause = f"no whole answer within {self._timeouts.total:g} s"
            signal = Signal(code=ErrorCode.TIMEOUT, cause=cause, may_retry=True)
            raise TransportError(signal) from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise TransportError(translate(error, token=token)) from error
        finally:
            self._idle.append(client)

    async def aclose(self) -> None:
        """Close all connections."""
        while self._idle:
            await self._idle.pop().aclose()

    def _new_client(self) -> httpx.AsyncClient:
        timeouts = self._timeouts
        return httpx.AsyncClient(
            verify=self._context,
            trust_env=self._trust_env,
            headers={"Accept-Encoding": ACCEPTED},
            # httpx would send a host's cookies back to it: here no domain may set one.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=None),
            limits=httpx.Limits(max_connections=2, keepalive_expiry=KEEPALIVE_SECONDS),
        )


def shared_context(
    environ: Mapping[str, str] = os.environ, *, system: str = sys.platform
) -> ssl.SSLContext:
    """Return the TLS context that all clients share; making one takes up to 0.1 s.

    It trusts whom SSL_CERT_FILE and SSL_CERT_DIR name, else whom the system trusts: a company's
    proxy is known there, and not to the bundle that httpx brings.

    Raises:
        SettingsError: a variable names no file of certificates.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if file or folder:
        return named_context(file or None, folder or None)
    if system in {"darwin", "win32"}:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Elsewhere truststore would read the same files, but anew for each connection: 26 ms, not 1.
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return ssl.create_default_context()
    return httpx.create_ssl_context(trust_env=False)  # a bare container has no store of its own


def plain_context() -> ssl.SSLContext:
    """Return a context for who needs none: it costs nothing to make, and trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def open_transport(
    *, timeouts: Timeouts, context: ssl.SSLContext, trust_env: bool
) -> AsyncIterator[HttpTransport]:
    """Yield a transport for one host, and close its connections afterwards."""
    transport = HttpTransport(timeouts=timeouts, context=context, trust_env=trust_env)
    try:
        yield transport
    finally:
        with anyio.CancelScope(shield=True):
            await transport.aclose()


async def receive(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> Received:
    """Send a GET, follow its redirects, and return the response at their end.

    httpx itself would read the bodies of redirects without a bound, and take a token along from
    http to https.
    """
    request = client.build_request("GET", url, headers=headers)
    for _ in range(MOST_REDIRECTS + 1):
        received, successor = await exchange(client, request)
        if successor is None:
            return received
        if origin(successor.url) != origin(request.url):
            successor.headers.pop("Authorization", None)
        request = successor
    cause = "upstream redirects in circles"
    raise TransportError(Signal(code=ErrorCode.API_ERROR, cause=cause))


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request
) -> tuple[Received, httpx.Request | None]:
    """Return one response, and the request to which it redirects, if it does."""
    try:
        response = await client.send(request, stream=True)
    except UnicodeError as error:  # idna's, which httpx lets pass where a name such as `xn--a` is
        raise httpx.RemoteProtocolError(NO_URL) from error
    try:
        body, packed = await read_body(response)
    finally:
        await response.aclose()
        # httpx keeps response and stream in a cycle: without this, bodies live until the next
        # full garbage collection (encode/httpx, measured: 344 MB instead of 74 MB).
        response.stream = httpx.ByteStream(b"")
    received = Received(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
        packed=packed,
    )
    successor = response.next_request
    # httpx raises the first itself; httpx2 leaves it to who follows the redirect. Neither looks at
    # the port, and the event loop would let an OverflowError out of it.
    if response.has_redirect_location and (
        successor is None or (successor.url.port or 0) > MOST_PORT
    ):
        raise httpx.RemoteProtocolError(NO_URL)
    return received, successor


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return what must be the same for a token to go along: scheme, host and port."""
    return url.scheme, url.host, url.port


async def read_body(response: httpx.Response) -> tuple[bytes, bytes | None]:
    """Return the decoded body of *response*, and what it was decoded from if that was gzip.

    Raises:
        TransportError: it is too large, cut off, or packed in a way that can't be read.
    """
    pieces: list[bytes] = []
    try:
        decoder = Decoder(response.headers.get("Content-Encoding", ""), most_bytes=MOST_BYTES)
        async for chunk in response.aiter_raw():
            for piece in decoder.decode(chunk):
                pieces.append(piece)
                # A chunk may unpack for long: others take turns, and the deadline holds.
                await anyio.lowlevel.checkpoint()
        decoder.finish()
    except DecodingError as error:
        if response.is_error:  # its status and headers say what is wrong, whatever the body says
            return b"".join(pieces), None
        code = ErrorCode.MALFORMED_RESPONSE
        raise TransportError(Signal(code=code, cause=error.cause, may_retry=True)) from error
    return b"".join(pieces), decoder.packed()


FAILURES: tuple[tuple[type[Exception], ErrorCode, str, bool], ...] = (
    (httpx.ConnectTimeout, ErrorCode.TIMEOUT, "no connection in time", True),
    (httpx.TimeoutException, ErrorCode.TIMEOUT, "upstream fell silent", True),
    (httpx.UnsupportedProtocol, ErrorCode.VALIDATION_ERROR, "the URL is unusable", False),
    (httpx.InvalidURL, ErrorCode.VALIDATION_ERROR, "the URL is unusable", False),
    (httpx.ConnectError, ErrorCode.NETWORK_ERROR, "no connection", True),
    (httpx.ProxyError, ErrorCode.NETWORK_ERROR, "the proxy refuses", True),
    (httpx.RemoteProtocolError, ErrorCode.NETWORK_ERROR, "the answer broke off", True),
    (httpx.HTTPError, ErrorCode.NETWORK_ERROR, "the connection broke", True),
    # httpcore translates it while it shakes hands, but not once it reads.
    (ssl.SSLError, ErrorCode.NETWORK_ERROR, "the connection broke", True),
)
"""httpx's exceptions, subclasses first: their code, words for a person, whether to try again."""


def translate(error: httpx.HTTPError | httpx.InvalidURL | ssl.SSLError, *, token: str) -> Signal:
    """Return the meaning of an exception of httpx, or of one that it lets pass."""
    if distrust := verdict(error):
        # No later try would be judged otherwise, and neither would any other page of the host.
        cause = f"its certificate is not trusted: {distrust.verify_message}"
        return Signal(code=ErrorCode.NETWORK_ERROR, cause=cause[:200], stops_host=True)
    _, code, words, may_retry = next(each for each in FAILURES if isinstance(error, each[0]))
    # Of what is no HTTP it tells the very bytes. The token goes first: cut, it would not be found.
    detail = blotted(str(error), token).strip().splitlines()[:1]
    if isinstance(error, httpx.ProxyError):
        # After the status stand the proxy's own words, which may repeat the password that it got.
        detail = re.findall(r"^\d{3}\b", "".join(detail))
    cause = ": ".join([words, *detail])[:200]
    return Signal(code=code, cause=cause, may_retry=may_retry)
