"""No secret comes out, in a stream or a file, whatever upstream or a proxy does with it."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - the tests look into the database as a thief would
import zlib
from base64 import b64encode
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
import pytest

from manifests.cli.app import app
from manifests.report.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import RunsCommand

# All commands once more: each has tests of its own, which hold its lines.
pytestmark = pytest.mark.no_cover

CIVITAI = "c0ffee11deadbeefc0ffee22deadbeef"
HUGGING_FACE = "hf_QmFzZTY0T2ZUaGlzVG9rZW4xMjM0NTY"
USER = "proxyuser77"
PASSWORD = "p@ss/w0rd+of=proxy"
TOKENS = (CIVITAI, HUGGING_FACE)
PROXY_SECRETS = (PASSWORD, f"{USER}:{PASSWORD}")
QUICK = ("--attempts", "1", "--deadline", "20s", "--fixed", "8/0ms")
MODEL = {
    "id": 7,
    "name": "seven",
    "type": "LORA",
    "nsfwLevel": 1,
    "tags": [],
    "modelVersions": [],
    "stats": {},
}


class Echo(ThreadingHTTPServer):
    """An upstream, or a proxy, that gives back who asks, in body, headers and links."""

    daemon_threads = True

    def __init__(self, behaviour: str) -> None:
        super().__init__(("127.0.0.1", 0), EchoHandler)
        self.behaviour = behaviour
        self.target = self.url
        """Where it redirects to."""
        self.heard: set[str] = set()
        """What stood in the headers that are about identity."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class EchoHandler(BaseHTTPRequestHandler):
    """Answers one request with the identity of whoever asks."""

    server: Echo

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
        """Say nothing on stderr."""

    def do_GET(self) -> None:
        """Answer as an upstream."""
        self._answer(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def do_CONNECT(self) -> None:
        """Refuse as a proxy."""
        self._answer(self.headers.get("Proxy-Authorization", ""))

    do_HEAD = do_GET  # noqa: N815 - the name its parent calls

    def _answer(self, identity: str) -> None:
        self.server.heard.add(identity)
        with suppress(ConnectionError):
            self._send(identity, self._body(identity))

    def _send(self, identity: str, body: bytes) -> None:
        behaviour = self.server.behaviour
        status = int(behaviour) if behaviour.isdigit() else 200
        self.send_response(status, f"Refused {identity}")
        self.send_header("Content-Type", "text/html" if behaviour == "html" else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", f"{self.server.target}/elsewhere?token={identity}")
        for name in ("Retry-After", "RateLimit", "Proxy-Authenticate", "X-Error-Message", "ETag"):
            self.send_header(name, f'"{identity}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self, identity: str) -> bytes:
        bodies = {
            "html": f"<html><title>Not {identity}</title>{identity}".encode(),
            "malformed": f'[{{"id": "{identity}'.encode(),
            "error": orjson.dumps({"error": f"invalid token {identity}"}),
            "page": self._page(identity),
        }
        message = f"invalid {identity}"
        return bodies.get(
            self.server.behaviour, orjson.dumps({"error": message, "message": message})
        )

    def _page(self, identity: str) -> bytes:
        link = f"{self.server.url}{self.path}&token={identity}&cursor={identity}"
        if "/api/v1/" in self.path:
            last = identity in self.path or "cursor" in self.path
            page = {
                "items": [{**MODEL, "description": identity, "creator": {"username": identity}}],
                "metadata": {} if last else {"nextPage": link, "nextCursor": identity},
            }
            return orjson.dumps(page)
        return orjson.dumps([{"id": f"someone/{identity}", "tags": [identity], "likes": 1}])


@contextmanager
def listening(behaviour: str) -> Iterator[Echo]:
    """Listen for a while."""
    with Echo(behaviour) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    """An upstream of the behaviour that the test names."""
    with listening(request.param) as server:
        yield server


def spellings(secret: str) -> set[bytes]:
    """Return what gives a secret away: itself, percent-encoded, in hexadecimal, in base 64."""
    raw = secret.encode()
    found = {raw, quote(secret).encode(), quote(secret, safe="").encode(), raw.hex().encode()}
    for shift in range(3):  # in base 64 it looks different behind one, two or three bytes
        inner = b64encode(b"\0" * shift + raw)[-(-shift * 8 // 6) :]
        found.add(inner[: len(raw) * 4 // 3 - 2])
    return found


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of all files below a folder, and every cell of its databases."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield str(path), data
        if data.startswith(b"SQLite format 3"):
            yield from ((f"{path} {name}", cell) for name, cell in cells(path))


def cells(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what the tables of a database hold, unpacked."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - its own names
                for cell in row:
                    data = cell if isinstance(cell, bytes) else str(cell).encode()
                    with suppress(zlib.error):
                        data = zlib.decompress(data)
                    yield table, data


def leaks(folder: Path, streams: dict[str, bytes], secrets: tuple[str, ...]) -> list[str]:
    """Return where a secret can be read."""
    wanted = {each for secret in secrets for each in spellings(secret)}
    texts = [*streams.items(), *contents(folder)]
    return sorted({name for name, data in texts for each in wanted if each in data})


def commands(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield commands that tell all that they know, in every way there is."""
    suffixes = (*(each.suffix for each in FORMATS.values() if each.suffix), ".txt")
    reports = [part for each in suffixes for part in ("--report", str(folder / f"run{each}"))]
    yield ("generate", "-vv", *QUICK, *reports)
    yield ("generate", "-vv", *QUICK, "--log-format", "json")
    yield ("retry", "-vv", *QUICK)
    for name in ("civitai:filter/all", "hf:filter/all"):
        yield ("test-filter", name, *QUICK)
        yield ("test-filter", name, *QUICK, "--json")
    yield ("doctor",)
    yield ("doctor", "--json")
    yield ("settings",)
    yield ("settings", "--json")
    yield ("plan",)
    yield ("list",)
    yield ("status", "--json")
    yield ("runs", "--json")
    yield ("runs", "show", "latest")
    yield ("diff",)
    yield ("preview", "--to", str(folder / "site"))
    yield from (("report", "--format", each) for each in ("terminal", *FORMATS))


def all_said(manifests: RunsCommand, folder: Path, *only: str) -> dict[str, bytes]:
    """Run all commands, or those named; return what each wrote to its two streams."""
    said = {}
    for arguments in commands(folder):
        if only and arguments[0] not in only:
            continue
        ended = manifests(*arguments)
        said[f"{' '.join(arguments)} ({ended.returncode})"] = (ended.stdout + ended.stderr).encode()
    return said


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """A secret is found in a file, in a packed cell of a database, and however it is spelt."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as database, database:
        database.execute("CREATE TABLE page (body BLOB)")
        database.execute("INSERT INTO page VALUES (?)", (zlib.compress(CIVITAI.encode()),))
    (tmp_path / "plain").write_text(f"Bearer {CIVITAI}")
    for shift in range(3):
        text = b64encode(b"x" * shift + PASSWORD.encode() + b"yz")
        (tmp_path / f"base64-{shift}").write_bytes(text)
    (tmp_path / "harmless").write_text("c0ffee")
    streams = {"stderr": quote(PASSWORD, safe="").encode(), "stdout": b"nothing"}
    found = leaks(tmp_path, streams, (CIVITAI, PASSWORD))
    assert [name.removeprefix(f"{tmp_path}/") for name in found] == [
        *("base64-0", "base64-1", "base64-2", "plain", "state.db page"),
        "stderr",
    ]


@pytest.mark.parametrize(
    "echo",
    ["401", "429", "307", "html", "malformed", "page"],
    indirect=True,
)
@pytest.mark.usefixtures("lists")
def test_tokens_stay_inside_whatever_upstream_makes_of_them(
    echo: Echo, manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An upstream that gives a token back, in body, headers and links, brings it nowhere."""
    monkeypatch.setenv("CIVITAI_ENDPOINT", echo.url)
    monkeypatch.setenv("HF_ENDPOINT", echo.url)
    monkeypatch.setenv("CIVITAI_TOKEN", CIVITAI)
    monkeypatch.setenv("HF_TOKEN", HUGGING_FACE)
    said = all_said(manifests, tmp_path)
    assert set(TOKENS) <= echo.heard
    assert leaks(tmp_path, said, TOKENS) == []


@pytest.mark.parametrize("echo", ["301", "307"], indirect=True)
@pytest.mark.usefixtures("lists")
def test_a_token_follows_no_redirect(
    echo: Echo, manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever a source's endpoint redirects to may be asked, but never with the token."""
    monkeypatch.setenv("CIVITAI_ENDPOINT", echo.url)
    monkeypatch.setenv("CIVITAI_TOKEN", CIVITAI)
    with listening("error") as elsewhere:
        echo.target = elsewhere.url
        assert manifests("generate", "--source", "civitai", *QUICK).returncode == 1
    assert echo.heard == {CIVITAI}
    assert elsewhere.heard == {""}


@pytest.mark.parametrize("echo", ["407", "200"], indirect=True)
@pytest.mark.usefixtures("lists")
def test_the_password_of_a_proxy_stays_inside(
    echo: Echo, manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy that refuses, or answers nonsense, and gives back who asked brings that nowhere."""
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "https://upstream.invalid")
    monkeypatch.setenv("CIVITAI_TOKEN", CIVITAI)
    monkeypatch.setenv("HF_TOKEN", HUGGING_FACE)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    address = echo.url.removeprefix("http://")
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://{USER}:{quote(PASSWORD, safe='')}@{address}")
    said = all_said(manifests, tmp_path)
    assert f"Basic {b64encode(PROXY_SECRETS[1].encode()).decode()}" in echo.heard
    assert leaks(tmp_path, said, (*TOKENS, *PROXY_SECRETS)) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CIVITAI_TOKEN", f"{CIVITAI} and more"),
        ("HF_TOKEN", f"x{HUGGING_FACE}"),
        ("CIVITAI_ENDPOINT", f"https://user:{HUGGING_FACE}@mirror.example"),
        ("HF_ENDPOINT", f"https://mirror.example/?token={HUGGING_FACE}"),
        ("HTTPS_PROXY", f"socks5://user:{CIVITAI}@127.0.0.1:9"),
        ("HTTPS_PROXY", f"http://user:{CIVITAI}@127.0.0.1:notaport"),
        ("MANIFESTS_SHARED_BUDGET", f"redis://user:{CIVITAI}@127.0.0.1:notaport/x"),
    ],
)
@pytest.mark.usefixtures("lists")
def test_what_is_refused_is_not_shown(
    variable: str,
    value: str,
    manifests: RunsCommand,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A variable that can't be used is named; the secret in it is not, by any command."""
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "https://127.0.0.1:9")
    monkeypatch.setenv(variable, value)
    said = all_said(manifests, tmp_path, "generate", "doctor", "settings")
    assert leaks(tmp_path, said, TOKENS) == []


def test_a_crash_shows_no_values() -> None:
    """The trace of an unexpected error has no local variables, where tokens may stand."""
    assert app.pretty_exceptions_show_locals is False
