"""Ids held as bytes: in every way like the tuple that they stand for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from manifests import models
from manifests.models import Ids, Manifest, Stats

IDS = st.lists(st.text(max_size=4), max_size=5).map(tuple)


@given(ids=IDS, other=IDS)
def test_they_are_like_a_tuple(ids: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Whatever the ids are, line breaks and halves of surrogate pairs too."""
    packed, others = Ids.of(ids), Ids.of(other)
    assert packed == ids
    assert ids == packed
    assert tuple(packed) == ids
    assert (packed == others) is (packed == other) is (ids == other)
    assert (len(packed), bool(packed)) == (len(ids), bool(ids))
    assert (hash(packed), repr(packed)) == (hash(ids), repr(ids))
    assert packed[1:] == ids[1:]
    assert [packed[place] for place in range(-len(ids), 0)] == [*ids]
    assert all(id_ in packed for id_ in ids)
    a_list: object = list(ids)
    assert packed != a_list


def test_a_manifest_of_packed_ids_equals_any_other() -> None:
    """How its ids are held is nobody's business."""
    plain = Manifest(
        source="civitai",
        filter="filter/x",
        label="x",
        models_file="civitai-models.json",
        model_ids=("1", "2"),
        complete=True,
    )
    packed = replace(plain, model_ids=Ids.of(plain.model_ids))
    assert isinstance(packed.model_ids, Ids)
    assert packed == plain
    assert hash(packed) == hash(plain)


def test_a_module_has_what_it_says() -> None:
    """`Record` comes when it is asked for; what is not there is missed as in any module."""
    assert issubclass(models.Record, BaseModel)
    with pytest.raises(AttributeError, match="no attribute 'Recording'"):
        models.Recording  # noqa: B018 - asking is the point


def test_plentiful_records_are_values() -> None:
    """Equal fields make equal records, with one hash; there are no fields but the named ones."""
    one, same = Stats(downloads=1), Stats(downloads=1, likes=None)
    assert (one, hash(one)) == (same, hash(same))
    assert one != replace(one, likes=2)
    with pytest.raises(AttributeError):
        object.__setattr__(one, "other", 1)
    with pytest.raises(TypeError):
        Stats(1)  # type: ignore[call-arg]  # by name only
