"""The sandbox speaks HTTP/1.1 over loopback, well and badly."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import httpx  # noqa: TID251 - a client of the sandbox, not of the house
import orjson
import pytest

from manifests.clock import Clock
from manifests.errors import SettingsError
from manifests.sandbox.server import Running, SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from anyio.abc import SocketStream

PAGE = "/api/models?limit=5&sort=likes"
MIDNIGHT = datetime(2026, 8, 9, tzinfo=UTC)


async def no_wait(_seconds: float) -> None:
    """Let others run in place of waiting."""
    await anyio.lowlevel.checkpoint()


CLOCK = Clock(wall=lambda: MIDNIGHT, sleep=no_wait)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Return each event loop in turn: sockets are where they differ."""
    return str(request.param)


@asynccontextmanager
async def serving(simulate: str = "", clock: Clock = CLOCK) -> AsyncIterator[Running]:
    """Run a small sandbox."""
    async with running(SandboxOptions(models=300, simulate=simulate), clock=clock) as sandbox:
        yield sandbox


@asynccontextmanager
async def connected(sandbox: Running) -> AsyncIterator[SocketStream]:
    """Open a raw connection."""
    port = port_of(sandbox)
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        yield stream


async def rest(stream: SocketStream) -> bytes:
    """Return all bytes until the server ends the connection."""
    received = b""
    while True:
        try:
            received += await stream.receive()
        except anyio.EndOfStream:
            return received


def port_of(sandbox: Running) -> int:
    """Return the port of its endpoint."""
    return int(sandbox.url.rpartition(":")[2])


def get(target: str, *headers: str) -> bytes:
    """Return a raw GET."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: h", *headers, "", ""]).encode()


async def test_both_apis_answer() -> None:
    """One port serves both sources, with a date, and counts their requests."""
    async with serving() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as client:
        models = await client.get("/api/v1/models", params={"limit": 3})
        assert len(models.json()["items"]) == 3
        assert models.json()["metadata"]["nextPage"].startswith(f"{sandbox.url}/api/v1/models?")
        hub = await client.get(PAGE)
        assert len(hub.json()) == 5
        assert hub.headers["Date"] == "Sun, 09 Aug 2026 00:00:00 GMT"
        assert hub.headers["Content-Encoding"] == "gzip"
        assert sandbox.requests == {"civitai": 1, "huggingface": 1}
        assert sandbox.most_in_flight == 1


async def test_a_connection_is_kept_alive_and_pipelined() -> None:
    """Requests that arrive together are answered in order on one connection, until one says so."""
    async with serving() as sandbox, connected(sandbox) as stream:
        await stream.send(get("/api/nothing") + get("/api/v1/nothing", "Connection: close"))
        received = await rest(stream)
        assert received.count(b"HTTP/1.1 404 Not Found") == 2
        assert received.index(b"we can't find") < received.index(b'{"error":"Not Found"}')


async def test_a_known_page_costs_no_body() -> None:
    """If-None-Match with the tag of a page gives 304, and the connection goes on."""
    async with serving() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as client:
        tag = (await client.get(PAGE)).headers["ETag"]
        known = await client.get(PAGE, headers={"If-None-Match": tag})
        assert (known.status_code, known.content) == (304, b"")
        assert (await client.get(PAGE)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_other_methods(method: str) -> None:
    """A method other than GET is refused, body or not, and the connection goes on."""
    async with serving() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as client:
        refused = await client.request(method, "/api/models", content=b"x" * 100_000)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
        assert (await client.get(PAGE)).status_code == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (get("http://[bad/api"), b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (get("/" + "x" * 70_000), b"431"),
    ],
)
async def test_what_is_no_request_is_refused(raw: bytes, status: bytes) -> None:
    """Malformed and oversized requests are answered and end the connection; no source saw them."""
    async with serving() as sandbox, connected(sandbox) as stream:
        await stream.send(raw)
        assert (await rest(stream)).startswith(b"HTTP/1.1 " + status)
        assert sum(sandbox.requests.values()) == 0


async def test_a_client_may_leave_at_any_time() -> None:
    """Clients that leave before, within or after a request don't end the service."""
    async with serving() as sandbox:
        for sent in (b"", b"GET /api", get("/api/v1/models"), get(PAGE) * 30):
            async with connected(sandbox) as stream:
                if sent:
                    await stream.send(sent)
        async with httpx.AsyncClient(base_url=sandbox.url) as client:
            assert (await client.get(PAGE)).status_code == 200


async def test_reset() -> None:
    """`reset` ends the connection abruptly, without a byte of an answer."""
    async with serving("reset") as sandbox, connected(sandbox) as stream:
        await stream.send(get(PAGE))
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        while sandbox.sandbox.traffic.in_flight.total():
            await anyio.lowlevel.checkpoint()
        assert sandbox.requests == {"civitai": 0, "huggingface": 1}


async def test_truncate() -> None:
    """`truncate` promises the whole and sends half."""
    async with serving("truncate") as sandbox, connected(sandbox) as stream:
        await stream.send(get(PAGE))
        head, _, body = (await rest(stream)).partition(b"\r\n\r\n")
        promised = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        assert len(body) == promised // 2 > 0


async def test_timeout() -> None:
    """`timeout` never answers; it counts as in flight until the client leaves."""
    async with serving("hf=timeout") as sandbox:
        async with connected(sandbox) as hanging:
            await hanging.send(get(PAGE))
            async with httpx.AsyncClient(base_url=sandbox.url) as client:
                while not sandbox.requests["huggingface"]:
                    await client.get("/api/v1/models?limit=1")
                assert (await client.get("/api/v1/models?limit=2")).status_code == 200
            assert sandbox.sandbox.traffic.in_flight["huggingface"] == 1
            assert sandbox.most_in_flight == 2
            await hanging.send_eof()
            assert await rest(hanging) == b""
        assert sandbox.sandbox.traffic.in_flight["huggingface"] == 0


async def test_drip() -> None:
    """`drip` sends single bytes for ever, and waits before each."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await anyio.lowlevel.checkpoint()

    async with serving("drip", replace(CLOCK, sleep=note)) as sandbox, connected(sandbox) as stream:
        await stream.send(get(PAGE))
        received = b""
        while received.count(b"1\r\n \r\n") < 20:
            received += await stream.receive()
        assert b"Transfer-Encoding: chunked" in received
        assert len(waits) >= 20
        assert set(waits) == {0.1}


async def test_endless() -> None:
    """`endless` sends as fast as one reads, for ever."""
    async with serving("endless") as sandbox, connected(sandbox) as stream:
        await stream.send(get(PAGE, "Accept-Encoding: gzip"))
        received = 0
        while received < 2_000_000:
            received += len(await stream.receive())


async def test_delays_are_waited_for() -> None:
    """`slow` passes its seconds to the clock before the answer."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await anyio.lowlevel.checkpoint()

    async with (
        serving("civitai=slow:2s", replace(CLOCK, sleep=note)) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):
        await client.get(PAGE)
        assert waits == []
        await client.get("/api/v1/models?limit=1")
        assert waits == [2]


async def test_requests_are_counted_while_they_are_in_flight() -> None:
    """The most at once is counted, and those beyond a capacity are refused."""
    open_ = anyio.Event()

    async def until_open(_seconds: float) -> None:
        await open_.wait()

    statuses: list[int] = []
    async with (
        serving("slow:1s,capacity:2", replace(CLOCK, sleep=until_open)) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):

        async def ask() -> None:
            statuses.append((await client.get(PAGE)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
            while sandbox.requests["huggingface"] < 3:
                await anyio.lowlevel.checkpoint()
            open_.set()
        assert sandbox.most_in_flight == 3
    assert sorted(statuses) == [200, 200, 429]


async def test_a_taken_port_is_explained() -> None:
    """A port that another program holds is an error that names the port and the flag."""
    async with serving() as sandbox:
        port = port_of(sandbox)
        with pytest.raises(SettingsError) as caught:
            async with running(SandboxOptions(port=port, models=1), clock=CLOCK):
                pass
    assert caught.value.cause == f"port {port} is taken"
    assert caught.value.next_step == "choose another with --port, or 0 for any"


async def test_wrong_options_are_refused(tmp_path: Path) -> None:
    """Wrong faults and wrong folders are refused before anything listens."""
    for options in (SandboxOptions(simulate="x"), SandboxOptions(data=tmp_path)):
        with pytest.raises(SettingsError):
            async with running(options, clock=CLOCK):
                pass


async def test_recorded_pages_are_served(tmp_path: Path) -> None:
    """With a folder its models are served, in place of made-up ones."""
    (tmp_path / "huggingface").mkdir()
    (tmp_path / "huggingface" / "a.json").write_bytes(orjson.dumps([{"id": "x/y"}]))
    options = SandboxOptions(data=tmp_path)
    async with (
        running(options, clock=CLOCK) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):
        assert [item["id"] for item in (await client.get("/api/models")).json()] == ["x/y"]


async def test_errors_of_the_block_leave_as_they_are() -> None:
    """What is raised while the sandbox runs is not wrapped, and the port is free again."""
    with pytest.raises(LookupError, match="mine"):
        async with serving() as sandbox:
            raise LookupError("mine")
    port = port_of(sandbox)
    async with running(SandboxOptions(port=port, models=1), clock=CLOCK) as again:
        assert again.url == sandbox.url


@pytest.mark.parametrize(
    ("port", "cause"),
    [(70_000, "port 70000 is none"), (-1, "port -1 can't be opened")],
)
async def test_an_impossible_port_is_explained(port: int, cause: str) -> None:
    """A number that is no port is named, with the flag."""
    with pytest.raises(SettingsError, match=cause) as caught:
        async with running(SandboxOptions(port=port, models=1), clock=CLOCK):
            pass
    assert "--port" in caught.value.next_step


async def test_cancelling_ends_it() -> None:
    """A cancelled block ends the service, with connections open, and cancels no more than asked."""
    with anyio.CancelScope() as scope:
        async with serving("timeout") as sandbox, connected(sandbox) as stream:
            await stream.send(get(PAGE))
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
