"""What there is to look at is gathered though some of it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.doctor.diagnosis import Check, Level
from manifests.doctor.gathering import (
    chosen_sources,
    file_names,
    gather_access,
    gather_filters,
    gather_settings,
)
from manifests.errors import DefinitionError, SettingsError
from manifests.settings import Configuration
from manifests.sources import SOURCES

FILTERS = Path(__file__).parents[2] / "filters"
INFOS = [source.info for source in SOURCES.values()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ["civitai", "huggingface"]),
        ("hf", ["huggingface"]),
        ("huggingface", ["huggingface"]),
        ("ca", ["civitai"]),
    ],
)
def test_sources_by_any_of_their_names(name: str | None, expected: list[str]) -> None:
    """A source is meant by its name, its prefix or its short name."""
    assert [*chosen_sources(SOURCES, name)] == expected


def test_an_unknown_source() -> None:
    """A source that doesn't exist is refused with the nearest name."""
    with pytest.raises(DefinitionError, match="did you mean 'civitai'"):
        chosen_sources(SOURCES, "civitia")


def test_no_settings_file() -> None:
    """Without a file nothing is wrong."""
    found, (finding,) = gather_settings(lambda: None)
    assert (found, finding.level) == (Configuration(), Level.OK)


def test_a_wrong_settings_file() -> None:
    """A wrong file is a failure with all its lines, and counts as none."""

    def refuse() -> None:
        raise SettingsError("a.toml: one\na.toml: two", next_step="mend it")

    found, (finding,) = gather_settings(refuse)
    assert found == Configuration()
    assert (finding.check, finding.level) == (Check.SETTINGS, Level.FAIL)
    assert finding.found == "a.toml: one a.toml: two"


def test_a_good_settings_file() -> None:
    """A valid file is named, and what is odd about it is told."""
    told = Configuration(origin=Path("manifests.toml"), notes=("there are two",))
    found, findings = gather_settings(lambda: told)
    assert found is told
    assert [(each.level, each.found) for each in findings] == [
        (Level.OK, "the settings of manifests.toml are valid"),
        (Level.WARN, "there are two"),
    ]


def test_good_definitions() -> None:
    """Filters are counted by source, and their files have names."""
    found = gather_filters(FILTERS, SOURCES)
    assert found.finding.level is Level.OK
    assert "330 filters" in found.finding.found
    names = file_names(found.filters, SOURCES)
    assert "civitai-filter-x-week-sd21.json" in names
    assert "hf-filter-likes-small.json" in names


@pytest.mark.parametrize(("wrong", "more"), [(1, ""), (5, "; and 2 more problems")])
def test_wrong_definitions(tmp_path: Path, wrong: int, more: str) -> None:
    """The first problems are told in full, the rest by their number."""
    for number in range(wrong):
        (tmp_path / f"{number}.toml").write_text("source = 5\x1b", encoding="utf-8")
    found = gather_filters(tmp_path, SOURCES)
    assert (found.filters, found.finding.level) == ((), Level.FAIL)
    assert "0.toml: " in found.finding.found
    assert found.finding.found.isprintable()
    assert ("more problem" in found.finding.found) == bool(more)
    assert more in found.finding.found


@pytest.mark.parametrize(
    ("environ", "endpoint", "has_token", "failing"),
    [
        ({}, "https://huggingface.co", False, []),
        ({"HF_TOKEN": "hf_abcdefgh"}, "https://huggingface.co", True, []),
        ({"HF_TOKEN": "nonsense!"}, "https://huggingface.co", False, [Check.AUTH]),
        ({"HF_ENDPOINT": "https://a@b"}, None, False, [Check.SETTINGS]),
        ({"HF_ENDPOINT": "x", "HF_TOKEN": "nonsense!"}, None, False, [Check.SETTINGS]),
        (
            {"HF_ENDPOINT": "http://x.example", "HF_TOKEN": "hf_abcdefgh"},
            "http://x.example",
            False,
            [Check.AUTH],
        ),
        ({"HF_ENDPOINT": "http://x.example/"}, "http://x.example", False, []),
    ],
)
def test_a_mistake_costs_only_itself(
    tmp_path: Path,
    environ: dict[str, str],
    endpoint: str | None,
    *,
    has_token: bool,
    failing: list[Check],
) -> None:
    """A wrong token leaves its source anonymous, a wrong endpoint leaves the other source."""
    environ = {"HF_TOKEN_PATH": str(tmp_path / "none"), **environ}
    found = gather_access(INFOS, environ, {"civitai": "https://mirror.example"})
    assert found.access["civitai"].endpoint == "https://mirror.example"
    access = found.access.get("huggingface")
    assert (access.endpoint if access else None) == endpoint
    assert (access is not None and access.token is not None) == has_token
    bad = [each for each in found.findings if each.level is Level.FAIL]
    assert [each.check for each in bad] == failing
    assert all(each.source == "huggingface" and each.next_step for each in bad)
    assert "nonsense!" not in repr(found)
