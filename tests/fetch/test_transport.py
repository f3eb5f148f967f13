"""What goes over HTTP goes to its origin only, and what comes back is a response or a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import brotli  # type: ignore[import-untyped]  # it ships no types
import httpx  # noqa: TID251 - the exceptions of its one home are tested here
import pytest
import respx

from manifests.errors import ErrorCode
from manifests.fetch.transport import FAILURES, MOST_REDIRECTS, TransportError, read_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from manifests.fetch.signals import Signal
    from manifests.fetch.transport import HttpTransport

HOME = "https://home.example/api/models"
BEARER = {"Authorization": "Bearer a-secret", "Accept": "application/json"}


async def failure_of(transport: HttpTransport, url: str) -> Signal:
    """Return what it means that *url* can't be had."""
    with pytest.raises(TransportError) as caught:
        await transport.get(url, BEARER)
    assert str(caught.value) == caught.value.signal.cause
    return caught.value.signal


def moved(location: str, status: int = 307) -> respx.MockResponse:
    """Return a redirect."""
    return respx.MockResponse(status, headers={"Location": location})


@pytest.mark.parametrize(
    ("error", "code", "words", "may_retry"),
    [
        (httpx.ConnectTimeout, ErrorCode.TIMEOUT, "no connection in time", True),
        (httpx.ReadTimeout, ErrorCode.TIMEOUT, "upstream fell silent", True),
        (httpx.WriteTimeout, ErrorCode.TIMEOUT, "upstream fell silent", True),
        (httpx.UnsupportedProtocol, ErrorCode.VALIDATION_ERROR, "URL is unusable", False),
        (httpx.InvalidURL, ErrorCode.VALIDATION_ERROR, "URL is unusable", False),
        (httpx.ConnectError, ErrorCode.NETWORK_ERROR, "no connection", True),
        (httpx.ReadError, ErrorCode.NETWORK_ERROR, "connection broke", True),
        (httpx.LocalProtocolError, ErrorCode.NETWORK_ERROR, "connection broke", True),
        (httpx.RemoteProtocolError, ErrorCode.NETWORK_ERROR, "answer broke off", True),
    ],
)
async def test_foreign_exceptions_end_here(
    transport: HttpTransport,
    error: type[Exception],
    code: ErrorCode,
    words: str,
    *,
    may_retry: bool,
) -> None:
    """Each exception of httpx becomes a code, a cause of one line, and whether to try again."""
    with respx.mock:
        respx.get(HOME).mock(side_effect=error(f"first line\nsecond {'x' * 400}"))
        signal = await failure_of(transport, HOME)
    assert (signal.code, signal.may_retry, signal.status) == (code, may_retry, None)
    assert words in signal.cause
    assert signal.cause.endswith(": first line")


async def test_a_proxy_has_no_words_in_a_cause(transport: HttpTransport) -> None:
    """Of a proxy's refusal the status is told, not its words: they may repeat a password."""
    with respx.mock:
        respx.get(HOME).mock(side_effect=httpx.ProxyError("407 dXNlcjpwYXNzd29yZA=="))
        signal = await failure_of(transport, HOME)
    assert signal.cause == "the proxy refuses: 407"
    assert signal.may_retry


async def test_a_cause_is_never_long(transport: HttpTransport) -> None:
    """A cause is cut at 200 letters, and one without words has no loose colon."""
    with respx.mock:
        respx.get(HOME).mock(side_effect=[httpx.ReadError("x" * 400), httpx.ReadError("")])
        assert len((await failure_of(transport, HOME)).cause) == 200
        assert (await failure_of(transport, HOME)).cause == "the connection broke"


def test_the_table_of_failures_is_in_order() -> None:
    """No entry stands behind a wider one that would always be found first."""
    kinds = [entry[0] for entry in FAILURES]
    shadowed = [
        kind for n, kind in enumerate(kinds) if any(issubclass(kind, wide) for wide in kinds[:n])
    ]
    assert shadowed == []


@pytest.mark.parametrize("url", ["ftp://home.example/", "/api/models", "http://[::1", "http://"])
async def test_an_unusable_url_is_the_users(transport: HttpTransport, url: str) -> None:
    """A URL that nothing can be sent to is invalid, and no later try would help."""
    signal = await failure_of(transport, url)
    assert (signal.code, signal.may_retry) == (ErrorCode.VALIDATION_ERROR, False)


@respx.mock
async def test_a_response_is_read_whole(transport: HttpTransport) -> None:
    """Status, body and all headers come back, names in lower case, repeated ones joined."""
    headers = [("X-Name", "Value"), ("Link", "<a>"), ("LINK", "<b>")]
    route = respx.get(HOME).mock(respx.MockResponse(418, headers=headers, content=b"tea"))
    received = await transport.get(HOME, BEARER)
    assert (received.status, received.body) == (418, b"tea")
    assert (received.headers["x-name"], received.headers["link"]) == ("Value", "<a>, <b>")
    assert route.calls.last.request.headers["authorization"] == "Bearer a-secret"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/moved", f"{HOME}/../../moved", "//home.example:443/moved"])
@respx.mock
async def test_a_token_stays_on_its_origin(
    transport: HttpTransport, status: int, location: str
) -> None:
    """A redirect within the origin, such as that of a renamed repository, keeps the token."""
    respx.get(HOME).mock(moved(location, status))
    route = respx.get("https://home.example/moved").mock(respx.MockResponse(200, content=b"[]"))
    assert (await transport.get(HOME, BEARER)).body == b"[]"
    assert route.calls.last.request.headers["authorization"] == "Bearer a-secret"


@pytest.mark.parametrize(
    ("start", "location"),
    [
        (HOME, "https://other.example/"),
        (HOME, "//other.example/"),
        (HOME, "https://home.example.other.example/"),
        (HOME, "https://sub.home.example/"),
        (HOME, "http://home.example/"),
        (HOME, "https://home.example:8443/"),
        ("http://localhost/", "https://localhost/"),
        ("http://localhost:8000/", "http://localhost:8001/"),
    ],
)
@respx.mock
async def test_a_token_never_leaves_its_origin(
    transport: HttpTransport, start: str, location: str
) -> None:
    """Another host, scheme or port is another origin: the redirect goes on without the token."""
    respx.get(start).mock(moved(location))
    route = respx.get(url=httpx.URL(start).join(location)).mock(respx.MockResponse(200))
    await transport.get(start, BEARER)
    assert "authorization" not in route.calls.last.request.headers
    assert route.calls.last.request.headers["accept"] == "application/json"


@respx.mock
async def test_a_token_does_not_come_back(transport: HttpTransport) -> None:
    """Who is sent away and home again has lost the token on the way."""
    away = "https://other.example/"
    respx.get(HOME).mock(moved(away))
    respx.get(away).mock(moved("https://home.example/back"))
    route = respx.get("https://home.example/back").mock(respx.MockResponse(200))
    await transport.get(HOME, BEARER)
    assert "authorization" not in route.calls.last.request.headers


@respx.mock
async def test_an_echoed_token_goes_no_further(transport: HttpTransport) -> None:
    """What upstream repeats of the token stands neither in its headers nor in its body."""
    respx.get(HOME).mock(
        respx.MockResponse(401, headers={"X-You": "a-secret"}, content=b"a-secret")
    )
    assert "a-secret" not in repr(await transport.get(HOME, BEARER))


@pytest.mark.parametrize("before", [0, 145])
@respx.mock
async def test_an_echoed_token_is_in_no_cause(transport: HttpTransport, before: int) -> None:
    """What is no HTTP is told of, but for the token that it repeats: neither whole nor cut."""
    line = f"illegal header line: {'x' * before} Bearer a-secret"
    respx.get(HOME).mock(side_effect=httpx.RemoteProtocolError(line))
    signal = await failure_of(transport, HOME)
    assert "a-s" not in signal.cause


@respx.mock
async def test_circles_end(transport: HttpTransport) -> None:
    """A redirect in circles is followed a few times, and no later try would help."""
    route = respx.get(HOME).mock(moved(HOME))
    signal = await failure_of(transport, HOME)
    assert (signal.code, signal.may_retry) == (ErrorCode.API_ERROR, False)
    assert signal.cause == "upstream redirects in circles"
    assert route.call_count == MOST_REDIRECTS + 1


@respx.mock
async def test_the_longest_way_is_allowed(transport: HttpTransport) -> None:
    """As many redirects as allowed still lead to a response."""
    steps = [moved(HOME)] * MOST_REDIRECTS
    respx.get(HOME).mock(side_effect=[*steps, respx.MockResponse(200, content=b"there")])
    assert (await transport.get(HOME, BEARER)).body == b"there"


@pytest.mark.parametrize("status", [300, 302, 304])
@respx.mock
async def test_a_redirect_to_nowhere_is_a_response(transport: HttpTransport, status: int) -> None:
    """Without a Location there is nothing to follow: the status speaks for itself."""
    respx.get(HOME).mock(respx.MockResponse(status))
    assert (await transport.get(HOME, BEARER)).status == status


@pytest.mark.parametrize(
    "location",
    [
        "https://home.example:port/",
        "https://home.example:65536/",
        "http://[::1]:99999/",
        "https://xn--a.example/",
        "https://xn--/",
    ],
)
async def test_a_broken_redirect_is_told(transport: HttpTransport, location: str) -> None:
    """A Location whose port or name no host has is a broken answer, and ends no run."""
    with respx.mock(assert_all_called=False) as router:
        router.get(HOME).mock(moved(location))
        # httpx2 follows such a name, and finds nobody there.
        router.get(host__regex=r"^xn--").mock(side_effect=httpx.ConnectError("no such host"))
        signal = await failure_of(transport, HOME)
    assert (signal.code, signal.may_retry) == (ErrorCode.NETWORK_ERROR, True)


@pytest.mark.parametrize("status", [200, 302])
@respx.mock
async def test_no_cookie_is_kept(transport: HttpTransport, status: int) -> None:
    """What a host sets is never sent back to it, not even along its own redirect."""
    jar = [("Set-Cookie", "__cf_bm=1; Path=/; Secure"), ("Set-Cookie", "b=2; Domain=home.example")]
    first = respx.MockResponse(status, headers=[*jar, ("Location", "/moved")])
    respx.get(HOME).mock(first)
    route = respx.get("https://home.example/moved").mock(respx.MockResponse(200))
    await transport.get(HOME, BEARER)
    await transport.get("https://home.example/moved", BEARER)
    assert [call.request.headers.get("cookie") for call in route.calls] == [None] * route.call_count


class OneChunk(httpx.AsyncByteStream):
    """A body that arrives all at once, and says so."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self.has_come = anyio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunk."""
        self.has_come.set()
        yield self._chunk


async def test_a_long_chunk_lets_others_run() -> None:
    """Who unpacks a chunk that holds much can be cancelled in its midst, as a deadline does."""
    stream = OneChunk(brotli.compress(bytes(4 * 1024**2), quality=1))
    response = httpx.Response(200, headers={"Content-Encoding": "br"}, stream=stream)
    async with anyio.create_task_group() as tasks:

        async def stop() -> None:
            await stream.has_come.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(stop)
        await read_body(response)
        pytest.fail("nobody else had a turn")
    assert tasks.cancel_scope.cancelled_caught
