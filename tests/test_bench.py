"""The bench runs, and what it writes can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]


def test_the_bench_measures_writes_and_draws(tmp_path: Path) -> None:
    """One seed of the shortest world makes a table, figures that make sense, and a chart."""
    command = [sys.executable, "-m", "benchmark", "--only", "bucket-told", "--seeds", "1"]
    command += ["--fixed-seeds", "0", "--json", str(tmp_path / "b" / "latest.json")]
    command += ["--docs", str(tmp_path), "--speed-up", "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "| token bucket, 5/s, Retry-After" in done.stdout
    world = json.loads((tmp_path / "b" / "latest.json").read_bytes())["worlds"]["bucket-told"]
    figures = world["strategies"]["controller"]
    assert world["least_seconds"] > 38
    assert figures["ratio"] >= 1
    assert figures["sent"] >= 1
    assert figures["done"] == 1
    assert "token bucket" in (tmp_path / "bench.md").read_text(encoding="utf-8")
    chart = ET.parse(tmp_path / "bench.svg").getroot()  # noqa: S314 - our own file
    assert chart.attrib["role"] == "img"
