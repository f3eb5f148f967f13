"""Every command says what it takes, and refuses what it can't use before anything is sent."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from manifests import __version__
from manifests.cli import main
from manifests.cli.app import app, app_for

if TYPE_CHECKING:
    from tests.cli.conftest import RunsCommand, Serves

COMMANDS = ("generate", "list", "plan", "sandbox", "schema", "test-filter")
WRONG_KEY = """
source = "huggingface"
sort = "downloads"
limmit = 5
[[filters]]
path = "filter/a"
"""
WRONG_VALUES = """
source = "civitai"
sort = "Most Downloadd"
[[facets]]
name = "period"
default = "all"
slugs = { all = "AllTime", week = "Weak" }
"""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(manifests: RunsCommand, command: str, flag: str) -> None:
    """Each command explains itself, with an example of its own."""
    found = manifests(command, flag)
    assert found.returncode == 0
    assert f"manifests {command}" in found.stdout.partition("Example")[2]


def test_root_help_lists_the_commands(manifests: RunsCommand) -> None:
    """The help of the whole names every command."""
    found = manifests("-h")
    listed = found.stdout.partition("Commands:")[2].splitlines()
    assert found.returncode == 0
    assert {line.split()[0] for line in listed if line.startswith("  ")} >= set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("generate", "--nonsense"), "No such option: --nonsense"),
        (
            ("generate", "--attempts", "0"),
            "'--attempts' (env var: 'MANIFESTS_ATTEMPTS'): Input should be greater than or equal",
        ),
        (("generate", "--attempts", "many"), "Input should be a valid integer"),
        (("generate", "--max-concurrency", "0"), "'--max-concurrency' (env var: "),
        (("generate", "--deadline", "soon"), "'MANIFESTS_DEADLINE'): 'soon' is no duration"),
        (("generate", "--fixed", "8"), "'--fixed' (env var: 'MANIFESTS_FIXED'): '8' is no pace"),
        (("generate", "--max-failed", "0.1"), "(env var: 'MANIFESTS_MAX_FAILED'): '0.1' is no"),
        (("generate", "--max-failed", "101%"), "'101%' is no share; write it as 10%"),
        (("generate", "--style", "tiny"), "unknown style 'tiny'; use standard or compact"),
        (("generate", "--report", "no/such/report.json"), "error: --report no/such/report.json"),
        (("generate", "--report", "."), "error: --report .: that is a folder"),
        (("generate", "--source", "hugingface"), "did you mean 'huggingface'?"),
        (("generate", "--only", "x/weak"), "did you mean 'x/week'?"),
        (("test-filter", "likes/smal"), "did you mean 'likes/small'?"),
        (("test-filter", "nobody:x"), "unknown source 'nobody'"),
        (("test-filter", "pg/*"), "names 59 filters: civitai:filter/pg/sdxl, "),
        (("test-filter",), "Missing argument 'FILTER'"),
        (("schema", "nonsense"), "error: no schema 'nonsense'"),
    ],
)
def test_wrong_usage(
    manifests: RunsCommand, serve: Serves, arguments: tuple[str, ...], message: str
) -> None:
    """What can't be used ends with exit code 2 and a hint, and nothing is sent or written."""
    upstream = serve(models=10)
    found = manifests(*arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr
    assert sum(upstream.requests.values()) == 0
    assert [path.name for path in Path().iterdir()] == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (WRONG_KEY, ["limmit (line 4): unknown key 'limmit'; did you mean 'limit'?"]),
        (
            WRONG_VALUES,
            [
                "sort (line 3): unknown order 'Most Downloadd'; did you mean 'Most Downloaded'?",
                "facets[0].slugs.week (line 7): unknown value 'Weak'; did you mean 'Week'?",
            ],
        ),
        ("source = ", ["Invalid value (at end of document)"]),
        (
            'source = "civitia"',
            ["source (line 1): unknown source 'civitia'; did you mean 'civitai'?"],
        ),
    ],
    ids=["key", "values", "no TOML", "source"],
)
@pytest.mark.parametrize("command", [("generate",), ("test-filter", "a"), ("list",), ("plan",)])
def test_wrong_definitions(
    manifests: RunsCommand,
    serve: Serves,
    command: tuple[str, ...],
    text: str,
    problems: list[str],
) -> None:
    """All that is wrong is named by file, key and line, with the nearest right name, unsent."""
    upstream = serve(models=10)
    Path("defs").mkdir()
    Path("defs/wrong.toml").write_text(text, encoding="utf-8")
    found = manifests(*command, "--filters", "defs")
    assert found.returncode == 2
    *lines, last = found.stderr.splitlines()
    assert lines == [f"error: defs/wrong.toml: {line}" for line in problems]
    assert last == "next: mend the definitions; nothing was sent"
    assert sum(upstream.requests.values()) == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HF_TOKEN", "sk-not-of-hugging-face"),
        ("CIVITAI_TOKEN", "two words-that-are-no-token"),
        ("HF_ENDPOINT", "ftp://secret.example"),
        ("CIVITAI_ENDPOINT", "https://secret:word@civitai.example"),
    ],
)
@pytest.mark.parametrize("command", [("generate",), ("test-filter", "x/week/sd21")])
def test_wrong_environment(
    manifests: RunsCommand,
    serve: Serves,
    monkeypatch: pytest.MonkeyPatch,
    *,
    command: tuple[str, ...],
    variable: str,
    value: str,
) -> None:
    """An unusable variable is refused by its name; its value is not shown."""
    upstream = serve(models=10)
    monkeypatch.setenv(variable, value)
    found = manifests(*command)
    assert found.returncode == 2
    assert variable in found.stderr
    assert value not in found.stderr
    assert sum(upstream.requests.values()) == 0


def test_a_token_does_not_travel_in_the_clear(
    manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token is not sent over plain HTTP to another machine."""
    monkeypatch.setenv("CIVITAI_TOKEN", "s" * 32)
    monkeypatch.setenv("CIVITAI_ENDPOINT", "http://civitai.example")
    found = manifests("generate")
    assert found.returncode == 2
    assert "CIVITAI_TOKEN would travel unencrypted" in found.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--simulate", "42:10%"), "error: --simulate: unknown fault '42'"),
        (("--simulate", "429:lots"), "next: a share is written like 429:10%"),
        (("--data", "nowhere"), "error: nowhere holds no recorded pages"),
        (("--port", "70000"), "'--port': Input should be less than or equal to 65535"),
    ],
)
def test_wrong_sandbox(manifests: RunsCommand, options: tuple[str, ...], message: str) -> None:
    """A sandbox that can't be set up as asked does not start."""
    found = manifests("sandbox", *options)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr


def test_busy_port(manifests: RunsCommand) -> None:
    """A port that someone else holds is named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        found = manifests("sandbox", "--port", str(port))
    assert found.returncode == 2
    assert found.stderr.startswith(f"error: port {port} is taken\nnext: choose another with --port")


def test_version(manifests: RunsCommand) -> None:
    """The version is printed as data, whichever way the command is started."""
    found = manifests("--version")
    assert (found.returncode, found.stdout) == (0, f"manifests {__version__}\n")
    module = subprocess.run(
        [sys.executable, "-m", "manifests", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert module.stdout == f"manifests {__version__}\n"


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], None), (["schema", "x"], 2)])
def test_the_entry_point(
    arguments: list[str],
    code: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The installed command takes its arguments from the shell; a version ends it at once."""
    monkeypatch.setattr(sys, "argv", ["manifests", *arguments])
    if code is None:
        main()
        assert capsys.readouterr().out == f"manifests {__version__}\n"
        return
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code


def test_schema_is_data(manifests: RunsCommand) -> None:
    """A schema goes to stdout, whole and alone."""
    found = manifests("schema", "filters")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("{\n")
    assert found.stdout.endswith("}\n")


@pytest.mark.parametrize("name", ["generate", "list", "test-filter", "settings", "runs"])
def test_a_command_line_gets_its_command_alone(name: str) -> None:
    """What is not named is not read, and the app itself stays whole."""
    named = app_for([name, "--help"])
    assert len(named.registered_commands) + len(named.registered_groups) == 1
    assert len(app.registered_commands) > len(COMMANDS)
    assert len(app.registered_groups) == 1


@pytest.mark.parametrize("arguments", [[], ["--config", "a", "list"], ["lst"], ["explain_filter"]])
def test_a_command_line_without_a_command_gets_all(arguments: list[str]) -> None:
    """Whoever errs is told of all that there is."""
    assert app_for(arguments) is app
