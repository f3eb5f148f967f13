"""The thresholds of the publish gate in definition files: whose count, how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.definitions import MOST_MODELS, DefinitionFile
from manifests.errors import DefinitionError
from manifests.filters import load_filters
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from manifests.models import Filter

FACET = """
[[facets]]
name = "period"
default = "all"
slugs = { all = "AllTime", day = "Day", week = "Week" }
"""
HEAD = 'source = "civitai"\nsort = "Newest"\n'


def load(folder: Path, text: str) -> dict[str, Filter]:
    """Return the filters of one definition file, by path."""
    (folder / "civitai.toml").write_text(text, encoding="utf-8")
    return {each.path: each for each in load_filters(folder, SOURCES)}


def thresholds(filter_: Filter) -> tuple[int, float | None]:
    """Return what a filter says of itself."""
    return filter_.min_count, filter_.max_shrink


def test_without_thresholds_the_gate_has_its_own(tmp_path: Path) -> None:
    """Definitions need not name any."""
    assert thresholds(load(tmp_path, HEAD + FACET)["filter/day"]) == (0, None)


def test_the_nearest_threshold_counts(tmp_path: Path) -> None:
    """A filter's own goes before that of its file, also where it takes one back."""
    text = f"""{HEAD}
min_count = 9
max_shrink = "80%"
{FACET}
[overrides."filter/day"]
min_count = 0
max_shrink = "12.5%"
[[filters]]
path = "filter/own"
parameters = {{ username = "someone" }}
min_count = 0
max_shrink = "100%"
[[filters]]
path = "filter/plain"
parameters = {{ username = "another" }}
"""
    found = load(tmp_path, text)
    assert {path: thresholds(each) for path, each in found.items()} == {
        "filter/day": (0, 0.125),
        "filter/week": (9, 0.8),
        "filter/own": (0, 1.0),
        "filter/plain": (9, 0.8),
    }


COUNT = f"takes a whole number from 0 to {MOST_MODELS}"
SHARE = 'takes a share such as "50%"'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("min_count = -1", f"min_count: {COUNT}"),
        ("min_count = true", f"min_count: {COUNT}"),
        ('min_count = "5"', f"min_count: {COUNT}"),
        (f"min_count = {MOST_MODELS + 1}", f"min_count: {COUNT}"),
        ("max_shrink = 0.5", f"max_shrink: {SHARE}"),
        ('max_shrink = "50"', f"max_shrink: {SHARE}"),
        ('max_shrink = "101%"', f"max_shrink: {SHARE}"),
        ("max_shrinks = 1", "max_shrinks: unknown key 'max_shrinks'; did you mean 'max_shrink'?"),
    ],
)
def test_a_threshold_of_another_form_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    """What is no count, or no percentage, is named by its key, wherever it stands."""
    override = f'{HEAD}{FACET}[overrides."filter/day"]\n{line}\n'
    for text, where in ((f"{HEAD}{line}\n{FACET}", ""), (override, 'overrides."filter/day".')):
        with pytest.raises(DefinitionError) as caught:
            load(tmp_path, text)
        place = problem if where else problem.replace(":", " (line 3):", 1)
        assert caught.value.problems == (f"{tmp_path / 'civitai.toml'}: {where}{place}",)


def test_editors_are_told_the_form() -> None:
    """The JSON Schema describes a share as people write it, and a count with its limits."""
    fields = DefinitionFile.model_json_schema()["properties"]
    assert fields["min_count"]["maximum"] == MOST_MODELS
    (share, _) = fields["max_shrink"]["anyOf"]
    assert (share["type"], "%" in share["pattern"]) == ("string", True)
