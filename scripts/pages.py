"""Make a run on a bad day, and take pictures of its page and of the preview in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from playwright.sync_api import sync_playwright

from manifests.clock import Clock
from manifests.sandbox.server import SandboxOptions, running

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MANIFESTS = str(Path(sys.executable).parent / "manifests")
DAYS = ("", "civitai=504:20%,latency:300ms,hf=empty")
"""What upstream suffers from, day by day; the last one is in the picture."""
LIST = "index.html#/civitai/pg13/week/sdxl"


def make_run(day: str, folder: Path) -> None:
    """Make a run, with a page of it; the exit code is part of the picture."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            running(SandboxOptions(simulate=day, models=5_000), clock=Clock())
        ) as upstream,
    ):
        endpoints = {"CIVITAI_ENDPOINT": upstream.url, "HF_ENDPOINT": upstream.url}
        command = [MANIFESTS, "generate", "--quiet", "--report", "run.html"]
        subprocess.run(
            [*command, "--attempts", "2", "--deadline", "90s"],
            cwd=folder,
            env={**os.environ, **endpoints},
            capture_output=True,
            check=False,
        )


def take_pictures(folder: Path) -> None:
    """Open both pages, and keep what a person would see of them first."""
    shown = {"page.png": folder / "run.html", "preview.png": folder / "site" / LIST}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, page in shown.items():
            tab = browser.new_page(viewport={"width": 1200, "height": 860})
            tab.goto(f"file://{page}")
            tab.wait_for_load_state("networkidle")
            tab.screenshot(path=str(DOCS / name))
        browser.close()


def main() -> None:
    """Draw both pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "filters", folder / "filters")  # no path of ours in the picture
        for day in DAYS:
            make_run(day, folder)
        preview = [MANIFESTS, "preview", "--to", "site"]
        subprocess.run(preview, cwd=folder, check=True, capture_output=True)
        take_pictures(folder)


if __name__ == "__main__":
    main()
