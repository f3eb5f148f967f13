"""Comparing two sets: nothing is lost between them, and nothing is told that did not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.comparison.sets import Kind, Mention, Side, compare_sets
from manifests.difference import compare
from manifests.models import Catalogue, Manifest, Model

if TYPE_CHECKING:
    from random import Random

IDS = st.lists(st.integers(0, 9).map(str), unique=True, max_size=6)
KEYS = st.tuples(
    st.sampled_from(["civitai", "huggingface"]), st.sampled_from("abcd").map("filter/".__add__)
)
MODES = st.dictionaries(
    st.integers(0, 9).map(str), st.sampled_from([None, "Archived", "TakenDown"])
)


def manifest(source: str, path: str, *ids: str, complete: bool = True) -> Manifest:
    """Return a manifest of the given ids."""
    return Manifest(
        source=source,
        filter=path,
        label=path,
        models_file=f"{source}-models.json",
        model_ids=ids,
        complete=complete,
    )


def catalogue(source: str, modes: dict[str, str | None]) -> Catalogue:
    """Return models with such modes, whose names are made of their ids."""
    models = {
        id_: Model(id=id_, source=source, slug=id_, name=f"model {id_}", mode=mode)
        for id_, mode in modes.items()
    }
    return Catalogue(source=source, models=models)


def side(*manifests: Manifest, **modes: dict[str, str | None]) -> Side:
    """Return a set of manifests with the catalogues of the sources that are named."""
    return Side(
        manifests={(one.source, one.filter): one for one in manifests},
        catalogues={source: catalogue(source, each) for source, each in modes.items()},
    )


@st.composite
def sides(draw: st.DrawFn) -> Side:
    """Draw a set whose catalogues know some of its models."""
    keyed = draw(st.dictionaries(KEYS, st.tuples(IDS, st.booleans())))
    manifests = [
        manifest(source, path, *ids, complete=complete)
        for (source, path), (ids, complete) in keyed.items()
    ]
    return side(*manifests, **draw(st.fixed_dictionaries({}, optional={"civitai": MODES})))


@given(before=sides(), after=sides())
@settings(max_examples=40)
def test_a_comparison_tells_of_every_filter(before: Side, after: Side) -> None:
    """Each filter whose manifests differ is told of once, with all that came, went or moved."""
    found = compare_sets(before, after)
    keys = before.manifests.keys() | after.manifests.keys()
    differ = [key for key in keys if before.manifests.get(key) != after.manifests.get(key)]
    assert [(each.source, each.path) for each in found.changes] == sorted(differ)
    assert found.unchanged == len(keys) - len(differ)
    for each in found.changes:
        old, new = (one.manifests.get((each.source, each.path)) for one in (before, after))
        ids = [one.model_ids if one else () for one in (old, new)]
        assert each.difference == compare(*ids)
        assert (each.before, each.after) == tuple(map(len, ids))


@given(one=sides())
@settings(max_examples=40)
def test_a_set_does_not_differ_from_itself(one: Side) -> None:
    """Equal sets have no difference, down to the models that are spoken of."""
    found = compare_sets(one, one)
    assert found.is_none
    assert (found.changes, found.added, found.removed, found.names) == ((), (), (), {})
    assert found.unchanged == len(one.manifests)


@given(before=sides(), after=sides())
@settings(max_examples=40)
def test_what_came_one_way_goes_the_other(before: Side, after: Side) -> None:
    """Turned around, a comparison has added what it had removed; the totals agree with the sets."""
    there, back = compare_sets(before, after), compare_sets(after, before)
    assert {(one.source, one.id) for one in there.added} == {
        (one.source, one.id) for one in back.removed
    }
    assert there.kinds[Kind.CAME] == back.kinds[Kind.WENT]
    assert there.unchanged == back.unchanged
    assert there.unchanged + len(there.changes) == len(
        before.manifests.keys() | after.manifests.keys()
    )


@given(before=sides(), after=sides(), random=st.randoms())
@settings(max_examples=40)
def test_the_order_of_the_sets_leaves_no_trace(before: Side, after: Side, random: Random) -> None:
    """The same sets give the same comparison, in the same order, however they were filled."""
    manifests = dict(random.sample([*before.manifests.items()], len(before.manifests)))
    shuffled = Side(manifests=manifests, catalogues=before.catalogues)
    one, other = compare_sets(before, after), compare_sets(shuffled, after)
    assert one == other
    assert [*one.names.items()] == [*other.names.items()]
    keys = [(change.source, change.path) for change in one.changes]
    assert keys == sorted(keys)


def test_filters_come_go_and_change() -> None:
    """Each filter is told by what happened to it, with its counts; equal ones are only counted."""
    before = side(
        manifest("civitai", "filter/gone", "1"),
        manifest("civitai", "filter/same", "1"),
        manifest("civitai", "filter/x", "1", "2", "3"),
        manifest("civitai", "filter/y", "1", complete=False),
        civitai={"1": None, "2": None, "3": None},
    )
    after = side(
        manifest("civitai", "filter/new", "4"),
        manifest("civitai", "filter/same", "1"),
        manifest("civitai", "filter/x", "3", "1", "4"),
        manifest("civitai", "filter/y", "1"),
        civitai={"1": None, "3": None, "4": None},
    )
    found = compare_sets(before, after)
    assert [(one.path, one.kind.value, one.before, one.after) for one in found.changes] == [
        ("filter/gone", "went", 1, 0),
        ("filter/new", "came", 0, 1),
        ("filter/x", "changed", 3, 3),
        ("filter/y", "changed", 1, 1),
    ]
    assert found.changes[3].difference.is_none
    assert found.unchanged == 1
    assert found.moved == 1
    assert found.added == (Mention(source="civitai", id="4", name="model 4"),)
    assert found.removed == (Mention(source="civitai", id="2", name="model 2"),)
    assert found.names == {("civitai", id_): f"model {id_}" for id_ in "1234"}


@pytest.mark.parametrize(
    ("old", "new", "mode"),
    [
        (None, "TakenDown", "TakenDown"),
        (None, "Archived", "Archived"),
        ("Archived", "TakenDown", "TakenDown"),
        ("TakenDown", "TakenDown", None),
        ("TakenDown", None, None),
    ],
)
def test_a_model_is_taken_down_when_its_mode_is_new(
    old: str | None, new: str | None, mode: str | None
) -> None:
    """A mode that a model did not have before is told, per filter and in all, and only once."""
    one = manifest("civitai", "filter/x", "1", "2")
    two = manifest("civitai", "filter/x", "2")
    before = side(one, civitai={"1": old, "2": None})
    found = compare_sets(before, side(two, civitai={"1": new, "2": None, "3": "TakenDown"}))
    assert [(one.id, one.mode) for one in found.taken_down] == ([("1", mode)] if mode else [])
    assert found.changes[0].taken_down == (("1",) if mode else ())


def test_a_model_is_taken_down_though_no_list_changes() -> None:
    """Sets with equal manifests differ where upstream has moderated one of their models."""
    one = manifest("civitai", "filter/x", "1")
    found = compare_sets(side(one, civitai={"1": None}), side(one, civitai={"1": "Archived"}))
    assert (found.changes, found.is_none) == ((), False)
    assert found.names == {("civitai", "1"): "model 1"}


def test_without_catalogues_models_have_no_names() -> None:
    """Ids alone can be compared; nothing is known to be taken down."""
    found = compare_sets(
        side(manifest("civitai", "filter/x"), civitai={"1": None}),
        side(manifest("civitai", "filter/x", "7")),
    )
    assert found.added == (Mention(source="civitai", id="7", name=None),)
    assert (found.taken_down, found.names) == ((), {})
