"""A real Redis server on loopback, for tests of a budget that several processes share."""

from __future__ import annotations

import socket
import subprocess
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NobodyThereError
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Server:
    """A Redis server that can be stopped and started again, and keeps nothing."""

    folder: Path
    port: int
    password: str = ""
    authority: Path | None = None
    """The certificate of who vouches for a server that speaks TLS only; its own stands beside."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis{'s' if self.authority else ''}://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Redis:
        """A client that waits until the server is there."""
        patience = Retry(ConstantBackoff(0.02), 500)
        trust = {"ssl_ca_certs": str(self.authority)} if self.authority else {}
        return Redis.from_url(
            self.url,
            **trust,
            password=self.password or None,
            retry=patience,
            retry_on_error=[NobodyThereError],
            decode_responses=True,
        )

    def start(self) -> None:
        """Start it; it listens when this returns."""
        command = ["redis-server", "--bind", "127.0.0.1", *self._listening()]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        command += ["--requirepass", self.password] if self.password else []
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with self.client as client:
            client.ping()

    def _listening(self) -> list[str]:
        if self.authority is None:
            return ["--port", str(self.port)]
        own = str(self.authority.with_name("server.pem"))
        files = ["--tls-cert-file", own, "--tls-key-file", own]
        files += ["--tls-ca-cert-file", str(self.authority), "--tls-auth-clients", "no"]
        return ["--port", "0", "--tls-port", str(self.port), *files]

    def stop(self) -> None:
        """Stop it at once; what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def lasting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests that neither stop it nor mind what others left there."""
    server = Server(tmp_path_factory.mktemp("redis"), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(lasting_server: Server) -> Server:
    """A server that holds nothing."""
    if lasting_server.process is None:
        lasting_server.start()
    with lasting_server.client as client:
        client.flushall()
    return lasting_server


@pytest.fixture
def locked_server(tmp_path: Path) -> Iterator[Server]:
    """A server that asks for a password."""
    server = Server(tmp_path, free_port(), password="s3cret-word")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def veiled_server(tmp_path: Path) -> Iterator[Server]:
    """A server that speaks TLS only."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    own = authority.issue_cert("127.0.0.1")
    own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    server = Server(tmp_path, free_port(), authority=tmp_path / "authority.pem")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Redis]:
    """A client of the server."""
    with server.client as client:
        yield client
