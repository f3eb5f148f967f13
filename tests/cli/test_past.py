"""`runs` lists what was run, shows one of them and forgets the oldest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.store.database import DATABASE_FILE, open_database
from manifests.store.history import History

if TYPE_CHECKING:
    from tests.cli.conftest import RunsCommand, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def few(lists: Path) -> Path:
    """The definitions of all runs here."""
    return lists


@pytest.fixture
def two(manifests: RunsCommand, serve: Serves, out: Path, tmp_path: Path) -> tuple[str, str]:
    """The ids of a good run and a bad one, in this order, and a killed one after them."""
    well = serve(models=240)
    manifests("generate", *FAST, "--report", "first.json")
    serve("civitai=404", models=240, after=well)
    manifests("generate", *FAST, "--report", "second.json")
    database = open_database(tmp_path / "state", now=NOON).database
    History(database, out=out).begin("killed", now=NOON)
    database.close()
    first, second = (
        str(orjson.loads(Path(f"{name}.json").read_bytes())["run"]) for name in ("first", "second")
    )
    return first, second


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


def test_the_list(manifests: RunsCommand, two: tuple[str, str]) -> None:
    """The last run comes first; one without an end was killed, or is not over."""
    found = manifests("runs")
    assert (found.returncode, found.stderr) == (0, "")
    rows = [" ".join(line.split()) for line in found.stdout.splitlines()]
    assert "killed still running, or killed" in rows
    (bad,) = (row for row in rows if row.startswith(two[1]))
    (good,) = (row for row in rows if row.startswith(two[0]))
    assert good.endswith("s 7 8 fresh")
    assert "completion" in bad
    assert "5 stale" in bad
    assert "3 unchanged" in bad
    assert rows.index(bad) < rows.index(good)
    assert rows[-1] == "3 runs"
    listed = orjson.loads(manifests("runs", "--json").stdout)
    assert [each["run"] for each in listed] == ["killed", two[1], two[0]]
    assert listed[0]["ended"] is None


def test_one_run_is_shown_as_it_was(manifests: RunsCommand, two: tuple[str, str]) -> None:
    """Its summary, for people on stdout; its whole record, just as --report gave it, with --json."""
    found = manifests("runs", "show", two[1])
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"run {two[1]}, manifests ")
    assert "NOT_FOUND" in found.stdout
    assert found.stdout.splitlines()[-1] == "exit code 3"
    for name, run in zip(("first", "second"), two, strict=True):
        shown = manifests("runs", "show", run, "--json")
        assert shown.stdout == Path(f"{name}.json").read_text(encoding="utf-8")
    assert manifests("runs", "show", "latest", "--json").stdout == shown.stdout
    assert manifests("runs", "show").stdout == found.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("killed", "'killed' means 0 runs"),
        ("2", "'2' means 2 runs"),
        ("never", "'never' means 0 runs"),
    ],
)
def test_a_name_that_means_no_single_run(
    manifests: RunsCommand, two: tuple[str, str], name: str, told: str
) -> None:
    """A beginning that is clear is enough; a run without an end has nothing to show."""
    found = manifests("runs", "show", name)
    assert (found.returncode, found.stdout) == (2, "")
    assert f"error: {told}\nnext: see them: manifests runs" in found.stderr
    assert manifests("runs", "show", two[1][:-1]).returncode == 0


def test_what_another_version_wrote(
    manifests: RunsCommand, two: tuple[str, str], tmp_path: Path
) -> None:
    """A record that can't be read is an error of its own, and one that is gone is told."""
    database = open_database(tmp_path / "state", now=NOON).database
    database.execute("UPDATE runs SET record = ? WHERE run = ?", b"garbage", two[1])
    database.execute("UPDATE runs SET record = NULL WHERE run = ?", two[0])
    database.close()
    found = manifests("runs", "show", two[1])
    assert (found.returncode, "it is damaged" in found.stderr) == (1, True)
    found = manifests("runs", "show", two[0])
    assert (found.returncode, "left no record" in found.stderr) == (2, True)


def test_the_oldest_are_forgotten(manifests: RunsCommand, two: tuple[str, str]) -> None:
    """As many as are asked for stay, the last ones; killed ones count."""
    found = manifests("runs", "prune", "--keep", "2")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "1 run forgotten\n")
    listed = orjson.loads(manifests("runs", "--json").stdout)
    assert [each["run"] for each in listed] == ["killed", two[1]]
    assert manifests("runs", "prune").stderr == "0 runs forgotten\n"
    assert manifests("runs", "prune", "--keep", "-1").returncode == 2


def test_each_output_has_runs_of_its_own(manifests: RunsCommand, two: tuple[str, str]) -> None:
    """Two outputs that share a state folder share no history."""
    assert len(two) == 2
    assert orjson.loads(manifests("runs", "--json", "--out", "elsewhere").stdout) == []
