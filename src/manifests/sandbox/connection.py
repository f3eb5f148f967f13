"""Speak HTTP/1.1 on one connection: read a request, deliver its answer well or badly, again."""

from __future__ import annotations

import socket
import struct
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import h11
from anyio.abc import SocketAttribute

from manifests.sandbox.wire import Answer, Ask, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anyio.abc import SocketStream

    from manifests.clock import Clock
    from manifests.sandbox.upstream import Sandbox

__all__ = ["Host"]

_READ_BYTES = 1 << 16
_GONE = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,  # trio's way of ending a socket that the client has reset
)
_DRIP_SECONDS = 0.1
_FLOOD = b" " * (1 << 16)
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_ABRUPT = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing resets the connection."""


class Host:
    """Serves one sandbox to every connection that it is given."""

    def __init__(self, sandbox: Sandbox, *, clock: Clock) -> None:
        self._sandbox = sandbox
        self._clock = clock

    async def converse(self, stream: SocketStream) -> None:
        """Serve one connection until either side ends it; a client that leaves is no error."""
        connection = h11.Connection(h11.SERVER)
        async with stream:
            try:
                while await self._exchange(stream, connection):
                    connection.start_next_cycle()
                await _farewell(stream)
            except _GONE:
                return

    async def _exchange(self, stream: SocketStream, connection: h11.Connection) -> bool:
        """Answer one request, and tell whether another may follow."""
        try:
            ask = await _receive(stream, connection)
        except h11.RemoteProtocolError as error:
            refused = Answer.of_json({"error": str(error)}, status=error.error_status_hint)
            await self._send(stream, connection, refused)
            return False

        with self._sandbox.traffic.counted(ask.source):
            answer = self._sandbox.answer(ask, now=self._clock.monotonic())
            if answer.delay:
                await self._clock.sleep(answer.delay)
            await self._deliver(stream, connection, answer)

        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    async def _deliver(
        self, stream: SocketStream, connection: h11.Connection, answer: Answer
    ) -> None:
        """Bring the answer to the client in the way that it says.

        Raises:
            anyio.ClosedResourceError: the connection was reset, as the answer says.
        """
        if answer.delivery is Delivery.WHOLE:
            await self._send(stream, connection, answer)
        elif answer.delivery is Delivery.HANG:
            await _until_left(stream)
        elif answer.delivery is Delivery.RESET:
            raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - no Django here
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
            await anyio.aclose_forcefully(stream)
            raise anyio.ClosedResourceError
        elif answer.delivery is Delivery.TRUNCATE:
            head = self._head(connection, answer, framing=_length(answer))
            half = answer.body[: len(answer.body) // 2]
            await stream.send(head + _bytes(connection, h11.Data(data=half)))
        else:
            await self._flow(stream, connection, answer)

    async def _send(self, stream: SocketStream, connection: h11.Connection, answer: Answer) -> None:
        """Send a whole answer at once."""
        head = self._head(connection, answer, framing=_length(answer))
        data = _bytes(connection, h11.Data(data=answer.body))
        await stream.send(head + data + _bytes(connection, h11.EndOfMessage()))

    async def _flow(self, stream: SocketStream, connection: h11.Connection, answer: Answer) -> None:
        """Send white space, which may begin any JSON, until the client leaves."""
        # White space is no gzip.
        plain = tuple(pair for pair in answer.headers if pair[0] != "Content-Encoding")
        head = Answer(status=answer.status, headers=plain)
        await stream.send(self._head(connection, head, framing=()))
        while True:
            if answer.delivery is Delivery.DRIP:
                await self._clock.sleep(_DRIP_SECONDS)
            # `send` waits for a slow reader, so that the flood fills no memory.
            data = b" " if answer.delivery is Delivery.DRIP else _FLOOD
            await stream.send(_bytes(connection, h11.Data(data=data)))

    def _head(
        self, connection: h11.Connection, answer: Answer, *, framing: Iterable[tuple[str, str]]
    ) -> bytes:
        """Return status line and headers; without framing the body is chunked."""
        date = format_datetime(self._clock.wall(), usegmt=True)
        headers = [("Date", date), *answer.headers, *framing]
        reason = _REASONS.get(answer.status, "")
        response = h11.Response(status_code=answer.status, headers=headers, reason=reason)
        return _bytes(connection, response)


async def _receive(stream: SocketStream, connection: h11.Connection) -> Ask:
    """Read one request whole; its body, if any, is of no interest.

    Raises:
        anyio.EndOfStream: the client left.
        h11.RemoteProtocolError: what came is no HTTP request, or its head is too large.
    """
    request: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive(_READ_BYTES))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return _ask(request)


def _ask(request: h11.Request) -> Ask:
    """Return what the APIs look at.

    Raises:
        h11.RemoteProtocolError: the target is no URL.
    """
    headers = {
        name.decode("ascii"): value.decode("ascii", "ignore") for name, value in request.headers
    }
    try:
        return Ask.of_target(
            request.target.decode("ascii", "ignore"),
            method=request.method.decode("ascii"),
            headers=headers,
        )
    except ValueError as error:
        raise h11.RemoteProtocolError("the target is no URL") from error


async def _until_left(stream: SocketStream) -> None:
    """Read and forget until the client leaves.

    Raises:
        anyio.EndOfStream: it left.
    """
    while True:
        await stream.receive(_READ_BYTES)


async def _farewell(stream: SocketStream) -> None:
    """End our side, and let the client read to the end: closing at once could cut it short."""
    await stream.send_eof()
    await _until_left(stream)


def _length(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Return the framing of a body of known length."""
    return (
        ()
        if answer.status == HTTPStatus.NOT_MODIFIED
        else (("Content-Length", str(len(answer.body))),)
    )


def _bytes(connection: h11.Connection, event: h11.Event) -> bytes:
    """Return what one event looks like on the wire."""
    return connection.send(event) or b""
