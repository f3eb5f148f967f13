"""The names of published files, and of those that are on their way there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.store.names import is_temporary, manifest_file, manifest_pattern, temporary_name

if TYPE_CHECKING:
    from manifests.sources.base import SourceInfo


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("civitai", "filter/x/week/sd21", "civitai-filter-x-week-sd21.json"),
        ("huggingface", "filter/likes/small", "hf-filter-likes-small.json"),
    ],
)
def test_a_manifest_is_named_by_prefix_and_path(
    infos: dict[str, SourceInfo], source: str, path: str, name: str
) -> None:
    """A manifest's name is its source's prefix and its path, with a dash for each slash."""
    assert manifest_file(infos[source], path) == name


def test_the_pattern_tells_the_prefix(infos: dict[str, SourceInfo]) -> None:
    """Manifests are looked for under the prefix, not under the name, of their source."""
    assert manifest_pattern(infos["huggingface"]) == "hf-filter-*.json"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (temporary_name("index.json", "0123456789abcdef"), True),
        ("index.json", False),
        (".index.json.0123456789abcdef.tmp.bak", False),
        (".index.json.0123456789ABCDEF.tmp", False),
        (".index.json.0123.tmp", False),
        ("index.json.0123456789abcdef.tmp", False),
        (".notes.txt.0123456789abcdef.tmp", False),
    ],
)
def test_only_our_own_temporary_names_are_known(name: str, *, expected: bool) -> None:
    """A name that anyone else could have given is not taken for one of ours."""
    assert is_temporary(name) is expected
