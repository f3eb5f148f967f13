"""Find the settings file: `manifests.toml`, or `[tool.manifests]` of `pyproject.toml`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from manifests.errors import SettingsError
from manifests.tables import decode_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Most folders have none, and then nothing heavier than this module is needed to know it.

__all__ = ["NAMES", "TABLE", "find_file", "read_table", "read_text"]

FILE: Final = "manifests.toml"
PROJECT: Final = "pyproject.toml"
NAMES: Final = frozenset({FILE, PROJECT})
"""Of the files that are found by themselves."""
TABLE: Final = ("tool", "manifests")


def find_file(folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return the settings file of a folder, if it has one, and notes about it.

    Of two, `manifests.toml` counts, as with ruff and uv.

    Raises:
        SettingsError: there is only a `pyproject.toml`, and it can't be read.
    """
    own, project = folder / FILE, folder / PROJECT
    if not own.is_file():
        return (project if has_table(project) else None), ()
    with suppress(SettingsError):  # what is wrong with a file that does not count is not ours
        if has_table(project):
            return own, (f"[tool.manifests] in {project} is not used: {own} stands beside it",)
    return own, ()


def has_table(project: Path) -> bool:
    """Tell whether a `pyproject.toml` is there and says something to us.

    Raises:
        SettingsError: it names us, but can't be read.
    """
    if not project.is_file():
        return False
    text = read_text(project)
    # Most don't, and a project's own troubles with its file are none of ours.
    return TABLE[-1] in text and table_of(decode(project, text)) is not None


def read_text(path: Path) -> str:
    """Return the text of a settings file.

    Raises:
        SettingsError: it can't be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        why = f"can't be read: {error.strerror}"
    except UnicodeDecodeError as error:
        why = f"byte {error.start + 1} is no UTF-8"
    raise SettingsError(f"{path}: {why}", next_step="name another file with --config FILE")


def decode(path: Path, text: str) -> dict[str, object]:
    """Return the text of a TOML file, decoded.

    Raises:
        SettingsError: it is no TOML.
    """
    try:
        return decode_toml(text)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}", next_step="mend the file") from error


def table_of(document: Mapping[str, object]) -> object:
    """Return `[tool.manifests]` of a `pyproject.toml`; None when there is none."""
    found: object = document
    for name in TABLE:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def read_table(path: Path, text: str) -> Mapping[str, object]:
    """Return what the text of a settings file says to us.

    Raises:
        SettingsError: it is no TOML, or a `pyproject.toml` that says nothing to us.
    """
    document = decode(path, text)
    table = table_of(document) if path.name == PROJECT else document
    if not isinstance(table, dict):
        raise SettingsError(
            f"{path}: holds no table [tool.manifests]",
            next_step="add the table, or name another file with --config FILE",
        )
    return table
