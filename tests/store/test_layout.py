"""A set keeps the layout in which it is published, unless somebody asks for another."""

from __future__ import annotations

import pytest

from manifests.models import Manifest
from manifests.sources import SOURCES
from manifests.store.formats import Style, manifest_bytes
from manifests.store.layout import kept_style
from manifests.store.names import manifest_file
from manifests.store.published import Published

INFOS = {name: source.info for name, source in SOURCES.items()}
S, C = Style.STANDARD, Style.COMPACT


def published(*styles: Style) -> Published:
    """Return a set of manifests in such layouts, that hold what might mislead."""
    files, manifests = {}, {}
    for number, style in enumerate(styles):
        info, path = INFOS["huggingface"], f"filter/schema/{number}"
        manifest = Manifest(
            source=info.name,
            filter=path,
            label="schema",
            models_file=info.models_file,
            model_ids=("schema", '"schema"'),
            complete=True,
        )
        files[manifest_file(info, path)] = manifest_bytes(manifest, info, style=style)
        manifests[info.name, path] = manifest
    return Published(files=files, manifests=manifests)


@pytest.mark.parametrize(
    ("styles", "asked", "found"),
    [
        ((), None, S),
        ((S,), None, S),
        ((C,), None, C),
        ((C, C, S), None, C),
        ((C, S), None, S),
        ((C, C), False, S),
        ((S, S), True, C),
        ((), True, C),
    ],
)
def test_the_layout_of_most_is_kept(
    styles: tuple[Style, ...], *, asked: bool | None, found: Style
) -> None:
    """Of a mixture that of most manifests, and of an even one the standard layout."""
    assert kept_style(published(*styles), INFOS, asked=asked) is found
