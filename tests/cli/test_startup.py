"""What each command imports before it does anything: nothing heavy that it does not need."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.cli import main
from manifests.cli.quick import (
    HELP_WIDTHS,
    answer,
    bound,
    columns,
    forget_odd_sizes,
    help_file,
    pages,
)

ROOT = Path(__file__).parents[2]

HEAVY = frozenset(
    {
        *("anyio", "asyncio", "brotli", "h11", "httpx", "importlib.metadata", "nh3", "orjson"),
        *("pydantic", "rich", "sqlite3", "ssl", "typer", "zstandard"),
    }
)
"""What takes more than a few milliseconds, or leads to what does."""
TYPER = frozenset({"importlib.metadata", "pydantic", "typer"})
"""What any command takes that typer runs."""
READING = TYPER | {"nh3", "orjson", "rich"}

MEASURE = """
import atexit, sys
before = {*sys.modules}
tell = lambda: print(*({*sys.modules} - before), file=sys.stderr)
atexit.register(tell)
sys.argv = ["manifests", *sys.argv[1:]]
from manifests.cli import main
main()
"""


def imported(*arguments: str) -> set[str]:
    """Return the modules that a command imports, in a process of its own."""
    return {*run("-c", MEASURE, *arguments).stderr.splitlines()[-1].split()}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python where nothing but *environment* is set."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        check=True,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "heavy", "most"),
    [
        ("--version", frozenset(), 8),
        ("--help", frozenset(), 45),
        ("list --out nowhere", {"nh3"}, 100),
        ("list --out nowhere --json", {"nh3"}, 100),
        ("generate --help", frozenset(), 45),
        ("runs show --help", frozenset(), 45),
        ("generate --quiet --help", TYPER, 265),
        ("sandbox --seed 1 --help", TYPER, 265),
        ("list --out nowhere --source hf", READING | {"zstandard"}, 370),
        ("plan", READING | {"zstandard"}, 370),
        ("schema manifest", READING - {"rich"}, 310),
    ],
)
def test_a_command_imports_what_it_needs(arguments: str, heavy: set[str], most: int) -> None:
    """Which heavy libraries, by name, and how many modules in all, with some room for Python's."""
    found = imported(*arguments.split())
    assert found & HEAVY == heavy
    assert len(found) <= most


def test_a_run_imports_only_what_it_needs() -> None:
    """Neither what serves pages, nor what reads a settings file, nor what only others show."""
    command = [sys.executable, "-c", MEASURE, "generate", "--filters", "nowhere"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = {*asked.stderr.splitlines()[-1].split()}
    assert asked.returncode == 2
    assert "manifests.runner" in found
    unneeded = ("sandbox", "settings_file", "cli.explain", "cli.retry", "report.traces", "doctor")
    assert {
        name for name in found if name.startswith(tuple(f"manifests.{x}" for x in unneeded))
    } == set()
    assert len(found) <= 560


def test_the_installed_command_brings_no_weight() -> None:
    """The script that the installer writes imports our package and little else."""
    script = Path(sys.executable).with_name("manifests")
    asked = run("-X", "importtime", str(script), "--version")
    found = {line.rpartition("|")[2].strip() for line in asked.stderr.splitlines()}
    assert "manifests.cli" in found
    assert found & {"enum", "re", "typing"} == set()


@pytest.mark.parametrize("width", HELP_WIDTHS)
def test_the_kept_help_is_what_the_long_way_says(width: int) -> None:
    """The text in the package is typer's; scripts/reference writes it."""
    asked = run("-m", "manifests", "--help", COLUMNS=str(width), MANIFESTS_LONG_WAY="1")
    assert answer(["--help"], {"COLUMNS": str(width)}) == asked.stdout
    assert answer(["-h"], {"COLUMNS": str(width)}) == asked.stdout


@pytest.mark.parametrize("width", HELP_WIDTHS)
def test_a_command_has_its_own_kept_help(width: int) -> None:
    """A terminal, which typer measures by itself, gets to see what was written without one."""
    asked = run("-m", "manifests", "generate", "-h", COLUMNS=str(width), MANIFESTS_LONG_WAY="1")
    assert answer(["generate", "--help"], {"COLUMNS": str(width)}) == asked.stdout


@pytest.mark.parametrize("width", HELP_WIDTHS)
def test_all_help_is_kept_as_it_is_now(width: int) -> None:
    """No command is forgotten when its options change: scripts/reference writes them all."""
    written = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["kept_help"](width)
    assert help_file(width).read_text(encoding="utf-8") == written
    assert bound(pages(written)) == written
    assert {"", "generate", "runs", "runs show", "test-filter"} <= pages(written).keys()


@pytest.mark.parametrize(
    ("environment", "width"),
    [
        ({}, 80),
        ({"COLUMNS": "0"}, 80),
        ({"COLUMNS": "many"}, 80),
        ({"COLUMNS": "9" * 5000}, 80),
        ({"COLUMNS": "132"}, 132),
    ],
)
def test_a_pipe_is_as_wide_as_it_says(environment: dict[str, str], width: int) -> None:
    """Without a terminal the variable counts, and 80 where it says nothing."""
    assert columns(environment) == width


@pytest.mark.parametrize("size", ["9" * 5000, "²", "-1", "many", ""])
def test_a_size_that_is_none_does_not_count(size: str) -> None:
    """What reads the variables later may take such a text for a number, and end with it."""
    environment = {"COLUMNS": size, "LINES": size, "OTHER": size}
    forget_odd_sizes(environment)
    assert environment == {"OTHER": size}


def test_a_size_counts_as_it_is() -> None:
    """A number of columns or lines stays."""
    environment = {"COLUMNS": "132", "LINES": "0050"}
    forget_odd_sizes(environment)
    assert environment == {"COLUMNS": "132", "LINES": "0050"}


@pytest.mark.parametrize("arguments", ["--help", "list --source civitai"])
def test_no_size_of_a_terminal_ends_a_command(arguments: str) -> None:
    """Neither the quick way nor the long one falls over what a shell exports."""
    asked = run("-m", "manifests", *arguments.split(), COLUMNS="9" * 5000, LINES="²")
    assert asked.stdout
    assert not asked.stderr


def test_help_for_other_widths_takes_the_long_way() -> None:
    """A narrower terminal has lines of its own; a wider one has those of the widest."""
    assert answer(["--help"], {"COLUMNS": "60"}) is None
    assert answer(["--help"], {"COLUMNS": "90"}) is None
    assert answer(["plan", "--help"], {"COLUMNS": "90"}) is None
    assert answer(["--help"], {"COLUMNS": "200"}) == answer(["--help"], {"COLUMNS": "100"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--source", "hf"],
        ["list", "--only", "x/*"],
        ["list", "--json", "--help"],
        ["lists", "--help"],
        ["runs", "show", "latest", "--help"],
        ["list", "--out"],
        ["list", "--out", "--json"],
        ["list", "more"],
        ["--help", "list"],
        ["plan"],
        [],
    ],
)
def test_what_is_not_plain_takes_the_long_way(arguments: list[str]) -> None:
    """Selections, mistakes and all other commands are for those who know them."""
    assert answer(arguments, {}) is None


def test_variables_of_ours_take_the_long_way() -> None:
    """They may say where things are, or ask for a completion."""
    assert answer(["list"], {"MANIFESTS_OUT": "there"}) is None
    assert answer(["--help"], {"_MANIFESTS_COMPLETE": "complete_bash"}) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("manifests.toml", ""), ("pyproject.toml", "[tool.manifests]"), ("pyproject.toml/x", "")],
)
def test_a_settings_file_takes_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """It has a say in where things are; one that can't be read is told there."""
    monkeypatch.chdir(tmp_path)
    filters = str(ROOT / "filters")
    assert answer(["list", "--json", "--filters", filters], {}) is not None
    assert answer(["list", "--help"], {"COLUMNS": "80"}) is not None
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert answer(["list", "--json", "--filters", filters], {}) is None
    assert answer(["list", "--help"], {"COLUMNS": "80"}) is None
    assert answer(["--help"], {"COLUMNS": "80"}) is not None


def test_a_settings_file_that_can_not_be_read_takes_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with it is told there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").mkdir()
    assert answer(["list"], {}) is None


def test_definitions_that_are_not_plain_take_the_long_way(tmp_path: Path) -> None:
    """A folder without any is told of there, too."""
    assert answer(["list", "--filters", str(tmp_path)], {}) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--version"], "manifests "),
        (["--help"], "Usage: "),
        (["plan", "-h"], "Usage: manifests plan "),
        (["list", "--json"], "[\n"),
    ],
)
def test_the_command_answers_at_once(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    """It prints the answer to what is plain, and is done."""
    monkeypatch.chdir(ROOT)
    for name in [each for each in os.environ if each.startswith("MANIFESTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["manifests", *arguments])
    main()
    assert capsys.readouterr().out.startswith(words)


def test_the_command_goes_the_long_way_for_all_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it leaves with an exit code, as typer has it."""
    for arguments in (["list", "--json", "--help"], ["plan", "--json", "--help"]):
        monkeypatch.setattr(sys, "argv", ["manifests", *arguments])
        with pytest.raises(SystemExit, match="0"):
            main()
        assert capsys.readouterr().out.startswith(f"Usage: manifests {arguments[0]}")
