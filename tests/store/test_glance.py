"""A glance at a file of models says what reading it in full does, or nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.models import Model
from manifests.sources import SOURCES
from manifests.store.entrylog import model_fields
from manifests.store.formats import Style, model_item, models_pieces
from manifests.store.glance import ids_at_a_glance, notes_at_a_glance
from manifests.store.snapshots import NOTES, body_of, map_notes

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO = SOURCES["civitai"].info
LINE = '": {\n      "author": "x",\n      "mode": null,\n      "name": "y",\n'
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    [LINE, f"\n    {LINE}", '\n      "name": ', '\\"', "\u2028"]
)


def made(models: Mapping[str, Model], *, style: Style = Style.STANDARD) -> bytes:
    """Return the file of some models."""
    items = [
        model_item(id_, model_fields(model), None, style=style)
        for id_, model in sorted(models.items())
    ]
    return b"".join(models_pieces(items, INFO, style=style))


@given(st.dictionaries(TEXTS, st.tuples(TEXTS, TEXTS | st.none(), TEXTS | st.none()), min_size=1))
def test_a_glance_says_what_reading_does(
    given_: dict[str, tuple[str, str | None, str | None]],
) -> None:
    """The ids in their order, and notes as they are kept, whatever stands in the texts."""
    models = {
        id_: Model(
            id=id_, source="civitai", slug="s", name=name, author=author, mode=mode, tags=(id_,)
        )
        for id_, (name, author, mode) in given_.items()
    }
    data = made(models)
    assert ids_at_a_glance(data) == sorted(models)
    notes = notes_at_a_glance(data)
    assert notes == body_of(map_notes(models))
    assert NOTES.validate_json(notes) == map_notes(models)


MODEL = Model(id="1", source="civitai", slug="s", name="a")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        made({}),
        made({"1": MODEL}, style=Style.COMPACT),
        made({"1": MODEL}).replace(b'"count": 1', b'"count": 2'),
        made({"1": MODEL}).replace(b'    "1": {', b'    "1":  {'),
        made({"1": MODEL}).replace(b'"count": 1', b'"count":  1'),
    ],
)
def test_another_layout_is_left_to_others(data: bytes) -> None:
    """What is not just as this tool writes it is not guessed at."""
    assert ids_at_a_glance(data) is None
    assert notes_at_a_glance(data) is None


def test_a_field_in_between_keeps_the_notes_from_a_glance() -> None:
    """A later version may know of more fields; then its files are read in full."""
    data = made({"1": MODEL}).replace(b'      "name"', b'      "mood": 1,\n      "name"')
    assert (ids_at_a_glance(data), notes_at_a_glance(data)) == (["1"], None)
