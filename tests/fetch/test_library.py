"""Which HTTP library a run uses is what its environment names, and httpx otherwise."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from manifests.errors import SettingsError
from manifests.fetch.library import http_library

if TYPE_CHECKING:
    from pathlib import Path

TELL = "import manifests.fetch.transport as home; print(home.httpx.AsyncClient.__module__)"


@pytest.mark.parametrize("name", ["requests", "httpx3", "os", "HTTPX2", "x" * 900, "httpx2.abc"])
def test_only_the_two_are_to_be_had(name: str) -> None:
    """A variable of the environment never imports whatever it names."""
    with pytest.raises(SettingsError, match="MANIFESTS_HTTP_CLIENT: there is no") as caught:
        http_library({"MANIFESTS_HTTP_CLIENT": name})
    assert caught.value.next_step == "use httpx or httpx2"
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("environ", [{}, {"MANIFESTS_HTTP_CLIENT": "  "}])
def test_httpx_is_what_nobody_has_to_ask_for(environ: dict[str, str]) -> None:
    """Without the variable it is the library that is required."""
    assert http_library(environ) is http_library({"MANIFESTS_HTTP_CLIENT": "httpx"})


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_what_is_named_fetches(name: str) -> None:
    """The variable decides what all requests go through."""
    command = [sys.executable, "-c", TELL]
    environ = {"MANIFESTS_HTTP_CLIENT": name}
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    assert done.stdout.strip().partition(".")[0] == name


def test_what_is_not_installed_is_told_with_its_cure(tmp_path: Path) -> None:
    """Without httpx2 the command ends with what to install, and asks nobody anything."""
    # A module that fails like one that isn't there stands before the one that is.
    (tmp_path / "httpx2.py").write_text("raise ModuleNotFoundError", encoding="utf-8")
    command = [sys.executable, "-m", "manifests", "generate", "--sandbox", "--out", str(tmp_path)]
    environ = {"MANIFESTS_HTTP_CLIENT": "httpx2", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, env=environ, cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: MANIFESTS_HTTP_CLIENT: httpx2 is not installed",
        "next: pip install 'manifests[httpx2]', or unset the variable to use httpx",
    ]
