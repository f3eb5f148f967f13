"""The comparison with other tools runs, and what it writes can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]

OTHERS = "# Performance\n\n<!-- growth -->\nof somebody else\n<!-- /growth -->\n"


def test_the_comparison_measures_writes_and_draws(tmp_path: Path) -> None:
    """A few pages make a table, figures that make sense, a chart, and one section of a page."""
    command = [sys.executable, "-m", "peers", "--only", "manifests generate", "--rounds", "1"]
    command += ["--here", "--civitai", "2", "--hub", "1", "--docs", str(tmp_path)]
    command += ["--json", str(tmp_path / "b" / "peers.json")]
    page = tmp_path / "performance.md"
    page.write_text(OTHERS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    # Elsewhere, so that no environment of an earlier comparison is there to be taken.
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "| CivitAI | manifests generate |" in done.stdout
    rows = json.loads((tmp_path / "b" / "peers.json").read_bytes())["rows"]
    assert [(row["source"], row["tool"]) for row in rows] == [
        ("civitai", "curl --parallel"),
        ("civitai", "manifests generate"),
        ("huggingface", "curl --parallel"),
        ("huggingface", "manifests generate"),
    ]
    assert all(row["ratio"] == 1 for row in rows[::2])
    assert all(row["ratio"] > 1 < row["memory"] for row in rows[1::2])
    assert all(row["start"] > 0 for row in rows)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(OTHERS)
    assert text.count("<!-- peers -->") == text.count("<!-- /peers -->") == 1
    assert done.stdout.strip() in text
    chart = ET.parse(tmp_path / "peers.svg").getroot()  # noqa: S314 - our own file
    assert chart.attrib["role"] == "img"


def test_a_tool_that_fails_is_named(tmp_path: Path) -> None:
    """A figure of a run that failed would be a lie: the comparison ends with what the tool said."""
    command = [sys.executable, "-m", "peers", "--only", "curl --parallel", "--rounds", "1"]
    command += ["--civitai", "0", "--hub", "0", "--json", str(tmp_path / "peers.json")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "curl ended with" in done.stderr
    assert not (tmp_path / "peers.json").exists()
