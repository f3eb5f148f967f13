"""The reference of the commands is what their help says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_reference_is_what_help_says() -> None:
    """docs/commands.md holds each command's help as it is now; scripts/reference writes it."""
    written = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["reference"]()
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == written
