"""CivitAI's word for a moderated model is kept, as it says that files or images are gone."""

from __future__ import annotations

import json

import pytest

from manifests.sources.civitai_page import read_page


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, None),
        ({"mode": None}, None),
        ({"mode": "Archived"}, "Archived"),
        ({"mode": "TakenDown"}, "TakenDown"),
        ({"mode": " \u200b "}, None),
    ],
)
def test_the_mode_is_upstreams_word(sent: dict[str, object], kept: str | None) -> None:
    """A model has a mode where upstream sends one, and null where it leaves it out."""
    body = json.dumps({"items": [{"id": 7, "name": "Seven", **sent}], "metadata": {}})
    (entry,) = read_page(body.encode()).entries
    assert entry.model.mode == kept
