"""Flags go before variables, those before the settings file, and that before defaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunsCommand, Serves

SETTINGS = Path("manifests.toml")
WRONG = "dedline = '10m'\n"
MISSPELT = "unknown key 'dedline'; did you mean 'deadline'?"


def write(text: str, path: Path = SETTINGS) -> None:
    """Write a settings file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def in_force(manifests: RunsCommand, name: str, *arguments: str) -> tuple[object, object, object]:
    """Return value, origin and place of a setting."""
    found = manifests(*arguments[:2], "settings", "--json", *arguments[2:])
    assert found.returncode == 0
    rows = {row["name"]: row for row in orjson.loads(found.stdout)["settings"]}
    return rows[name]["value"], rows[name]["from"], rows[name]["place"]


def test_each_goes_before_the_next(manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default gives way to the file, that to a variable, and that to a flag."""
    neutral = ("--config", "manifests.toml")
    write("")
    assert in_force(manifests, "deadline", *neutral) == ("30m", "default", None)
    write('deadline = "10m"')
    assert in_force(manifests, "deadline", *neutral) == ("10m", "file", "manifests.toml")
    monkeypatch.setenv("MANIFESTS_DEADLINE", "5m")
    told = in_force(manifests, "deadline", *neutral)
    assert told == ("5m", "variable", "MANIFESTS_DEADLINE")
    told = in_force(manifests, "deadline", *neutral, "--deadline", "1m")
    assert told == ("1m", "flag", "--deadline")


@pytest.mark.parametrize(
    ("name", "flag"), [("cache", "--no-cache"), ("resume", "--no-resume"), ("cache", "--cache")]
)
def test_switches_have_three_places_too(
    manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch, name: str, flag: str
) -> None:
    """What is on or off is so by flag, by variable or by file."""
    on = not flag.startswith("--no-")
    neutral = ("--config", "manifests.toml")
    write(f"{name} = {str(not on).lower()}")
    assert in_force(manifests, name, *neutral) == (not on, "file", "manifests.toml")
    assert in_force(manifests, name, *neutral, flag) == (on, "flag", flag)
    monkeypatch.setenv(f"MANIFESTS_{name.upper()}", str(on).lower())
    told = in_force(manifests, name, *neutral)
    assert told == (on, "variable", f"MANIFESTS_{name.upper()}")


def test_the_file_is_looked_for_in_the_working_folder(manifests: RunsCommand) -> None:
    """`manifests.toml` is used unasked, and so is a table in `pyproject.toml` where it is alone."""
    write("[tool.manifests]\nattempts = 2\n", Path("pyproject.toml"))
    rows = orjson.loads(manifests("settings", "--json").stdout)
    assert rows["file"] == "pyproject.toml"
    write("attempts = 3\n")
    found = manifests("settings", "--json")
    assert orjson.loads(found.stdout)["file"] == "manifests.toml"
    assert found.stderr == (
        "[tool.manifests] in pyproject.toml is not used: manifests.toml stands beside it\n"
    )


def test_a_named_file_takes_the_place_of_any_other(
    manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option or by variable; its folders are relative to it, wherever the command runs."""
    monkeypatch.delenv("MANIFESTS_OUT")
    write(WRONG)
    write('out = "public"\n', Path("elsewhere/own.toml"))
    chosen = ("--config", "elsewhere/own.toml")
    told = in_force(manifests, "out", *chosen)
    assert told == ("elsewhere/public", "file", "elsewhere/own.toml")
    monkeypatch.setenv("MANIFESTS_CONFIG", "elsewhere/own.toml")
    assert manifests("settings").returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        *(("generate",), ("test-filter", "x"), ("retry",), ("list",), ("plan",), ("status",)),
        *(("diff",), ("accept", "x"), ("runs",), ("runs", "show"), ("settings",)),
    ],
)
def test_a_wrong_file_is_told_before_anything_is_done(
    manifests: RunsCommand, serve: Serves, command: tuple[str, ...]
) -> None:
    """It ends with exit code 2, the key, its line and the nearest one; nothing is sent."""
    upstream = serve(models=10)
    write(WRONG)
    found = manifests(*command)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.splitlines() == [
        f"error: manifests.toml: dedline (line 1): {MISSPELT}",
        "next: mend the file; its keys are shown by: manifests schema settings",
    ]
    assert sum(upstream.requests.values()) == 0


def test_help_and_schema_survive_a_wrong_file(manifests: RunsCommand, tmp_path: Path) -> None:
    """They are what it takes to mend it."""
    write(WRONG)
    assert manifests("schema", "settings").returncode == 0
    command = [sys.executable, "-m", "manifests", "generate", "--help"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "--deadline TIME" in found.stdout


def test_a_file_that_is_not_there_is_told(manifests: RunsCommand) -> None:
    """Whoever names a file means it."""
    found = manifests("--config", "nix.toml", "list")
    assert found.returncode == 2
    assert "error: nix.toml: can't be read: No such file" in found.stderr


def test_a_run_goes_by_the_file(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Folders, pace, layout and endpoints of the file are those of the run, with no flag at all."""
    upstream = serve(models=240)
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT", "MANIFESTS_OUT", "MANIFESTS_STATE"):
        monkeypatch.delenv(name)
    write(
        f"""
        out = "public"
        state = "memory"
        style = "compact"
        fixed = "8/0ms"
        attempts = 1
        contact = "mail@example.org"
        [endpoints]
        civitai = "{upstream.url}"
        huggingface = "{upstream.url}/"
        """
    )
    found = manifests("generate", "--only", "hf:likes")
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "public/hf-filter-likes.json").read_bytes().startswith(b'{"f":')
    assert (tmp_path / "memory").is_dir()
    runs = orjson.loads(manifests("runs", "--json").stdout)
    shown = manifests("runs", "show", runs[0]["run"])
    assert (shown.returncode, len(runs)) == (0, 1)


def test_the_gate_goes_by_the_file(manifests: RunsCommand, serve: Serves, lists: Path) -> None:
    """A threshold of the file decides what is held back, and says so."""
    assert lists.is_dir()
    serve(models=240)
    run = ("generate", "--fixed", "8/0ms", "--attempts", "1", "--source", "hf")
    assert manifests(*run).returncode == 0
    first = serve(models=220)
    assert manifests(*run, "--dry-run").returncode == 0
    assert sum(first.requests.values()) > 0
    write('[gate]\nmax-shrink = "1%"\nleast-loss = 1\n')
    found = manifests(*run, "--dry-run")
    assert found.returncode == 1
    assert "at most 1% may go" in " ".join(found.stderr.split())


def test_a_run_says_which_file_is_not_used(manifests: RunsCommand, serve: Serves) -> None:
    """A run says it once, unless it was asked to be quiet."""
    serve(models=60)
    write("[tool.manifests]\n", Path("pyproject.toml"))
    write('fixed = "8/0ms"')
    run = ("generate", "--only", "hf:likes")
    assert "pyproject.toml is not used" in manifests(*run).stderr
    assert "pyproject.toml is not used" not in manifests(*run, "--quiet").stderr
