"""The recipes for several machines work: their scripts run here as processes of one machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CI = ROOT / "docs" / "ci"
GITHUB = yaml.safe_load((CI / "github-shards.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((CI / "gitlab-shards.yml").read_text(encoding="utf-8"))
OPTIONS = "--sandbox --source hf --only likes* --fixed 8/0ms"


def of_github(job: str) -> str:
    """Return the scripts of a job that neither install nor commit."""
    steps = [step["run"] for step in GITHUB["jobs"][job]["steps"] if "run" in step]
    return "\n".join(each for each in steps if each.startswith("manifests "))


def of_gitlab(job: str) -> str:
    """Return the script of a job, but for what it installs."""
    return "\n".join(each for each in GITLAB[job]["script"] if not each.startswith("pip "))


def shell(script: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Start *script* as a runner of CI would."""
    command = [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "MANIFESTS_FILTERS": str(ROOT / "filters")}
    return subprocess.Popen(
        [*command, script],
        cwd=folder,
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("shard", "merge"),
    [
        (of_github("shard"), of_github("merge")),
        (of_gitlab("generate-shard"), of_gitlab("merge-shards")),
    ],
    ids=["github", "gitlab"],
)
def test_the_jobs_and_a_merge_publish_a_set(tmp_path: Path, shard: str, merge: str) -> None:
    """Each job makes its share, and the merge finds them all; without one it says so."""
    told = {"SHARDS": "2", "MANIFESTS_OPTIONS": OPTIONS}
    jobs = [shell(shard, tmp_path, SHARD=number, **told) for number in "12"]
    assert [(job.communicate()[1][-1:], job.returncode) for job in jobs] == [("\n", 0)] * 2
    merged = shell(merge, tmp_path, GITHUB_OUTPUT=str(tmp_path / "output"))
    assert "16 of 16 manifests stand in manifests/" in merged.communicate()[1]
    assert merged.returncode == 0
    outputs = (tmp_path / "output").read_text("utf-8")
    assert all(f"{name}<<" in outputs for name in ("changed", "verdict"))
    shutil.rmtree(tmp_path / "shards" / "2")
    again = shell(merge, tmp_path)
    assert "shard 2 of 2 is lost" in again.communicate()[1]
    assert again.returncode == 3
    index = json.loads((tmp_path / "manifests" / "index.json").read_bytes())
    assert sum(each["filter"] is not None for each in index["files"]) == 16


def test_a_share_that_fails_ends_no_other() -> None:
    """Neither recipe stops where a job fails, and what was cut short is handed on."""
    shard, merge = GITHUB["jobs"]["shard"], GITHUB["jobs"]["merge"]
    assert shard["strategy"]["fail-fast"] is False
    assert merge["if"] == "${{ !cancelled() }}"
    assert [step["if"] for step in shard["steps"] if "upload" in step.get("uses", "")] == [
        "always()"
    ]
    assert GITLAB["generate-shard"]["allow_failure"] is True
    assert GITLAB["generate-shard"]["artifacts"]["when"] == "always"
    assert GITLAB["merge-shards"]["when"] == "always"


def test_the_recipes_count_their_shards_once() -> None:
    """The list of shards is as long as the number that each job is told."""
    assert len(GITHUB["jobs"]["shard"]["strategy"]["matrix"]["shard"]) == GITHUB["env"]["SHARDS"]
    (matrix,) = GITLAB["generate-shard"]["parallel"]["matrix"]
    assert str(len(matrix["SHARD"])) == GITLAB[".manifests"]["variables"]["SHARDS"]
