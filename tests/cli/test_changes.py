"""`diff` tells what changed between runs, folders, or one of each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.cli.changes import Choice, show_diff
from manifests.errors import SettingsError

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.cli.conftest import Days, RunsCommand, Screen, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")


def summary(found: CompletedProcess[str]) -> str:
    """Return the last line of what was printed."""
    assert found.returncode == 0
    return found.stdout.splitlines()[-1]


def test_however_the_two_sets_are_named(manifests: RunsCommand, days: Days) -> None:
    """Runs, folders, one of each, the last two runs, a set against what is published: all agree."""
    first, second = days.first, days.second
    printed = [
        manifests("diff", *names, "--format", "json")
        for names in [
            (),
            (first,),
            (first, second),
            (first, "latest"),
            ("before",),
            ("before", "out"),
            (first, "out"),
            ("before", second),
        ]
    ]
    assert {each.returncode for each in printed} == {0}
    assert len({each.stdout for each in printed}) == 1
    told = orjson.loads(printed[0].stdout)
    assert told["filters"] == {"unchanged": 3, "came": 0, "went": 0, "changed": 5}
    assert len(told["added"]) > 0
    assert all(each["name"] for each in told["added"])


@pytest.mark.parametrize("form", ["terminal", "markdown", "json"])
def test_nothing_has_changed_against_itself(manifests: RunsCommand, days: Days, form: str) -> None:
    """A set compared with itself shows no filter and no model."""
    for name in (days.first, "out"):
        found = manifests("diff", name, name, "--format", form)
        assert (found.returncode, found.stderr) == (0, "")
        if form == "terminal":
            assert found.stdout == (
                "0 filters changed, 8 did not; 0 models came, 0 went, 0 taken down\n"
            )
        elif form == "markdown":
            assert found.stdout == "Nothing changed.\n"
        else:
            told = orjson.loads(found.stdout)
            assert (told["changes"], told["added"], told["removed"]) == ([], [], [])


def test_for_people(manifests: RunsCommand, days: Days) -> None:
    """Each filter that changed is a row with its numbers, and one line sums up."""
    found = manifests("diff", days.first, days.second)
    told = orjson.loads(manifests("diff", days.first, days.second, "--format", "json").stdout)
    row = next(line.split() for line in found.stdout.splitlines() if "civitai:filter/all" in line)
    change = next(each for each in told["changes"] if each["filter"] == "filter/all")
    assert row[:5] == ["civitai:filter/all", "changed", str(change["before"]), "→", row[4]]
    assert row[4:6] == [str(change["after"]), str(len(change["added"]))]
    came, went = len(told["added"]), len(told["removed"])
    assert summary(found) == (
        f"5 filters changed, 3 did not; {came} models came, {went} went, 0 taken down"
    )
    assert "huggingface:" not in found.stdout
    page = manifests("diff", days.first, days.second, "--format", "markdown").stdout
    assert "filter/all" in page
    assert page.count("\n") > 10


def test_what_upstream_took_down_is_named(
    manifests: RunsCommand, days: Days, tmp_path: Path
) -> None:
    """A model that was moderated in between stands on a line of its own, with its name."""
    after = tmp_path / "after"
    shutil.copytree(days.folder / "out", after)
    path = after / "civitai-models.json"
    catalogue = orjson.loads(path.read_bytes())
    id_ = min(orjson.loads(Path("before/civitai-models.json").read_bytes())["models"])
    catalogue["models"][id_]["mode"] = "TakenDown"
    path.write_bytes(orjson.dumps(catalogue))
    found = manifests("diff", "before", after)
    (line,) = (each for each in found.stdout.splitlines() if each.startswith("taken down: "))
    assert line.startswith(f"taken down: civitai:{id_} ")
    assert line.endswith(" (TakenDown)")
    assert summary(found).endswith(", 1 taken down")


def test_a_filter_that_went(manifests: RunsCommand, days: Days, tmp_path: Path) -> None:
    """A manifest that is there no more counts as a change, and a new one too."""
    after = tmp_path / "after"
    shutil.copytree(days.folder / "before", after)
    (after / "hf-filter-mit.json").unlink()
    kinds = []
    for before in (Path("before"), after):
        other = after if before.name == "before" else Path("before")
        found = manifests("diff", before, other, "--format", "json")
        kinds.append({each["kind"] for each in orjson.loads(found.stdout)["changes"]})
    assert kinds == [{"went"}, {"came"}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("before", "never"), "'never' is no folder, and means 0 runs"),
        (("2", "out"), "'2' is no folder, and means 3 runs"),
        (("out", "--format", "xml"), "unknown form 'xml'\nnext: use terminal, markdown, json"),
        (("before", "--out", "gone"), "'gone' is no folder, and means 0 runs"),
    ],
)
def test_what_is_not_there_to_compare(
    manifests: RunsCommand, days: Days, arguments: tuple[str, ...], told: str
) -> None:
    """A name that means neither a folder nor one run is named."""
    assert days.folder.is_dir()
    found = manifests("diff", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert told in found.stderr


def test_one_run_has_no_one_to_be_compared_with(
    manifests: RunsCommand, serve: Serves, lists: Path
) -> None:
    """A dry run left no set."""
    assert lists.is_dir()
    serve(models=240)
    manifests("generate", *FAST)
    manifests("generate", *FAST, "--dry-run")
    found = manifests("diff")
    assert found.returncode == 2
    assert "1 run remembered: there is nothing to compare" in found.stderr


def test_a_set_that_was_not_kept(
    manifests: RunsCommand, days: Days, screen: Screen, tmp_path: Path
) -> None:
    """A run of another output has no set to show here."""
    assert manifests("diff", days.first, days.second).returncode == 0
    choice = Choice(before=days.first, after=days.second, out=tmp_path, state=days.folder / "state")
    with pytest.raises(SettingsError, match="means 0 runs"):
        show_diff(screen, choice, form="terminal")
