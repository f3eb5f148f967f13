"""The settings file is found where tools look for theirs, and others' files are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.discovery import find_file, read_table, read_text
from manifests.errors import SettingsError

TABLE = "[project]\nname = 'site'\n[tool.manifests]\nout = 'public'\n"


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'manifests'\n",
        "[tool]\nmanifests-of-others = 1\n",
        "tool = 'manifests'\n",
        "<<<<<<< a merge that went wrong",
    ],
)
def test_a_project_that_says_nothing_to_us_is_none_of_ours(tmp_path: Path, text: str) -> None:
    """Only a table of our name is a settings file, and what else is in the file does not matter."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert find_file(tmp_path) == (None, ())


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    """Without any file all is as it always was."""
    assert find_file(tmp_path) == (None, ())


def test_a_broken_project_that_names_us_is_told(tmp_path: Path) -> None:
    """It may hold settings, and a run without them would be another one."""
    (tmp_path / "pyproject.toml").write_text("[tool.manifests\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"pyproject\.toml: Expected .* \(at line 1"):
        find_file(tmp_path)


def test_a_table_of_the_project_counts(tmp_path: Path) -> None:
    """`[tool.manifests]` will do where there is no file of our own."""
    (tmp_path / "pyproject.toml").write_text(TABLE, encoding="utf-8")
    assert find_file(tmp_path) == (tmp_path / "pyproject.toml", ())


@pytest.mark.parametrize(
    ("project", "noted"), [(TABLE, True), ("[project]\n", False), ("[tool.manifests\n", False)]
)
def test_of_two_our_own_counts(tmp_path: Path, project: str, *, noted: bool) -> None:
    """As with ruff and uv; whoever wrote both is told which one is not used."""
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    (tmp_path / "manifests.toml").write_text("", encoding="utf-8")
    path, notes = find_file(tmp_path)
    assert path == tmp_path / "manifests.toml"
    assert [("pyproject.toml is not used" in note) for note in notes] == [True] * noted


@pytest.mark.parametrize(
    ("data", "why"),
    [(None, "can't be read: No such file"), (b"out = '\xff'", "byte 8 is no UTF-8")],
)
def test_what_can_not_be_read_is_told(tmp_path: Path, data: bytes | None, why: str) -> None:
    """A file that is named must be there, and be text."""
    path = tmp_path / "own.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(SettingsError, match=why) as caught:
        read_text(path)
    assert "--config FILE" in caught.value.next_step


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "manifests.toml"
    path.write_text("out = 'a'", encoding="utf-8-sig")
    assert read_table(path, read_text(path)) == {"out": "a"}


def test_a_project_without_the_table_is_no_settings_file() -> None:
    """Whoever names it expects settings in it."""
    with pytest.raises(SettingsError, match=r"holds no table \[tool\.manifests\]"):
        read_table(Path("pyproject.toml"), "[project]\nname = 'manifests'\n")
