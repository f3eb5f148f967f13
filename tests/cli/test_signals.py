"""SIGINT and SIGTERM end a run or a server well."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.store.canonical import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import RunsCommand, Serves


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "manifests", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    """The sandbox as a server, on a port of its own."""
    with started("sandbox", "--port", "0", "--simulate", "civitai=503") as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_an_interrupted_run_publishes_what_is_complete(
    serve: Serves, out: Path, number: signal.Signals, code: int
) -> None:
    """What was finished is published as a whole set, the record says what ended it, and so on."""
    serve("huggingface=slow:60s")
    only = ("--only", "x/week/sd21", "--only", "hf:likes")
    with started("generate", *only, "--fixed", "8/0ms", "-vv", "--report", "run.json") as process:
        assert process.stderr is not None
        assert any(line.startswith("200 ") for line in process.stderr)
        process.send_signal(number)
        told = process.stderr.read()
    assert process.returncode == code
    assert f"ended early by {number.name}; what was complete is published" in told
    assert f"{number.name}: ending with what is complete; once more ends at once\n" in told
    assert "CANCELLED" in told
    names = {path.name for path in out.glob("[!.]*")}
    assert names == {
        *("civitai-filter-x-week-sd21.json", "civitai-models.json", "civitai-stats.json"),
        *("index.json", "status.json"),
    }
    index = orjson.loads((out / "index.json").read_bytes())
    assert all(
        sha256((out / each["file"]).read_bytes()) == each["sha256"] for each in index["files"]
    )
    assert orjson.loads(Path("run.json").read_bytes())["ended_by"] == number.name


def test_the_server_serves_until_it_is_stopped(
    server: subprocess.Popen[str], manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sandbox` prints what to export, serves with its faults, and ends well when interrupted."""
    assert server.stdout is not None
    exported = dict(re.findall(r"(\w+)=(\S+)", server.stdout.readline()))
    assert sorted(exported) == ["CIVITAI_ENDPOINT", "HF_ENDPOINT"]
    for name, value in exported.items():
        monkeypatch.setenv(name, value)
    found = manifests(
        *("generate", "--only", "hf:mit", "--only", "x/day/sd21", "--attempts", "1"),
    )
    assert found.returncode == 3
    server.send_signal(signal.SIGINT)
    _, told = server.communicate()
    assert server.returncode == 0
    assert told.splitlines()[-1] == "requests: civitai 1, huggingface 1"
