"""What a run was told is what its suggestions tell again."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.cli.ordering import same_file
from manifests.settings import Configuration


@pytest.mark.parametrize(
    ("origin", "flag"),
    [
        (None, ""),
        (Path("manifests.toml"), ""),
        (Path("pyproject.toml"), ""),
        (Path("elsewhere/manifests.toml"), " --config elsewhere/manifests.toml"),
        (Path("my file.toml"), " --config 'my file.toml'"),
    ],
)
def test_a_settings_file_is_named_again(origin: Path | None, flag: str) -> None:
    """A file that a command finds by itself need not be named, any other must be."""
    assert same_file(Configuration(origin=origin)) == flag


def test_no_settings_file_is_not_named() -> None:
    """Without a settings file there is nothing to repeat."""
    assert same_file(None) == ""
