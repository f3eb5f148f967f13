"""What CI and cron are given works: the steps of action and template run, the units are valid."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / "docs" / "ci" / "github.yml").read_text(encoding="utf-8"))
CRONTAB = (ROOT / "scripts" / "cron" / "manifests.crontab").read_text(encoding="utf-8")
SERVICE = (ROOT / "scripts" / "cron" / "manifests.service").read_text(encoding="utf-8")


def step(steps: list[dict[str, object]], key: str, value: str) -> dict[str, str]:
    """Return the step whose *key* is *value*, as texts."""
    found = next(each for each in steps if each.get(key) == value)
    return {name: str(text) for name, text in found.items()}


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run *script* as a runner of CI would, in *folder*."""
    bash = shutil.which("bash") or "bash"
    command = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A runner's folder in which the tool stands where the action installs it."""
    programs = tmp_path / "manifests" / "bin"
    programs.mkdir(parents=True)
    (programs / "manifests").symlink_to(Path(sys.executable).parent / "manifests")
    return tmp_path


def test_the_action_runs_and_hands_its_outputs_on(installed: Path, tmp_path: Path) -> None:
    """The action's script makes a run with a page, a summary, and every output it promises."""
    output, summary = tmp_path / "output.txt", tmp_path / "summary.md"
    run = step(ACTION["runs"]["steps"], "id", "run")
    done = shell(
        run["run"],
        tmp_path,
        RUNNER_TEMP=str(installed),
        GITHUB_ACTIONS="true",
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(summary),
        MANIFESTS_FILTERS=str(ROOT / "filters"),
        MANIFESTS_OUT="manifests-out",
        MANIFESTS_STATE=".manifests",
        OPTIONS="--sandbox --source hf",
        REPORTS="reports",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reports" / "run.json").stat().st_size > 0
    assert "<!doctype html>" in (tmp_path / "reports" / "run.html").read_text("utf-8").lower()
    assert "31 of 31" in summary.read_text(encoding="utf-8")
    named = re.findall(
        r"steps\.run\.outputs\.(\w+)", str([each["value"] for each in ACTION["outputs"].values()])
    )
    written = output.read_text(encoding="utf-8")
    assert named
    assert [name for name in named if not re.search(rf"(?m)^{name}(=|<<)", written)] == []


def test_the_workflow_reads_outputs_that_the_action_has() -> None:
    """The workflow to copy asks the action for nothing that it has not."""
    read = set(
        re.findall(r"steps\.manifests\.outputs\.([\w-]+)", str(WORKFLOW["jobs"]["generate"]))
    )
    assert {"changed", "verdict"} <= read <= set(ACTION["outputs"])
    used = step(WORKFLOW["jobs"]["generate"]["steps"], "id", "manifests")
    assert "options" in used["with"]
    assert set(WORKFLOW["jobs"]["generate"]["steps"][1]["with"]) <= set(ACTION["inputs"])


def test_the_gitlab_job_runs(installed: Path, tmp_path: Path) -> None:
    """The template's commands make a run, and the reports that it keeps."""
    job = GITLAB["generate-manifests"]
    commands = [line for line in job["script"] if not line.startswith("pip ")]
    done = shell(
        "\n".join(commands),
        tmp_path,
        PATH=f"{installed / 'manifests' / 'bin'}:{os.environ['PATH']}",
        MANIFESTS_FILTERS=str(ROOT / "filters"),
        MANIFESTS_OUT="manifests-out",
        MANIFESTS_STATE=".manifests",
        MANIFESTS_OPTIONS="--sandbox --source hf",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / job["artifacts"]["reports"]["junit"]).stat().st_size > 0


def test_the_crontab_runs_commands_that_are_there() -> None:
    """Every line of the crontab has five fields of time and a command that takes its options."""
    lines = [line for line in CRONTAB.splitlines() if re.match(r"[\d*]", line)]
    assert len(lines) == 2
    for line in lines:
        *times, command = line.split(maxsplit=5)
        assert all(re.fullmatch(r"[\d*/,-]+", each) for each in times)
        assert re.search(r"scripts/generate\" --quiet|manifests status --max-age", command)


def test_the_service_starts_what_is_there() -> None:
    """The unit starts a script of this project, with options that the command knows."""
    found = re.search(r"(?m)^ExecStart=/srv/catalogue/(\S+) (.*)$", SERVICE)
    assert found is not None
    assert os.access(ROOT / found[1], os.X_OK)
    manifests = str(Path(sys.executable).parent / "manifests")
    listed = subprocess.run(
        [manifests, "generate", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert [word for word in found[2].split() if word.startswith("--") and word not in listed] == []
