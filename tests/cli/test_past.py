"""`runs` lists what was run, shows one of them and forgets the oldest."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.store.database import DATABASE_FILE, open_database
from manifests.store.history import History

if TYPE_CHECKING:
    from tests.cli.conftest import Days, RunsCommand, Serves

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "command", [("runs",), ("runs", "show"), ("runs", "prune"), ("diff",), ("diff", "a", "b")]
)
def test_where_nothing_is_remembered(manifests: RunsCommand, command: tuple[str, ...]) -> None:
    """No folder is made for a question, and the way out is named."""
    found = manifests(*command, "--state", "nowhere")
    assert found.returncode == 2
    assert "error: nowhere/ remembers nothing: there is no such folder" in found.stderr
    assert "next: run manifests generate first" in found.stderr
    assert not Path("nowhere").exists()


def test_a_broken_history_is_told(manifests: RunsCommand, tmp_path: Path) -> None:
    """Whoever asks learns why nothing is there any more."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / DATABASE_FILE).write_bytes(b"garbage" * 1000)
    found = manifests("runs", "--json")
    assert (found.returncode, orjson.loads(found.stdout)) == (0, [])
    assert found.stderr.startswith("warning: ")
    assert "it was set aside as " in found.stderr
    assert manifests("runs").stdout.splitlines()[-1] == "0 runs"


def test_the_list(manifests: RunsCommand, days: Days) -> None:
    """The last run comes first; one without an end was killed, or is not over."""
    found = manifests("runs")
    assert (found.returncode, found.stderr) == (0, "")
    rows = [" ".join(line.split()) for line in found.stdout.splitlines()]
    assert "killed still running, or killed" in rows
    (bad,) = (row for row in rows if row.startswith(days.bad))
    (good,) = (row for row in rows if row.startswith(days.first))
    assert good.split()[1] == "completion"
    assert good.endswith(" s 7 5 fresh, 3 unchanged")
    assert bad.endswith(" 3 fresh, 5 missing")
    assert rows.index(good) < rows.index(bad)
    assert rows[-1] == "4 runs"
    listed = orjson.loads(manifests("runs", "--json").stdout)
    assert [each["run"] for each in listed] == ["killed", days.second, days.first, days.bad]
    assert (listed[0]["ended"], listed[0]["ended_by"]) == (None, None)


def test_one_run_is_shown_as_it_was(manifests: RunsCommand, days: Days) -> None:
    """For people it is the summary of then, on stdout."""
    found = manifests("runs", "show", days.bad)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"run {days.bad}, manifests ")
    assert "NOT_FOUND" in found.stdout
    assert "3 of 8 manifests stand in out/: 3 new, 5 missing" in found.stdout.replace(
        f"{days.folder}/", ""
    )
    assert found.stdout.splitlines()[-1] == "exit code 3"
    latest = manifests("runs", "show", "latest")
    assert latest.stdout.startswith(f"run {days.second}, ")
    assert manifests("runs", "show").stdout == latest.stdout


def test_the_whole_record_is_the_report(
    manifests: RunsCommand, serve: Serves, lists: Path, out: Path
) -> None:
    """With --json a stored run is, byte for byte, what --report wrote."""
    assert (lists.is_dir(), out.exists()) == (True, False)
    serve("civitai=404", models=240)
    manifests("generate", "--fixed", "8/0ms", "--attempts", "1", "--report", "run.json")
    shown = manifests("runs", "show", "--json")
    assert shown.stdout == Path("run.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "killed",
            "run killed is under way, or was killed, and has left no record\nnext: choose another:",
        ),
        ("2", "'2' means 3 runs\nnext: see them: manifests runs"),
        ("never", "'never' means 0 runs\nnext: see them: manifests runs"),
    ],
)
def test_a_name_that_means_no_single_run(
    manifests: RunsCommand, days: Days, name: str, told: str
) -> None:
    """A beginning that is clear is enough; a run without an end has nothing to show."""
    found = manifests("runs", "show", name)
    assert (found.returncode, found.stdout) == (2, "")
    assert f"error: {told}" in found.stderr
    assert manifests("runs", "show", days.second[:-1]).returncode == 0


def test_the_latest_of_none(manifests: RunsCommand, tmp_path: Path) -> None:
    """Where the only run was killed, there is no latest one, which is no fault of the name."""
    database = open_database(tmp_path / "state", now=NOON).database
    History(database, out=tmp_path / "out").begin("killed", now=NOON)
    database.close()
    found = manifests("runs", "show")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "error: no run has ended yet\nnext: make one: manifests generate\n"


def test_what_another_version_wrote(manifests: RunsCommand, days: Days, tmp_path: Path) -> None:
    """A record that can't be read is an error of its own, and one that is gone is told."""
    state = tmp_path / "state"
    shutil.copytree(days.folder / "state", state)
    database = open_database(state, now=NOON).database
    database.execute("UPDATE runs SET record = ? WHERE run = ?", b"garbage", days.second)
    database.execute("UPDATE runs SET record = NULL WHERE run = ?", days.first)
    database.close()
    found = manifests("runs", "show", days.second, "--state", state)
    assert (found.returncode, "it is damaged" in found.stderr) == (1, True)
    found = manifests("runs", "show", days.first, "--state", state)
    assert (found.returncode, "left no record" in found.stderr) == (2, True)


def test_the_oldest_are_forgotten(manifests: RunsCommand, days: Days, tmp_path: Path) -> None:
    """As many as are asked for stay, the last ones; killed ones count."""
    state = ("--state", tmp_path / "state")
    shutil.copytree(days.folder / "state", tmp_path / "state")
    found = manifests("runs", "prune", "--keep", "2", *state)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "2 runs forgotten\n")
    listed = orjson.loads(manifests("runs", "--json", *state).stdout)
    assert [each["run"] for each in listed] == ["killed", days.second]
    assert manifests("runs", "prune", *state).stderr == "0 runs forgotten\n"
    assert manifests("runs", "prune", "--keep", "-1", *state).returncode == 2


def test_each_output_has_runs_of_its_own(manifests: RunsCommand, days: Days) -> None:
    """Two outputs that share a state folder share no history."""
    elsewhere = days.folder / "elsewhere"
    assert orjson.loads(manifests("runs", "--json", "--out", elsewhere).stdout) == []
