"""Tell a run as its record: the JSON from which every other format can be made later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.store.canonical import encode

if TYPE_CHECKING:
    from manifests.report.story import Story

__all__ = ["render"]


def render(story: Story) -> bytes:
    """Return the run record, whose schema is that of `manifests schema run`."""
    return encode(story.record.model_dump(mode="json", by_alias=True))
