"""Several processes make one run, and what they made is merged, lost shards and killed ones too."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.handover import SHARD_FILE
from manifests.results import RunRecord

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import ReadsFiles, RunsCommand, Serves

QUICK = ("--fixed", "8/0ms", "--attempts", "1")


def started(folder: Path, shard: str, *more: str) -> subprocess.Popen[str]:
    """Start a shard in a process of its own, with a state of its own as on another machine."""
    state = str(folder.with_name(f"{folder.name}-state"))
    options = ("--shard", shard, "--out", str(folder), "--state", state, *QUICK, *more)
    return subprocess.Popen(
        [sys.executable, "-m", "manifests", "generate", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def four(folder: Path) -> list[Path]:
    """Return the folders of four shards."""
    folder.mkdir(exist_ok=True)
    return [folder / str(number) for number in (1, 2, 3, 4)]


def make(manifests: RunsCommand, folder: Path, of: int) -> list[Path]:
    """Make all shards, one after the other."""
    folders = [folder / f"shard-{number}" for number in range(1, of + 1)]
    for number, out in enumerate(folders, start=1):
        ended = manifests("generate", "--shard", f"{number}/{of}", "--out", out, *QUICK)
        assert ended.returncode == 0, ended.stderr
    return folders


def manifests_in(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the manifests among files; a model's record may be another listing's than before."""
    return {name: data for name, data in files.items() if "-filter-" in name}


@pytest.mark.parametrize("of", [1, 2, 3])
@pytest.mark.usefixtures("lists")
def test_a_few_shards_make_what_one_run_makes(
    serve: Serves, manifests: RunsCommand, files: ReadsFiles, tmp_path: Path, of: int
) -> None:
    """Over real HTTP too, every byte is that of one run."""
    serve(models=240)
    assert manifests("generate", "--out", tmp_path / "whole", *QUICK).returncode == 0
    assert manifests("merge", *make(manifests, tmp_path, of)).returncode == 0
    assert files() == files(tmp_path / "whole")


@pytest.mark.usefixtures("lists")
def test_four_processes_make_what_one_makes(
    serve: Serves, manifests: RunsCommand, files: ReadsFiles, tmp_path: Path
) -> None:
    """Every byte is that of one run, though each shard knew nothing of the others."""
    serve(models=240)
    assert manifests("generate", "--out", tmp_path / "whole", *QUICK).returncode == 0
    folders = four(tmp_path / "shards")
    processes = [started(out, f"{n}/4") for n, out in enumerate(folders, start=1)]
    assert [(each.communicate()[1][-1:], each.returncode) for each in processes] == [("\n", 0)] * 4
    ended = manifests("merge", *folders, "--report", tmp_path / "run.json")
    assert ended.returncode == 0, ended.stderr
    assert "8 of 8 manifests stand in" in ended.stderr
    assert files() == files(tmp_path / "whole")
    record = RunRecord.model_validate_json((tmp_path / "run.json").read_bytes())
    assert [each.number for each in record.shards] == [1, 2, 3, 4]
    assert manifests("status", "--max-age", "1h").returncode == 0
    again = manifests("merge", *folders)
    assert "8 unchanged" in again.stderr
    assert len(orjson.loads(manifests("runs", "--json").stdout)) == 1


@pytest.mark.usefixtures("lists")
def test_a_killed_shard_leaves_its_filters_stale(
    serve: Serves, manifests: RunsCommand, files: ReadsFiles, out: Path, tmp_path: Path
) -> None:
    """What is published of them stays, and merging tells which shard it was; so for a lost one."""
    good = serve(models=240)
    assert manifests("generate", *QUICK).returncode == 0
    before = manifests_in(files())
    folders = four(tmp_path / "shards")
    for number in (1, 2, 3):
        with started(folders[number - 1], f"{number}/4") as process:
            process.communicate()
    serve("slow:60s", models=240, after=good)
    with started(folders[3], "4/4", "-vv") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "listings" in line)
        while not (folders[3] / SHARD_FILE).exists():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    merged = manifests("merge", *folders)
    assert merged.returncode == 3
    assert f"shard 4 of 4 in {folders[3]} has not finished" in merged.stderr
    assert "shard 4 of 4 is lost" in merged.stderr
    assert "manifests generate --shard 4/4" in merged.stderr
    assert manifests_in(files()) == before
    told = orjson.loads((out / "status.json").read_bytes())["filters"]
    stale = {name for name, each in told.items() if each["state"] == "stale"}
    assert stale
    assert len(stale) < len(told)
    lost = manifests("merge", *folders[:3])
    assert lost.returncode == 3
    assert "shard 4 of 4 is lost; what is published of its filters stays" in lost.stderr
    assert manifests_in(files()) == before


@pytest.mark.usefixtures("lists")
def test_shards_are_asked_like_a_run(
    serve: Serves, manifests: RunsCommand, files: ReadsFiles, tmp_path: Path
) -> None:
    """--only, --source and --style mean what they mean for a run; each shard has its filters."""
    serve(models=240)
    chosen = ("--source", "civitai", "--style", "compact", *QUICK)
    assert manifests("generate", *chosen, "--out", tmp_path / "whole").returncode == 0
    folders = [tmp_path / "one", tmp_path / "two"]
    for number, folder in enumerate(folders, start=1):
        manifests("generate", "--shard", f"{number}/2", *chosen, "--out", folder)
    assert manifests("merge", *folders).returncode == 0
    assert files() == files(tmp_path / "whole")


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "one/two", "1/0"])
def test_a_shard_that_there_is_not_is_refused(manifests: RunsCommand, shard: str) -> None:
    """Nothing is sent, and the message names the option."""
    ended = manifests("generate", "--sandbox", "--shard", shard)
    assert ended.returncode == 2
    assert "--shard" in ended.stderr
    assert "1/4" in ended.stderr


@pytest.mark.usefixtures("lists")
def test_what_does_not_fit_is_refused_with_exit_code_2(
    serve: Serves, manifests: RunsCommand, out: Path, tmp_path: Path
) -> None:
    """Overlaps and unknown gaps are named; nothing is written."""
    serve(models=240)
    first, second = make(manifests, tmp_path, 2)
    for folders in ([first, first, second], [first, tmp_path], [tmp_path / "none"]):
        ended = manifests("merge", *folders)
        assert ended.returncode == 2
        assert "nothing was written" in ended.stderr
    assert not out.exists()
    assert manifests("merge").returncode == 2


@pytest.mark.usefixtures("lists")
def test_a_shard_is_not_retried_as_if_it_were_all(
    serve: Serves, manifests: RunsCommand, tmp_path: Path
) -> None:
    """All that the others made is missing in its folder; it is made again as a shard."""
    serve(models=240)
    first, _ = make(manifests, tmp_path, 2)
    ended = manifests("retry", "--out", first)
    assert ended.returncode == 2
    assert f"manifests generate --shard 1/2 --out {first}" in ended.stderr


@pytest.mark.usefixtures("lists")
def test_a_merge_waits_for_nobody_and_can_be_tried(
    serve: Serves, manifests: RunsCommand, out: Path, tmp_path: Path
) -> None:
    """A dry merge tells what would be; its events are lines of JSON like those of a run."""
    serve(models=240)
    folders = make(manifests, tmp_path, 2)
    dry = manifests("merge", *folders, "--dry-run")
    assert dry.returncode == 0
    assert "would stand in" in dry.stderr
    assert not out.exists()
    ended = manifests("merge", *folders, "--log-format", "json")
    assert ended.returncode == 0
    assert all(orjson.loads(line) for line in ended.stderr.splitlines())


@pytest.mark.usefixtures("lists")
def test_commands_of_a_merge_lead_to_the_sandbox(manifests: RunsCommand, tmp_path: Path) -> None:
    """Shards that asked an embedded upstream are explained by asking one."""
    only = ("--sandbox", "--only", "hf:all", *QUICK)
    manifests("generate", "--shard", "1/2", "--out", tmp_path / "one", *only)
    manifests("generate", "--shard", "2/2", "--out", tmp_path / "two", *only)
    merged = manifests("merge", tmp_path / "one", "--report", tmp_path / "run.json")
    assert merged.returncode in {0, 1, 3}
    record = RunRecord.model_validate_json((tmp_path / "run.json").read_bytes())
    assert record.plan is not None
    assert "--sandbox" in record.plan.flags


@pytest.mark.usefixtures("lists")
def test_a_merge_goes_by_the_settings_file(
    serve: Serves, manifests: RunsCommand, tmp_path: Path
) -> None:
    """Where files could be meant that are not read, it says so, and the rest it takes from them."""
    serve(models=240)
    folders = make(manifests, tmp_path, 2)
    (tmp_path / "manifests.toml").write_text('style = "compact"\n', encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.manifests]\n", encoding="utf-8")
    merged = manifests("merge", *folders)
    assert merged.returncode == 0
    assert "pyproject.toml is not used" in merged.stderr
    assert "pyproject.toml" not in manifests("merge", *folders, "--quiet").stderr
    manifest = orjson.loads((tmp_path / "out" / "hf-filter-all.json").read_bytes())
    assert manifest["s"] == "hf"


def test_help_says_how_previous_state_reaches_a_shard(manifests: RunsCommand) -> None:
    """What to give as --out of a shard stands where it is looked for."""
    shard = " ".join(manifests("generate", "--help").stdout.split())
    assert "may be empty: the merge judges by what is published" in shard
    assert "manifests merge" in manifests("merge", "--help").stdout
