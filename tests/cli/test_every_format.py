"""Every format and every JSON output of one stored run: the same each time, as its schema says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from manifests.cli.schemas import schema_bytes
from manifests.report.formats import FORMATS

if TYPE_CHECKING:
    from tests.cli.conftest import Days, RunsCommand, Serves

ROOT = Path(__file__).parents[2]
QUICK = ("--fixed", "8/0ms", "--attempts", "1")
SUFFIXES = {".txt": "terminal"} | {each.suffix: each.name for each in FORMATS.values()}
SUFFIXED = {suffix: name for suffix, name in SUFFIXES.items() if suffix}


@pytest.mark.parametrize("name", ["terminal", *FORMATS])
@pytest.mark.parametrize("run", ["bad", "second"])
def test_a_stored_run_is_told_the_same_each_time(
    manifests: RunsCommand, days: Days, name: str, run: str
) -> None:
    """A format of a stored run has the same bytes each time, on stdout and in a file."""
    told = [manifests("report", getattr(days, run), "--format", name) for _ in range(2)]
    assert [each.returncode for each in told] == [0, 0]
    assert told[0].stdout == told[1].stdout
    assert told[0].stdout.endswith("\n") or not told[0].stdout


@pytest.mark.usefixtures("lists")
def test_a_report_of_the_run_is_that_of_the_stored_run(
    manifests: RunsCommand, serve: Serves, tmp_path: Path
) -> None:
    """What --report writes when a run ends is what `manifests report` makes of it later."""
    serve("civitai=404", models=60)
    manifests("generate", *QUICK)
    serve(models=60)
    files = {tmp_path / f"run{suffix}": name for suffix, name in SUFFIXED.items()}
    options = [part for path in files for part in ("--report", str(path))]
    assert manifests("generate", *QUICK, *options).returncode == 0
    for path, name in files.items():
        later = tmp_path / "later"
        assert manifests("report", "latest", "--format", name, "-o", later).returncode == 0
        assert later.read_bytes() == path.read_bytes(), name


def wrong(schema: str, *values: object) -> list[str]:
    """Return what is wrong with values by a schema, as `manifests schema` prints it."""
    found = json.loads(schema_bytes(schema))
    checker = Draft202012Validator(found, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert values != ()
    return [each.message for value in values for each in checker.iter_errors(value)]


@pytest.mark.parametrize("run", ["bad", "second"])
def test_what_programs_read_is_as_its_schema_says(
    manifests: RunsCommand, days: Days, run: str
) -> None:
    """Run record and events of a stored run are valid by the schemas that are published."""
    name = getattr(days, run)
    record = json.loads(manifests("report", name, "--format", "json").stdout)
    events = manifests("report", name, "--format", "jsonl").stdout.splitlines()
    assert wrong("run", record) == []
    assert wrong("events", *map(json.loads, events)) == []


def test_what_is_published_is_as_its_schema_says(days: Days) -> None:
    """Manifests, catalogues and status of a set are valid by the schemas that are published."""
    out = days.folder / "out"
    files = {path.name: json.loads(path.read_bytes()) for path in out.glob("*.json")}
    lists = [value for name, value in files.items() if "-filter-" in name]
    catalogues = [value for name, value in files.items() if name.endswith("-models.json")]
    assert (len(lists), len(catalogues)) == (8, 2)
    assert wrong("manifest", *lists) == []
    assert wrong("catalogue", *catalogues) == []
    assert wrong("status", files["status.json"]) == []


def test_what_people_write_is_as_its_schema_says() -> None:
    """Our own definitions, and the settings that docs show, are valid by their schemas."""
    definitions = [tomllib.loads(path.read_text("utf-8")) for path in ROOT.glob("filters/*.toml")]
    assert wrong("filters", *definitions) == []
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    shown = [tomllib.loads(each) for each in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert wrong("settings", *shown) == []
