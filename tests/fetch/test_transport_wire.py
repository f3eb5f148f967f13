"""On real sockets nothing that an upstream does to a connection hangs, floods or leaks."""

from __future__ import annotations

import gc
import gzip
import socket
import struct
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import anyio
import brotli  # type: ignore[import-untyped]  # it ships no types
import httpx  # noqa: TID251 - whose objects live on is tested here
import pytest
import zstandard
from anyio.abc import SocketAttribute, SocketStream

from manifests.errors import ErrorCode
from manifests.fetch.transport import MOST_BYTES, Timeouts, TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from manifests.fetch.signals import Signal
    from manifests.fetch.transport import HttpTransport

    Answer = Callable[[SocketStream, bytes], Awaitable[None]]
    Serve = Callable[[Answer], AbstractAsyncContextManager[str]]
    OpenTransport = Callable[[Timeouts], AbstractAsyncContextManager[HttpTransport]]

BODY = b'{"items": [%s]}' % b", ".join(b'{"id": %d}' % number for number in range(2000))
ZEROS = bytes(1024 * 1024)


def response(body: bytes, *headers: str, length: int | None = None) -> bytes:
    """Return a whole response; *length* is what it claims, if not the truth."""
    claimed = len(body) if length is None else length
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {claimed}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(data: bytes, *, closes: bool = False) -> Answer:
    """Return a server's answer that sends *data*, then perhaps hangs up."""

    async def answer(stream: SocketStream, _: bytes) -> None:
        await stream.send(data)
        if closes:
            await stream.aclose()

    return answer


async def failure_of(transport: HttpTransport, url: str) -> Signal:
    """Return what it means that *url* can't be had."""
    with pytest.raises(TransportError) as caught:
        await transport.get(url, {})
    return caught.value.signal


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        response(BODY[:100], length=len(BODY)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{'ite",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n",
    ],
)
async def test_an_answer_that_breaks_off(
    transport: HttpTransport, serve: Serve, data: bytes
) -> None:
    """A body shorter than announced is no body, however well it looks so far."""
    async with serve(answering(data, closes=True)) as endpoint:
        signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.NETWORK_ERROR, True)
    assert signal.cause.startswith("the answer broke off")


async def test_a_reset(transport: HttpTransport, serve: Serve) -> None:
    """A connection that is torn down in the middle is a broken one."""

    async def answer(stream: SocketStream, _: bytes) -> None:
        await stream.send(response(BODY[:100], length=len(BODY)))
        raw = stream.extra_attributes[SocketAttribute.raw_socket]()
        # Lingering for 0 s makes closing send a reset.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    async with serve(answer) as endpoint:
        signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.NETWORK_ERROR, True)


async def test_nobody_there(transport: HttpTransport, serve: Serve) -> None:
    """A port on which nobody listens gives no connection."""
    async with serve(answering(b"")) as endpoint:
        pass
    signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.NETWORK_ERROR, True)
    assert signal.cause.startswith("no connection")


async def test_silence_ends(transport_with: OpenTransport, serve: Serve) -> None:
    """Without a single byte an attempt ends after the read timeout."""
    async with (
        serve(lambda _, __: anyio.sleep_forever()) as endpoint,
        transport_with(Timeouts(read=0.05)) as transport,
    ):
        with anyio.fail_after(4):
            signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.TIMEOUT, True)
    assert signal.cause == "upstream fell silent"


async def test_a_drip_ends(transport_with: OpenTransport, serve: Serve) -> None:
    """A body that never falls silent and never ends is ended by the bound of the whole attempt."""

    async def answer(stream: SocketStream, _: bytes) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send(b" ")

    async with serve(answer) as endpoint, transport_with(Timeouts(total=0.1)) as transport:
        with anyio.fail_after(4):
            signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.TIMEOUT, True)
    assert signal.cause == "no whole answer within 0.1 s"


def endless_gzip() -> tuple[bytes, bytes]:
    """Return the start of a body of zeros, and what may follow it as often as one likes."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    start = packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same input gives the same bytes again.
    return start, packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)


def endless_brotli() -> tuple[bytes, bytes]:
    """Return the same as brotli."""
    packer = brotli.Compressor(quality=1)
    start = packer.process(ZEROS) + packer.flush()
    return start, packer.process(ZEROS) + packer.flush()


BOMBS = {
    "gzip": endless_gzip(),
    "br": endless_brotli(),
    # A block of one zero, 128 KiB times over: 64 KiB, as much as is read at once, hold 2 GiB.
    "zstd": (b"\x28\xb5\x2f\xfd\x00\x38", b"\x02\x00\x10\x00" * 16384),
    "identity": (ZEROS, ZEROS),
}
"""Bodies that unpack to ever more: their start, and what follows again and again."""


@pytest.mark.parametrize("status", ["200 OK", "302 Found\r\nLocation: /elsewhere"])
@pytest.mark.parametrize("coding", BOMBS)
async def test_a_bomb_is_defused(
    transport: HttpTransport, serve: Serve, status: str, coding: str
) -> None:
    """A small endless body that unpacks to ever more ends at the cap, also on a redirect."""
    start, again = BOMBS[coding]

    async def answer(stream: SocketStream, _: bytes) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\n\r\n"
        await stream.send(head.encode() + start)
        while True:
            await stream.send(again)

    tracemalloc.start()
    try:
        async with serve(answer) as endpoint:
            signal = await failure_of(transport, endpoint)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (signal.code, signal.may_retry) == (ErrorCode.MALFORMED_RESPONSE, True)
    assert signal.cause == "the body passes 64 MiB"
    assert peak < 1.1 * MOST_BYTES


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("br", brotli.compress(BODY)),
        ("zstd", zstandard.compress(BODY)),
        ("gzip, br", brotli.compress(gzip.compress(BODY, mtime=0))),
        ("identity", BODY),
    ],
)
async def test_bodies_are_unpacked(
    transport: HttpTransport, serve: Serve, name: str, packed: bytes
) -> None:
    """Whatever a CDN packs a page with, the body comes back as it was; gzip also as it came."""
    heads: list[bytes] = []

    async def answer(stream: SocketStream, head: bytes) -> None:
        heads.append(head)
        await stream.send(response(packed, f"Content-Encoding: {name}"))

    async with serve(answer) as endpoint:
        received = await transport.get(endpoint, {})
    assert received.body == BODY
    assert received.packed == (packed if name == "gzip" else None)
    assert b"accept-encoding: gzip, br, zstd\r\n" in heads[0].lower()


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
async def test_garbage_does_not_unpack(transport: HttpTransport, serve: Serve, name: str) -> None:
    """A body that isn't packed as it says is malformed, and a later try may be well."""
    async with serve(answering(response(BODY, f"Content-Encoding: {name}"))) as endpoint:
        signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.MALFORMED_RESPONSE, True)


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("br", brotli.compress(BODY)),
        ("zstd", zstandard.compress(BODY)),
    ],
)
async def test_a_packed_body_cut_off_upstream(
    transport: HttpTransport, serve: Serve, name: str, packed: bytes
) -> None:
    """Where the length agrees with the cut, the packing tells: a part is no body."""
    async with serve(answering(response(packed[:-4], f"Content-Encoding: {name}"))) as endpoint:
        signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.MALFORMED_RESPONSE, True)
    assert signal.cause == "the packed body is cut off"


async def test_an_unknown_coding(transport: HttpTransport, serve: Serve) -> None:
    """A body in a coding that nobody asked for isn't taken for a page."""
    async with serve(answering(response(BODY, "Content-Encoding: lzma"))) as endpoint:
        signal = await failure_of(transport, endpoint)
    assert (signal.code, signal.may_retry) == (ErrorCode.MALFORMED_RESPONSE, True)
    assert signal.cause == "the body is packed in an unknown way: 'lzma'"


async def test_a_refusal_counts_whatever_its_body(transport: HttpTransport, serve: Serve) -> None:
    """Status and headers of an error reach whoever waits, though its body does not unpack."""
    headers = ["Content-Encoding: gzip", "Retry-After: 7"]
    answer = response(BODY, *headers).replace(b"200 OK", b"429 Too Many Requests")
    async with serve(answering(answer)) as endpoint:
        received = await transport.get(endpoint, {})
    assert (received.status, received.headers["retry-after"], received.body) == (429, "7", b"")


async def test_a_refused_body_harms_nobody(transport: HttpTransport, serve: Serve) -> None:
    """After a body that was refused in its midst, the same connections serve again."""

    async def answer(stream: SocketStream, head: bytes) -> None:
        coding = "gzip" if b"/bad" in head else "identity"
        await stream.send(response(BODY, f"Content-Encoding: {coding}"))

    async with serve(answer) as endpoint:
        await failure_of(transport, f"{endpoint}/bad")
        assert (await transport.get(endpoint, {})).body == BODY


async def test_connections_are_used_again(transport: HttpTransport, serve: Serve) -> None:
    """As many connections as were in flight at once serve all requests that follow."""
    streams: set[SocketStream] = set()
    together = anyio.Event()

    async def answer(stream: SocketStream, _: bytes) -> None:
        streams.add(stream)
        if len(streams) == 3:
            together.set()
        await together.wait()
        await stream.send(response(BODY))

    async with serve(answer) as endpoint:
        for _ in range(4):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(transport.get, endpoint, {})
    assert len(streams) == 3


async def test_a_cancelled_get_harms_nobody(transport: HttpTransport, serve: Serve) -> None:
    """Who is cancelled in the middle of a body leaves a transport that others can use."""
    begun = anyio.Event()

    async def answer(stream: SocketStream, head: bytes) -> None:
        if b"/hang" not in head:
            await stream.send(response(BODY))
            return
        await stream.send(response(BODY[:100], length=len(BODY)))
        begun.set()
        await anyio.sleep_forever()

    async with serve(answer) as endpoint:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(transport.get, f"{endpoint}/hang", {})
            await begun.wait()
            tasks.cancel_scope.cancel()
        assert (await transport.get(endpoint, {})).body == BODY


async def test_all_connections_are_closed(transport_with: OpenTransport, serve: Serve) -> None:
    """When its block is left, a transport hangs up, also when that block is cancelled."""
    hung_up = anyio.Event()

    async def answer(stream: SocketStream, _: bytes) -> None:
        await stream.send(response(BODY))
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        hung_up.set()

    async with serve(answer) as endpoint:
        with anyio.CancelScope() as scope:
            async with transport_with(Timeouts()) as transport:
                await transport.get(endpoint, {})
                scope.cancel()
                await anyio.sleep_forever()
        with anyio.fail_after(5):
            await hung_up.wait()


async def test_responses_are_freed_at_once(transport: HttpTransport, serve: Serve) -> None:
    """No response of httpx outlives its get, even if the garbage collector never runs."""
    async with serve(answering(response(BODY))) as endpoint:
        await transport.get(endpoint, {})
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                await transport.get(endpoint, {})
            kinds = [f"{type(each).__module__}.{type(each).__name__}" for each in gc.get_objects()]
        finally:
            gc.enable()
    library = httpx.AsyncClient.__module__  # "httpx2" where scripts/httpx2 runs this
    assert kinds.count(f"{library}.AsyncClient") == 1
    assert kinds.count(f"{library}.Response") == 0
