"""Certificates are those of the variables, else the system's; a wrong variable is no traceback."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import anyio
import pytest
import truststore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener, TLSStream

from manifests.clock import Clock
from manifests.errors import ErrorCode, SettingsError
from manifests.events import silent
from manifests.fetch.hosts import context_for, open_fetchers
from manifests.fetch.transport import (
    Timeouts,
    TransportError,
    open_transport,
    plain_context,
    shared_context,
)
from manifests.settings import Access, Settings
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

INFOS = {name: source.info for name, source in SOURCES.items()}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names neither certificates nor proxies."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """SSL_CERT_FILE that names nothing usable is an error of the settings, by its name."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="SSL_CERT_FILE names no file") as refused:
        shared_context({"SSL_CERT_FILE": str(path)})
    assert str(path) in refused.value.cause


def test_a_file_replaces_the_systems_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    """Only the certificates of SSL_CERT_FILE are trusted, if it is set."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    assert shared_context({"SSL_CERT_FILE": str(path)}).cert_store_stats()["x509_ca"] == 1


def test_a_folder_is_read_when_it_is_needed(tmp_path: Path) -> None:
    """SSL_CERT_DIR alone replaces the system's certificates, too."""
    context = shared_context({"SSL_CERT_DIR": str(tmp_path), "SSL_CERT_FILE": ""})
    assert context.cert_store_stats()["x509_ca"] == 0
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_system_itself_judges_where_it_can(system: str) -> None:
    """Apple and Microsoft keep their certificates where OpenSSL finds none."""
    assert type(shared_context({}, system=system)) is truststore.SSLContext


def test_the_systems_files_elsewhere(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Elsewhere OpenSSL's own place is read once; where it is empty, httpx's bundle serves."""
    assert type(shared_context({}, system="linux")) is not truststore.SSLContext
    bare.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    bare.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert shared_context({}, system="linux").cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize(
    ("endpoints", "trusts"),
    [
        (["http://127.0.0.1:8080", "http://localhost"], False),
        (["http://127.0.0.1:8080", "https://x.example"], True),
        (["https://localhost"], True),
        (["http://x.example"], True),
    ],
)
def test_no_certificates_are_read_for_nothing(
    bare: pytest.MonkeyPatch, tmp_path: Path, endpoints: list[str], *, trusts: bool
) -> None:
    """A plain server of this machine needs none; another host may redirect to HTTPS."""
    bare.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    if trusts:
        with pytest.raises(SettingsError):
            context_for(endpoints)
    else:
        context = context_for(endpoints)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.cert_store_stats()["x509_ca"] == 0


async def test_a_run_refuses_an_unusable_proxy(bare: pytest.MonkeyPatch) -> None:
    """A proxy of a kind that is not spoken here ends a run before it begins, without its secret."""
    bare.setenv("HTTPS_PROXY", "socks5://jane:s3cr3t@proxy.example:1080")
    settings = Settings(access={"civitai": Access(endpoint="https://x.example")})
    with pytest.raises(SettingsError) as refused:
        async with open_fetchers(settings, INFOS, clock=Clock(), reporter=silent):
            pytest.fail("nothing may begin")
    assert "socks5" in refused.value.cause
    assert "s3cr3t" not in f"{refused.value!r} {refused.value.next_step}"


async def test_a_certificate_that_is_not_trusted_stops_its_host(authority: trustme.CA) -> None:
    """No later try helps, and no other page: one message for the host says why."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = plain.extra_attributes[SocketAttribute.local_port]()

    async def serve(stream: ByteStream) -> None:
        await stream.aclose()

    opening = open_transport(timeouts=Timeouts(), context=plain_context(), trust_env=False)
    async with plain, anyio.create_task_group() as tasks, opening as transport:
        tasks.start_soon(TLSListener(plain, server).serve, serve)
        with pytest.raises(TransportError) as refused:
            await transport.get(f"https://localhost:{port}/", {})
        tasks.cancel_scope.cancel()
    signal = refused.value.signal
    assert (signal.code, signal.may_retry, signal.stops_host) == (
        *(ErrorCode.NETWORK_ERROR, False, True),
    )
    assert signal.cause.startswith("its certificate is not trusted: ")


async def test_garbage_in_the_midst_of_tls_is_a_broken_connection(authority: trustme.CA) -> None:
    """What OpenSSL says of a connection that was open already ends the attempt, and not the run."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = plain.extra_attributes[SocketAttribute.local_port]()

    async def serve(stream: ByteStream) -> None:
        async with stream:
            secured = await TLSStream.wrap(stream, ssl_context=server, standard_compatible=False)
            await secured.receive()
            await secured.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            await stream.send(b"no record of TLS")

    opening = open_transport(timeouts=Timeouts(), context=context, trust_env=False)
    async with plain, anyio.create_task_group() as tasks, opening as transport:
        tasks.start_soon(plain.serve, serve)
        with pytest.raises(TransportError) as broken:
            await transport.get(f"https://localhost:{port}/", {})
        tasks.cancel_scope.cancel()
    signal = broken.value.signal
    assert (signal.code, signal.may_retry) == (ErrorCode.NETWORK_ERROR, True)
    assert signal.cause.startswith("the connection broke: ")
