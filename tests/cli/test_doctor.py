"""`doctor` tells what is there, what is not, and what to do; it changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import anyio
import orjson
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.from_thread import start_blocking_portal
from jsonschema import Draft202012Validator

from manifests.cli.checkup import Inquiry, check_up
from manifests.cli.diagnosis import show
from manifests.cli.schemas import schema_bytes
from manifests.clock import Clock
from manifests.doctor.diagnosis import Check, Diagnosis, failed, ok, warned
from manifests.report.exits import ExitCode
from manifests.sandbox.server import Running, SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import RunsCommand, Screen, Serves

KEPT = {"SSL_CERT_FILE", "SSL_CERT_DIR"}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, certificates and other tools' tokens."""
    for name in (*PROXIES, *KEPT, *OTHERS):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in os.environ:
        if name.startswith(("HF_", "HUGGING", "CIVITAI_")) and name != "HF_TOKEN_PATH":
            monkeypatch.delenv(name)
    return monkeypatch


class ServesNow(Protocol):
    """Starts an upstream whose clock is right, and points the environment at it."""

    def __call__(self, simulate: str = "") -> Running:
        """Return it."""
        ...


@pytest.fixture
def serve_now(bare: pytest.MonkeyPatch) -> Iterator[ServesNow]:
    """A maker of upstreams."""
    with start_blocking_portal() as portal, ExitStack() as stack:

        def start(simulate: str = "") -> Running:
            options = SandboxOptions(models=200, simulate=simulate)
            served = portal.wrap_async_context_manager(running(options, clock=Clock()))
            upstream = stack.enter_context(served)
            bare.setenv("CIVITAI_ENDPOINT", upstream.url)
            bare.setenv("HF_ENDPOINT", upstream.url)
            return upstream

        yield start


def files_below(folder: Path) -> set[Path]:
    """Return all that is in a folder."""
    return set(folder.rglob("*"))


def failures(told: str) -> dict[str, str]:
    """Return check → what was found, of all that failed."""
    findings = orjson.loads(told)["findings"]
    return {each["check"]: each["found"] for each in findings if each["level"] == "fail"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--source", "civitia"), "did you mean 'civitai'?"),
        (("--timeout", "soon"), "'soon' is no duration"),
    ],
)
def test_wrong_options(manifests: RunsCommand, arguments: tuple[str, ...], message: str) -> None:
    """What can't be meant is refused before anything is looked at."""
    found = manifests("doctor", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in " ".join(found.stderr.split())


def test_all_is_well(manifests: RunsCommand, serve_now: ServesNow, tmp_path: Path) -> None:
    """Where all is there, it says so in words that need no colour, and leaves no file."""
    upstream = serve_now()
    before = files_below(tmp_path)
    found = manifests("doctor", "--source", "hf", "--timeout", "60s")
    lines = found.stdout.splitlines()
    assert (found.returncode, found.stderr) == (0, "")
    assert [line for line in lines if not line.startswith(" ")][:-1] == [
        *("tool", "network", "upstream", "files")
    ]
    assert all(line.startswith("  ✓ ok   ") for line in lines if line.startswith(" "))
    assert lines[-1].startswith("14 ok in ")
    assert files_below(tmp_path) == before
    assert upstream.requests == {"civitai": 0, "huggingface": 1}


def test_warnings_are_no_failure(manifests: RunsCommand, serve_now: ServesNow) -> None:
    """CivitAI without a token is a warning with its step, and the exit code stays 0."""
    serve_now()
    found = manifests("doctor", "--source", "civitai", "--timeout", "60s")
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("  ! warn "))
    assert "CivitAI is asked anonymously" in lines[at]
    assert lines[at + 1].startswith("         next: make one at https://civitai.com/user/account")
    assert "1 warning in" in lines[-1]


def test_json_has_its_schema(manifests: RunsCommand, serve_now: ServesNow) -> None:
    """`--json` prints what `manifests schema doctor` describes, and nothing else."""
    serve_now("huggingface=403")
    found = manifests("doctor", "--json", "--timeout", "60s")
    told = orjson.loads(found.stdout)
    assert found.returncode == 1
    assert list(Draft202012Validator(orjson.loads(schema_bytes("doctor"))).iter_errors(told)) == []
    bad = [each for each in told["findings"] if each["level"] == "fail"]
    assert [(each["check"], each["source"], each["code"]) for each in bad] == [
        ("canary", "huggingface", "CHALLENGE")
    ]
    assert told["counts"]["fail"] == 1


def test_the_embedded_upstream(manifests: RunsCommand) -> None:
    """With `--sandbox` neither network nor token is needed, nor looked at."""
    found = manifests("doctor", "--sandbox", "--source", "hf", "--timeout", "60s")
    assert found.returncode == 0
    assert "asked anonymously" not in found.stdout
    assert "SSL_CERT" not in found.stdout


def test_offline(manifests: RunsCommand, serve_now: ServesNow) -> None:
    """With `--offline` nothing is sent, and the end says so."""
    upstream = serve_now()
    found = manifests("doctor", "--offline")
    assert found.returncode == 0
    assert found.stdout.splitlines()[-1].endswith("; no upstream was asked")
    assert upstream.requests == {"civitai": 0, "huggingface": 0}


def test_everything_broken_at_once(
    manifests: RunsCommand, bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each thing that is wrong is told beside all others, and no secret with them."""
    (tmp_path / "manifests.toml").write_text("deadlin = 5\n", encoding="utf-8")
    (tmp_path / "state").write_bytes(b"a file")
    (tmp_path / "filters").mkdir()
    for name, value in {
        "MANIFESTS_FILTERS": str(tmp_path / "filters"),
        "CIVITAI_TOKEN": "wrong!",
        "HF_ENDPOINT": "nonsense",
        "HTTPS_PROXY": "socks5://jane:s3cr3t@proxy.example:1080",
        "SSL_CERT_FILE": str(tmp_path / "none.pem"),
    }.items():
        bare.setenv(name, value)
    found = manifests("doctor", "--json", "--timeout", "60s")
    assert found.returncode == 1
    bad = failures(found.stdout)
    assert bad.keys() == {*("settings", "definitions", "proxy", "certificates", "token", "state")}
    assert "HF_ENDPOINT" in str(orjson.loads(found.stdout))
    assert "CIVITAI_TOKEN holds no token" in bad["token"]
    assert "s3cr3t" not in found.stdout
    assert "wrong!" not in found.stdout


def test_a_wrong_settings_file_is_told(manifests: RunsCommand, tmp_path: Path) -> None:
    """A file that other commands refuse is a line here, also when it is named."""
    path = tmp_path / "mine.toml"
    path.write_text("deadlin = 5\n", encoding="utf-8")
    found = manifests("--config", path, "doctor", "--offline", "--json")
    assert "deadlin" in failures(found.stdout)["settings"]
    assert found.returncode == 1


def test_an_unreachable_proxy_is_named(manifests: RunsCommand, bare: pytest.MonkeyPatch) -> None:
    """Who stands before an endpoint and does not answer is named, without its password."""
    bare.setenv("HTTPS_PROXY", "http://jane:s3cr3t@127.0.0.1:9")
    found = manifests("doctor", "--source", "civitai", "--timeout", "60s")
    assert found.returncode == 1
    assert "TCP: the proxy http://127.0.0.1:9 refuses connections on port 9" in found.stdout
    assert "s3cr3t" not in found.stdout + found.stderr


def test_a_clock_that_is_wrong(manifests: RunsCommand, serve: Serves) -> None:
    """A clock that differs from upstream's by months is a failure of its own."""
    serve(models=200)
    found = manifests("doctor", "--source", "hf", "--timeout", "60s", "--json")
    assert found.returncode == 1
    assert [*failures(found.stdout)] == ["clock"]


def test_a_state_that_is_broken_warns(
    manifests: RunsCommand, serve_now: ServesNow, tmp_path: Path
) -> None:
    """A broken database costs what it remembered; it is looked at and left where it is."""
    serve_now()
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "state.sqlite3"
    path.write_bytes(b"nonsense" * 200)
    found = manifests("doctor", "--source", "hf", "--timeout", "60s")
    assert found.returncode == 0
    assert "is broken" in found.stdout
    assert path.read_bytes() == b"nonsense" * 200
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_terminal_gets_marks_that_it_can_show(screen: Screen, terminal: Screen) -> None:
    """Long lines hang in a terminal, what is to be copied does not, and text is only text."""
    findings = [
        ok(Check.TOOL, "[bold]well[/bold] " + "word " * 40),
        warned(Check.OUT, "odd", "type " + "x" * 200),
        failed(Check.CANARY, "<script>\x1b[31m]]>", "mend"),
    ]
    diagnosis = Diagnosis.of(findings, tool="1", started="x", seconds=1.0)
    for console in (screen, terminal):
        show(console, diagnosis, as_json=False)
    assert "[bold]well[/bold]" in screen.text
    assert "\x1b" not in screen.text
    assert "x" * 200 in screen.text
    assert "\x1b[31m]]>" not in terminal.text
    assert len(terminal.text.splitlines()) > len(screen.text.splitlines())
    assert "✗ fail" in terminal.text


def test_a_person_is_told_to_wait(screen: Screen, terminal: Screen, tmp_path: Path) -> None:
    """A terminal shows that something is going on, and how long it may take."""
    inquiry = Inquiry(
        filters=Path(os.environ["MANIFESTS_FILTERS"]),
        out=tmp_path / "out",
        state=tmp_path / "state",
        offline=True,
    )
    assert check_up(screen, terminal, inquiry, as_json=False) is ExitCode.OK
    assert "looking around, for 10 s at most" in terminal.text


async def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """An interrupted look leaves no file and no traceback, and ends with 130."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no Django here
    asked = anyio.Event()

    async def say_nothing(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream):  # the first only tries the port
                await stream.receive()
                asked.set()
                await anyio.sleep_forever()

    command = [sys.executable, "-m", "manifests", "doctor", "--timeout", "60s"]
    endpoint = f"http://127.0.0.1:{port}"
    environ = {**os.environ, "CIVITAI_ENDPOINT": endpoint, "HF_ENDPOINT": endpoint}
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, say_nothing)
        async with await anyio.open_process(
            command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            await asked.wait()
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            told = b"".join([chunk async for chunk in process.stderr])
            code = await process.wait()
        tasks.cancel_scope.cancel()
    assert (code, told.decode()) == (130, "interrupted\n")
    assert files_below(tmp_path) == set()
