"""A run opens the budget that it is told of, and refuses what it can't mean before any request."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from manifests.cli.budgeting import open_budget
from manifests.cli.wiring import FetchFlags, settings_of
from manifests.errors import SettingsError
from manifests.fetch.budget import Ask, BudgetLostError
from manifests.fetch.budget_place import parse_place

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_REDIS = """
import sys
sys.modules["redis"] = None
import anyio
from manifests.cli.budgeting import open_budget
from manifests.errors import SettingsError
from manifests.fetch.budget_place import parse_place

async def main():
    try:
        async with open_budget(parse_place("redis://127.0.0.1:9/0")):
            pass
    except SettingsError as error:
        sys.stdout.write(f"{error.cause}; {error.next_step}")

anyio.run(main)
"""


def generate(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Make the smallest run of the sandbox."""
    command = [sys.executable, "-m", "manifests", "generate", "--sandbox", "--source", "hf"]
    command += ["--out", str(tmp_path / "out"), "--state", str(tmp_path / "state"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_without_a_place_there_is_none() -> None:
    """A run that shares with nobody opens nothing."""
    async with open_budget(None) as budget:
        assert budget is None


async def test_a_file_is_opened_when_it_is_asked(tmp_path: Path) -> None:
    """The file is made with the first word."""
    path = tmp_path / "budget.sqlite3"
    async with open_budget(parse_place(f"sqlite:{path}")) as budget:
        assert budget is not None
        assert not path.exists()
        assert (await budget.exchange("k", Ask(member="a", want=2))).granted == 2
    assert path.exists()


async def test_a_server_that_is_not_there_is_a_lost_budget() -> None:
    """A refused connection is found out by the first word, and is no error of the settings."""
    async with open_budget(parse_place("redis://:hunter2@127.0.0.1:9/0")) as budget:
        assert budget is not None
        with pytest.raises(BudgetLostError, match=r"redis://127\.0\.0\.1:9/0") as caught:
            await budget.exchange("k", Ask(member="a"))
    assert "hunter2" not in str(caught.value)


def test_a_missing_client_is_named() -> None:
    """Without the extra, the error says how to install it."""
    command = [sys.executable, "-c", WITHOUT_REDIS]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "not installed; install it with: pip install 'manifests[redis]'" in told


def test_a_fixed_pace_shares_nothing(tmp_path: Path) -> None:
    """A pace that finds nothing out has nothing to share: one of the two is refused."""
    flags = FetchFlags(
        filters=tmp_path,
        out=tmp_path,
        sandbox=True,
        concurrency=8,
        pace="2/200ms",
        attempts=8,
        deadline="1m",
    )
    with pytest.raises(SettingsError, match="--shared-budget"):
        settings_of(flags, budget="redis://localhost")


def test_a_wrong_url_is_refused_without_its_password(tmp_path: Path) -> None:
    """A URL that can't be used ends the command with 2, naming the option and not the value."""
    ended = generate(tmp_path, "--shared-budget", "rdeis://ops:hunter2@host/0")
    assert ended.returncode == 2
    assert "--shared-budget" in ended.stderr
    assert "sqlite:PATH" in ended.stderr
    assert "hunter2" not in ended.stderr + ended.stdout


def test_a_run_goes_on_without_its_server(tmp_path: Path) -> None:
    """A server that is not there costs one warning, and no manifest."""
    ended = generate(tmp_path, "--shared-budget", "redis://ops:hunter2@127.0.0.1:9/0")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("redis://127.0.0.1:9/0 is lost") == 1
    assert "hunter2" not in ended.stderr + ended.stdout


def test_a_run_uses_a_file(tmp_path: Path) -> None:
    """A run with a budget in a file makes its manifests, and leaves the file."""
    path = tmp_path / "budget.sqlite3"
    ended = generate(tmp_path, "--shared-budget", f"sqlite:{path}")
    assert ended.returncode == 0, ended.stderr
    assert path.exists()
    assert "lost" not in ended.stderr
