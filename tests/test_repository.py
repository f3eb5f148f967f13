"""Hold the rules for all files of the repository, whatever they are written in."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path
    for path in (*ROOT.glob(".ci/*"), *ROOT.glob("scripts/**/*"))
    if path.is_file() and path.suffix in {"", ".sh"}
)
MACHINE = re.compile(r"pypi[.]org|pythonhosted[.]org|(?<![\w.}*-])/(?:root|work)/")
"""Hosts of registries, and absolute paths that only one machine has."""


def tracked_files() -> list[Path]:
    """Return the files that are in git, or would be with the next `git add`."""
    # In CI the checkout may belong to another user; listing its files is safe all the same.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]
    command.append("--exclude-standard")
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = {ROOT / name for name in listing.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_no_file_names_a_machine() -> None:
    """The project builds anywhere: no registry's host, no path of one machine."""
    found = {
        (str(path.relative_to(ROOT)), match[0])
        for path in tracked_files()
        for match in MACHINE.finditer(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert found == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_runs_and_says_what_for(path: Path) -> None:
    """A script is executable, and its second line is a sentence on its one job."""
    shebang, job, *_ = path.read_text(encoding="utf-8").splitlines()
    assert os.access(path, os.X_OK)
    assert shebang.startswith("#!/usr/bin/env ")
    assert re.match(r'(# |""")[A-Z].+[.:;,\w"]$', job)


def ignores() -> list[str]:
    """Return the lines of ruff's lists of ignored rules."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports")]
    return [
        line for line in ruff.splitlines() if re.search(r'"[A-Z]+\d*"', line) and "ALL" not in line
    ]


@pytest.mark.parametrize("line", ignores())
def test_an_ignored_rule_has_a_reason(line: str) -> None:
    """A rule of ruff's is left out for a reason that stands beside it."""
    assert re.search(r"# \w+", line)
