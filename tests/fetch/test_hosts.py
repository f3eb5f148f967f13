"""Each source is asked as its settings say, and nothing is put between this machine and itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from manifests import __version__
from manifests.clock import Clock
from manifests.events import silent
from manifests.fetch.hosts import host_of, open_fetchers
from manifests.settings import Access, Pace, Settings
from manifests.sources.base import Page, Reply, Request, SourceInfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import SocketStream

    Serve = Callable[
        [Callable[[SocketStream, bytes], Awaitable[None]]], AbstractAsyncContextManager[str]
    ]

NOBODY = "http://127.0.0.1:9"
"""The discard port: a proxy that isn't there."""
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def info(name: str) -> SourceInfo:
    """Return a made-up source."""
    return SourceInfo(
        name=name,
        title=name.title(),
        file_prefix=name,
        short=name,
        endpoint="https://made-up.example",
        endpoint_variable="MADE_UP_ENDPOINT",
        token_variable="MADE_UP_TOKEN",
    )


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any proxy, to which one may be added."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def settings(*endpoints: str) -> Settings:
    """Return settings that ask a source `a`, `b`, … at each endpoint, once."""
    access = {chr(ord("a") + n): Access(endpoint=each) for n, each in enumerate(endpoints)}
    return Settings(access=access, attempts=1, fixed=Pace(concurrency=4, delay=0))


async def page_of(settings: Settings, name: str) -> Page | None:
    """Fetch the first page of a source."""
    infos = {each: info(each) for each in settings.access}
    request = Request(source=name, path="/api", parameters=())
    async with open_fetchers(settings, infos, clock=Clock(), reporter=silent) as fetchers:
        assert fetchers.keys() == settings.access.keys()
        fetched = await fetchers[name].fetch(request, read, log=[])
    return fetched.page


def read(reply: Reply) -> Page:
    """Read a page: whatever stands in the body is the cursor."""
    return Page(cursor=reply.body.decode())


async def tell_target(stream: SocketStream, head: bytes) -> None:
    """Answer with what stands behind GET."""
    target = head.split()[1]
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + target)


async def test_loopback_knows_no_proxy(environment: pytest.MonkeyPatch, serve: Serve) -> None:
    """A proxy of the environment does not stand between this machine and itself."""
    environment.setenv("HTTP_PROXY", NOBODY)
    environment.setenv("ALL_PROXY", NOBODY)
    async with serve(tell_target) as endpoint:
        assert await page_of(settings(endpoint), "a") == Page(cursor="/api")


async def test_other_hosts_are_asked_through_the_proxy(
    environment: pytest.MonkeyPatch, serve: Serve
) -> None:
    """A proxy of the environment serves all other hosts."""
    async with serve(tell_target) as proxy:
        environment.setenv("HTTP_PROXY", proxy)
        page = await page_of(settings("http://upstream.example"), "a")
    assert page == Page(cursor="http://upstream.example/api")


async def test_a_source_that_is_down_costs_the_others_nothing(
    environment: pytest.MonkeyPatch, serve: Serve
) -> None:
    """Each source has connections of its own."""
    environment.delenv("HTTP_PROXY", raising=False)
    async with serve(tell_target) as endpoint:
        both = settings(NOBODY, endpoint)
        assert await page_of(both, "a") is None
        assert await page_of(both, "b") == Page(cursor="/api")


@pytest.mark.parametrize(
    ("contact", "agent"),
    [
        ("https://x.example/a?b=c#d", "(+https://x.example/a?b=c#d)"),
        ("ops@x.example", "(+ops@x.example)"),
        ("Jörg (ops)\r\nX: y", "(+J%C3%B6rg%20%28ops%29%0D%0AX:%20y)"),
    ],
)
def test_the_user_agent_tells_who_asks(contact: str, agent: str) -> None:
    """It names tool, version and contact, and no contact can break the header."""
    host = host_of(info("a"), Access(endpoint="https://x.example"), contact=contact)
    assert host.headers["User-Agent"] == f"manifests/{__version__} {agent}"
    assert host.headers["Accept"] == "application/json"


def test_a_token_makes_a_header() -> None:
    """Only with a token is there a bearer header, and no repr shows it."""
    endpoint = "https://x.example"
    access = Access(endpoint=endpoint, token=SecretStr("a-secret"))
    host = host_of(info("a"), access, contact="c")
    assert host.headers["Authorization"] == "Bearer a-secret"
    assert (host.endpoint, host.info.name) == (endpoint, "a")
    assert "a-secret" not in repr((host, access, Settings(access={"a": access})))
    anonymous = host_of(info("a"), Access(endpoint=endpoint), contact="c")
    assert "Authorization" not in anonymous.headers
