"""`status` tells from the published files alone how old everything is."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.cli.freshness import show_status
from manifests.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Days, RunsCommand, Screen, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")


@pytest.fixture(autouse=True)
def few(lists: Path) -> Path:
    """The definitions of all runs here."""
    return lists


def edit_status(out: Path, name: str, **changes: object) -> None:
    """Change what the status says of one filter."""
    path = out / "status.json"
    told = orjson.loads(path.read_bytes())
    told["filters"][name] |= changes
    path.write_bytes(orjson.dumps(told))


def ago(**passed: float) -> str:
    """Return a moment of the past, or of the future, as the status writes it."""
    return (datetime.now(UTC) - timedelta(**passed)).isoformat()


@pytest.fixture
def good(all_days: Days, out: Path) -> Path:
    """An output folder as a good run left it, now."""
    shutil.copytree(all_days.folder / "before", out)
    return out


def test_nothing_published(manifests: RunsCommand, tmp_path: Path) -> None:
    """An empty place is no fresh one, and the command that fills it is named."""
    for folder in (tmp_path / "out", tmp_path):
        found = manifests("status", "--out", folder)
        assert (found.returncode, found.stdout) == (1, "")
        assert "error: nothing is published in " in found.stderr
        assert "next: manifests generate" in found.stderr


def test_a_folder_that_is_none(screen: Screen, out: Path) -> None:
    """What can't be listed is an error of its own."""
    out.write_text("mine")
    with pytest.raises(StoreError, match="can't be listed"):
        show_status(screen, out, max_age=None, as_json=False)


def test_a_good_day_is_one_line(manifests: RunsCommand, good: Path) -> None:
    """Without anything odd there is no table, and needs no network, memory or definitions."""
    assert good.exists()
    found = manifests("status", "--max-age", "1h")
    assert (found.returncode, found.stdout) == (0, "8 filters: 8 fresh\n")


def test_what_is_too_old_is_exit_code_3(manifests: RunsCommand, good: Path) -> None:
    """Each such filter is a row, fresh as its last run was; a longer limit lets it pass."""
    edit_status(good, "civitai:filter/all", last_success=ago(hours=50))
    found = manifests("status", "--max-age", "48h")
    assert found.returncode == 3
    rows = [line.split() for line in found.stdout.splitlines() if "civitai:" in line]
    assert rows == [["civitai:filter/all", "fresh", "50", "h", "0", "min"]]
    assert found.stdout.splitlines()[-1] == "1 older than 48 h 0 min, or missing: exit code 3"
    assert manifests("status", "--max-age", "3d").returncode == 0
    assert manifests("status").returncode == 0


def test_why_and_since_when(manifests: RunsCommand, serve: Serves, good: Path) -> None:
    """What failed stands with its code, the moment of the first failure and their number."""
    serve("civitai=404", models=240)
    for _ in range(2):
        manifests("generate", *FAST, "--only", "civitai:year")
    since = orjson.loads((good / "status.json").read_bytes())["filters"]["civitai:filter/year"]
    found = manifests("status")
    (row,) = (line for line in found.stdout.splitlines() if "civitai:" in line)
    assert row.split()[:2] == ["civitai:filter/year", "stale"]
    assert row.split()[-3:] == [since["stale_since"], "NOT_FOUND", "2"]
    assert found.stdout.splitlines()[-1] == "8 filters: 7 fresh, 1 stale"


def test_a_clock_that_was_set_back_is_named(manifests: RunsCommand, good: Path) -> None:
    """A success that lies ahead is not believed, and so may be older than any limit."""
    moment = ago(days=-3)
    edit_status(good, "civitai:filter/all", last_success=moment)
    found = manifests("status", "--max-age", "48h")
    assert found.returncode == 3
    told = " ".join(found.stdout.split())
    assert "was the clock set back?" in told
    (row,) = (each for each in orjson.loads(manifests("status", "--json").stdout) if each["doubt"])
    assert (row["filter"], row["age_seconds"]) == ("filter/all", None)
    assert f"{moment}, lies ahead" in row["doubt"]


def test_a_manifest_that_is_gone_or_unknown(manifests: RunsCommand, good: Path) -> None:
    """What the status calls fresh is missing without its file; without a status it is unknown."""
    (good / "civitai-filter-all.json").unlink()
    found = manifests("status", "--max-age", "48h")
    assert found.returncode == 3
    assert "8 filters: 1 missing, 7 fresh" in found.stdout
    (good / "status.json").unlink()
    told = manifests("status").stdout
    assert told.endswith(
        "7 filters: 7 unknown\n"
        "status.json tells nothing of the unknown ones; next: manifests generate\n"
    )
    assert manifests("status", "--max-age", "48h").returncode == 3


def test_a_file_that_is_damaged_is_named(manifests: RunsCommand, good: Path) -> None:
    """Whoever sees that all is unknown is told which file would have told."""
    (good / "status.json").write_text("garbage", encoding="utf-8")
    found = manifests("status", "--out", good)
    assert found.returncode == 0
    assert "damaged, counted as absent: status.json: no JSON, or cut off" in found.stdout
    assert "damaged" not in manifests("status", "--out", good, "--json").stdout


def test_for_programs(manifests: RunsCommand, good: Path) -> None:
    """With --json stdout holds all filters, each with all that is known; the code is the same."""
    edit_status(
        good,
        "huggingface:filter/mit",
        state="stale",
        code="TIMEOUT",
        last_success=ago(hours=1),
        stale_since="2026-11-21T00:00:00Z",
        consecutive_failures=4,
    )
    found = manifests("status", "--json", "--max-age", "30m")
    assert (found.returncode, found.stderr) == (3, "")
    rows = {f"{each['source']}:{each['filter']}": each for each in orjson.loads(found.stdout)}
    assert len(rows) == 8
    row = rows["huggingface:filter/mit"]
    assert 3600 <= row.pop("age_seconds") < 3700
    assert row == {
        "source": "huggingface",
        "filter": "filter/mit",
        "state": "stale",
        "count": 61,
        "stale_since": "2026-11-21T00:00:00Z",
        "code": "TIMEOUT",
        "consecutive_failures": 4,
        "doubt": None,
    }
    (good / "status.json").unlink()
    unknown = orjson.loads(manifests("status", "--json").stdout)
    assert {each["state"] for each in unknown} == {"unknown"}
    assert {each["consecutive_failures"] for each in unknown} == {0}


def test_an_age_that_is_none(manifests: RunsCommand) -> None:
    """A limit without a unit is a usage error."""
    assert manifests("status", "--max-age", "48").returncode == 2
