"""Find out in which layout a set is published, so that nothing turns it over by accident."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from manifests.store.formats import Style
from manifests.store.names import manifest_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.sources.base import SourceInfo
    from manifests.store.published import Published

__all__ = ["kept_style"]

STANDARD_MARK: Final = b'"schema":'
"""Stands in every manifest of the standard layout, and in none of the compact one."""


def kept_style(
    published: Published, infos: Mapping[str, SourceInfo], *, asked: bool | None
) -> Style:
    """Return the layout of the files that are made anew.

    Args:
        published: what stands in the output folder.
        infos: all sources, by name.
        asked: whether somebody asked for the compact layout, or against it; None keeps the layout
            of most published manifests, and without any it is the standard one.
    """
    if asked is not None:
        return Style.COMPACT if asked else Style.STANDARD
    names = (manifest_file(infos[source], path) for source, path in published.manifests)
    found = Counter(STANDARD_MARK in published.files[name] for name in names)
    return Style.COMPACT if found[False] > found[True] else Style.STANDARD
