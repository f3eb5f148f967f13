"""Serve a preview over HTTP/1.1 on loopback, for as long as a block runs."""

from __future__ import annotations

import errno
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
import h11
from anyio.abc import SocketAttribute

from manifests.errors import SettingsError
from manifests.preview.answers import Answer, Question, answer
from manifests.taskgroup import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from anyio.abc import SocketStream

__all__ = ["served"]

LOOPBACK: Final = "127.0.0.1"
READ_BYTES: Final = 1 << 16
PATIENCE: Final = 60.0
"""Seconds for a request to come, and for its answer to be taken."""
GONE: Final = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,  # trio's way of ending a socket that the client has reset
)


@asynccontextmanager
async def served(folder: Path, *, port: int) -> AsyncIterator[str]:
    """Serve the preview in *folder* until the block is left, and yield its address.

    Files are read anew for each request: a preview that is written meanwhile shows at once.

    Args:
        folder: as `folder.put` has made it.
        port: on 127.0.0.1; 0 takes any free one.

    Raises:
        SettingsError: the port is taken, or not ours to open.
    """
    try:
        listener = await anyio.create_tcp_listener(local_host=LOOPBACK, local_port=port)
    except OSError as error:
        why = (
            "is taken" if error.errno == errno.EADDRINUSE else f"can't be opened: {error.strerror}"
        )
        raise SettingsError(
            f"port {port} {why}", next_step="choose another with --port, or 0 for any"
        ) from error

    async def converse(stream: SocketStream) -> None:
        await _converse(stream, folder)

    chosen = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no Django here
    async with listener, task_group() as tasks:
        tasks.start_soon(listener.serve, converse)
        yield f"http://{LOOPBACK}:{chosen}/"


async def _converse(stream: SocketStream, folder: Path) -> None:
    """Serve one connection until either side ends it; a client that leaves is no error."""
    connection = h11.Connection(h11.SERVER)
    async with stream:
        try:
            while await _exchange(stream, connection, folder):
                connection.start_next_cycle()
        except GONE:
            return


async def _exchange(stream: SocketStream, connection: h11.Connection, folder: Path) -> bool:
    """Answer one request, and tell whether another may follow."""
    with anyio.move_on_after(PATIENCE):
        try:
            question = await _receive(stream, connection)
        except h11.RemoteProtocolError as error:
            await _send(stream, connection, _refusal(error))
            return False

        read = partial(_read, folder)
        await _send(stream, connection, await anyio.to_thread.run_sync(answer, question, read))
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    return False


def _read(folder: Path, name: str) -> bytes | None:
    """Return the bytes of a file of the preview; None where there is none, or not in it."""
    path = folder / name
    try:
        # A link in the folder could lead anywhere.
        is_inside = path.is_file() and path.resolve().is_relative_to(folder.resolve())
        return path.read_bytes() if is_inside else None
    except OSError:
        return None


def _refusal(error: h11.RemoteProtocolError) -> Answer:
    status = HTTPStatus(error.error_status_hint)
    return Answer(
        status=status, headers=(("Content-Length", "0"), ("Connection", "close")), body=b""
    )


async def _receive(stream: SocketStream, connection: h11.Connection) -> Question:
    """Read one request whole; its body, if any, is of no interest.

    Raises:
        anyio.EndOfStream: the client left.
        h11.RemoteProtocolError: what came is no HTTP request, or its head is too large.
    """
    question: Question | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive(READ_BYTES))
        elif isinstance(event, h11.Request):
            question = Question(
                method=event.method.decode("ascii"),
                target=event.target.decode("ascii", "replace"),
                headers={
                    name.decode("ascii"): value.decode("latin-1") for name, value in event.headers
                },
            )
        elif isinstance(event, h11.EndOfMessage) and question is not None:
            return question


async def _send(stream: SocketStream, connection: h11.Connection, answer_: Answer) -> None:
    """Send a whole answer at once."""
    head = h11.Response(
        status_code=answer_.status, headers=[*answer_.headers], reason=answer_.status.phrase
    )
    events = (head, h11.Data(data=answer_.body), h11.EndOfMessage())
    await stream.send(b"".join(connection.send(event) or b"" for event in events))
