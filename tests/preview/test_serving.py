"""The server speaks HTTP/1.1 on loopback, also with those who don't."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from manifests.errors import SettingsError
from manifests.preview.folder import put
from manifests.preview.serving import served
from manifests.preview.site import Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from anyio.abc import SocketStream

SITE = Site(page=b"<!doctype html>", name=f"set-{'0' * 16}", files={"main.js": b"1"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds a preview."""
    put(SITE, tmp_path / "preview")
    return tmp_path / "preview"


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[SocketStream]:
    """Serve, and connect to the server."""
    async with served(folder, port=0) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            yield stream


def request(target: str, *, method: str = "GET", more: str = "") -> bytes:
    """Return a request as it goes over the wire."""
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode()


async def rest(stream: SocketStream) -> bytes:
    """Return all that still comes."""
    return b"".join([data async for data in stream])


async def test_requests_on_one_connection(folder: Path) -> None:
    """A connection answers one request after another, refused ones and those with bodies too."""
    asks = [
        request("/"),
        request("/", method="HEAD"),
        request("/nothing"),
        request("/", method="POST", more="Content-Length: 2\r\n") + b"{}",
        request(f"/{SITE.name}/main.js", more="Connection: close\r\n"),
    ]
    async with talking(folder) as stream:
        await stream.send(b"".join(asks))
        found = (await rest(stream)).split(b"HTTP/1.1 ")[1:]
    assert [each[:3] for each in found] == [b"200", b"200", b"404", b"405", b"200"]
    assert found[0].endswith(b"\r\n\r\n<!doctype html>")
    assert found[1].endswith(b"\r\n\r\n")
    assert found[4].endswith(b"\r\n\r\n1")


async def test_what_is_no_request(folder: Path) -> None:
    """Noise is refused, and the connection ends."""
    async with talking(folder) as stream:
        await stream.send(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert (await rest(stream)).startswith(b"HTTP/1.1 400 ")


async def test_a_head_without_end(folder: Path) -> None:
    """A request that grows without end is cut off, in bounded memory."""
    async with talking(folder) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert (await rest(stream)).startswith(b"HTTP/1.1 431 ")


async def test_a_client_that_leaves(folder: Path) -> None:
    """One that leaves in the middle of a request disturbs no other."""
    async with served(folder, port=0) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"GET / HT")
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(request("/", more="Connection: close\r\n"))
            assert (await rest(stream)).startswith(b"HTTP/1.1 200 ")


async def test_links_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    """A link out of the folder is not followed, nor is a folder a file."""
    (tmp_path / "secret.js").write_text("secret")
    (folder / SITE.name / "link.js").symlink_to(tmp_path / "secret.js")
    (folder / SITE.name / "folder.js").mkdir()
    (folder / SITE.name / "loop.js").symlink_to(folder / SITE.name / "loop.js")
    async with talking(folder) as stream:
        for name in ("link", "folder", "loop"):
            await stream.send(request(f"/{SITE.name}/{name}.js"))
            assert (await stream.receive()).startswith(b"HTTP/1.1 404 ")


async def test_a_name_that_no_disk_takes(folder: Path) -> None:
    """A name too long for the disk is one that isn't there."""
    async with talking(folder) as stream:
        await stream.send(request(f"/{SITE.name}/{'a' * 300}.js"))
        assert (await stream.receive()).startswith(b"HTTP/1.1 404 ")


async def test_a_new_preview_shows_at_once(folder: Path) -> None:
    """Files are read when they are asked for."""
    async with talking(folder) as stream:
        put(Site(page=b"new", name=SITE.name, files=SITE.files), folder)
        await stream.send(request("/", more="Connection: close\r\n"))
        assert (await rest(stream)).endswith(b"\r\n\r\nnew")


async def test_a_port_that_is_taken(folder: Path) -> None:
    """A taken port is named, with the flag that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} is taken") as refused:
            async with served(folder, port=port):
                pass
    assert refused.value.next_step == "choose another with --port, or 0 for any"


@pytest.mark.virtual_time
async def test_a_silent_client_is_left(folder: Path) -> None:
    """A connection that asks nothing for a minute is closed."""
    async with talking(folder) as stream:
        assert await rest(stream) == b""
