"""A settings file is checked whole before anything is sent, and holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.configuration import read_configuration
from manifests.errors import SettingsError
from manifests.settings import Configuration
from manifests.settings_file import SettingsFile
from manifests.sources import SOURCES
from manifests.store.verdict import GateLimits

if TYPE_CHECKING:
    from pathlib import Path

INFOS = [source.info for source in SOURCES.values()]
WHOLE = """
filters = "lists"
out = "../public"
state = "/var/lib/manifests"
style = "compact"
max-concurrency = 4
fixed = "2/200ms"
attempts = 3
deadline = "10m"
max-failed = "5%"
wait = "1m"
resume = false
resume-within = "2h"
fresh-within = "6h"
cache = true
contact = "mail@example.org"
[endpoints]
civitai = "https://mirror.example/"
[gate]
max-shrink = "40%"
least-loss = 5
max-source-shrink = "12.5%"
accept-runs = 4
accept-after = "36h"
"""
FORMS = """
filters = 3
out = ""
style = "tiny"
max-concurrency = 33
attempts = 0
deadline = "soon"
fixed = "8"
max-failed = "0.1"
resume = "yes"
[gate]
max-shrink = 0.5
least-loss = "3"
accept-after = "forever"
"""


def read(folder: Path, text: str, name: str = "manifests.toml") -> Configuration:
    """Return what such a file says."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_configuration(path, INFOS)


def problems(folder: Path, text: str) -> list[str]:
    """Return what is wrong with such a file."""
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    assert "manifests schema settings" in caught.value.next_step
    prefix = f"{folder / 'manifests.toml'}: "
    lines = caught.value.cause.splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


def test_without_a_file_nothing_is_said() -> None:
    """All is as it always was, and a note is passed on."""
    assert read_configuration(None, INFOS, notes=["a note"]) == Configuration(notes=("a note",))


def test_a_whole_file(tmp_path: Path) -> None:
    """Options stay as they are written, but for folders, which are relative to the file."""
    found = read(tmp_path, WHOLE)
    assert found.options == {
        "filters": str(tmp_path / "lists"),
        "out": str(tmp_path / ".." / "public"),
        "state": "/var/lib/manifests",
        "style": "compact",
        "max_concurrency": 4,
        "fixed": "2/200ms",
        "attempts": 3,
        "deadline": "10m",
        "max_failed": "5%",
        "wait": "1m",
        "resume": False,
        "resume_within": "2h",
        "fresh_within": "6h",
        "cache": True,
    }
    assert found.origin == tmp_path / "manifests.toml"
    assert (found.contact, found.endpoints) == (
        "mail@example.org",
        {"civitai": "https://mirror.example"},
    )
    assert found.gate == GateLimits(
        max_shrink=0.4,
        least_loss=5,
        max_source_shrink=0.125,
        accept_runs=4,
        accept_after=129_600.0,
    )
    assert len(found.gate_keys) == 5


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    """What is not said is as it always was."""
    found = read(tmp_path, "")
    assert found == Configuration(origin=tmp_path / "manifests.toml")


def test_underscores_are_hyphens(tmp_path: Path) -> None:
    """Definitions spell `max_shrink`, and options `--max-failed`: either will do here."""
    found = read(tmp_path, 'max_failed = "5%"\n[gate]\naccept_after = "never"')
    assert found.options == {"max_failed": "5%"}
    assert found.gate.accept_after == float("inf")
    assert found.gate_keys == {"accept_after"}


def test_a_project_s_table(tmp_path: Path) -> None:
    """In `pyproject.toml` the same keys stand in `[tool.manifests]`, other tables are not ours."""
    text = '[project]\nname = "x"\n[tool.manifests]\nattempts = 2\n[tool.manifests.gate]\n'
    found = read(tmp_path, text + "accept-runs = 9\n", "pyproject.toml")
    assert (found.options, found.gate.accept_runs) == ({"attempts": 2}, 9)


def test_the_line_of_a_project_s_table(tmp_path: Path) -> None:
    """A key is looked for in our tables only."""
    text = "[tool.other]\nattempts = 2\n[tool.manifests]\nattempts = 99\n"
    with pytest.raises(SettingsError, match=r"attempts \(line 4\): takes at most 20"):
        read(tmp_path, text, "pyproject.toml")


def test_all_wrong_forms_are_told_at_once(tmp_path: Path) -> None:
    """Each with its key, its line, and what it takes."""
    assert problems(tmp_path, FORMS) == [
        "filters (line 2): takes text in quotes",
        "out (line 3): is empty",
        "style (line 4): takes 'standard' or 'compact'",
        "max-concurrency (line 5): takes at most 32",
        "fixed (line 8): '8' is no pace; write it as 4/100ms",
        "attempts (line 6): takes at least 1",
        "deadline (line 7): 'soon' is no duration; write it as 100ms, 90s or 10m",
        "max-failed (line 9): '0.1' is no share; write it as 10%",
        "resume (line 10): takes true or false",
        "gate.max-shrink (line 12): takes text such as '50%'",
        "gate.least-loss (line 13): takes a whole number",
        "gate.accept-after (line 14): takes text such as '24h' or 'never'",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "deadlin = 4",
            "deadlin (line 1): unknown key 'deadlin'; did you mean 'deadline'?",
        ),
        ("tool = 1", "tool (line 1): unknown key 'tool'"),
        (
            "gate.accept-run = 3",
            "gate.accept-run: unknown key 'accept-run'; did you mean 'accept-runs'?",
        ),
        ("gate = 3", "gate (line 1): takes a table"),
        ("endpoints = 3", "endpoints (line 1): takes a table"),
        ("attempts = 2.5", "attempts (line 1): takes a whole number"),
        ("attempts = true", "attempts (line 1): takes a whole number"),
        ('"a\\u001b[31m" = 1', "\"a\\u001b[31m\": unknown key 'a\\x1b[31m'"),
        (
            '[endpoints]\ncivitia = "https://x.example"',
            "endpoints.civitia: unknown source 'civitia'; did you mean 'civitai'?",
        ),
        (
            '[endpoints]\ncivitai = "https://me:word@x.example"',
            (
                "endpoints.civitai: is no endpoint; write it as https://civitai.com,"
                " without a user or password"
            ),
        ),
        (
            'max_failed = "1%"\nmax-failed = "2%"',
            "max_failed: is given twice, with hyphens and without",
        ),
        (
            "[gate]\nleast-loss = 1\nleast_loss = 2",
            "least_loss: is given twice, with hyphens and without",
        ),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, problem: str) -> None:
    """By key, with the nearest one that is right, and without anything that a terminal obeys."""
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        'civitai-token = "s3cr3t"',
        'HF_TOKEN = "s3cr3t"',
        '[tokens]\ncivitai = "s3cr3t"',
        '[endpoints]\napi_key = "s3cr3t"',
        '[gate]\npassword = "s3cr3t"',
    ],
)
def test_no_secret_belongs_into_a_file(tmp_path: Path, text: str) -> None:
    """Whoever writes one is told the variables, and it is not repeated."""
    (line,) = problems(tmp_path, text)
    assert line.endswith("no secret belongs into a file; set CIVITAI_TOKEN or HF_TOKEN instead")
    assert "s3cr3t" not in line


def test_no_toml(tmp_path: Path) -> None:
    """The place where reading ended is told."""
    with pytest.raises(SettingsError, match=r"manifests\.toml: Invalid value \(at line 1"):
        read(tmp_path, "out = manifests")


@given(
    key=st.sampled_from(
        [*SettingsFile.model_fields, "gate.max-shrink", "endpoints.civitai", "odd"]
    ),
    value=st.sampled_from(
        ["", "1", "0.5", "true", "'10%'", "'1h'", "[]", "{}", "1979-05-27", "'\\x'"]
    ),
)
def test_any_value_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: str
) -> None:
    """Nobody's file brings the tool down, and what is refused is told with a next step."""
    folder = tmp_path_factory.mktemp("settings")
    refused = ""
    try:
        read(folder, f"{key} = {value}")
    except SettingsError as error:
        refused = f"{error.cause}; {error.next_step}"
    assert refused == "" or refused.startswith(f"{folder / 'manifests.toml'}: ")
