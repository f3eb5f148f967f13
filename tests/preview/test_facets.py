"""Menus come from the definitions, and where those can't be read from the paths alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.models import Filter
from manifests.preview.facets import (
    Facet,
    chosen_by_paths,
    facets_of_filters,
    facets_of_paths,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def made_of(path: str, **slugs: str) -> Filter:
    """Return a filter of a matrix, or without *slugs* one outside of any."""
    return Filter(source="civitai", path=path, label=path, limit=100, sort="Newest", slugs=slugs)


def words(facets: Sequence[Facet], choice: Sequence[int]) -> tuple[str, ...]:
    """Return the path that a choice from menus leads to, as words."""
    chosen = zip(facets, choice, strict=True)
    return tuple(facet.slugs[number] for facet, number in chosen if number)


def test_menus_of_definitions(filters: tuple[Filter, ...]) -> None:
    """Menus have the names, the order and the slugs of the definitions, the default first."""
    facets, _ = facets_of_filters(made for made in filters if made.source == "civitai")
    assert [(facet.name, facet.slugs) for facet in facets] == [
        ("nsfw", ("all", "pg", "pg13", "r", "x")),
        ("period", ("all", "day", "week", "month", "year")),
        ("type", ("all", "checkpoints", "loras")),
        ("base_model", ("all", "sdxl", "sd15", "sd21")),
    ]


def test_every_filter_of_a_matrix_is_in_the_menus(filters: tuple[Filter, ...]) -> None:
    """What a filter's choice says is its path, and no two filters share one."""
    for source in ("civitai", "huggingface"):
        own = [made for made in filters if made.source == source]
        facets, choices = facets_of_filters(own)
        paths = {path: "/".join(("filter", *words(facets, each))) for path, each in choices.items()}
        assert {*paths} == {made.path for made in own}
        assert all(path == led for path, led in paths.items())
        assert len(set(choices.values())) == len(own)


def test_filters_outside_the_matrix_are_in_no_menu() -> None:
    """Explicit filters alone make no menus."""
    assert facets_of_filters([made_of("filter/a"), made_of("filter/b")]) == ((), {})


def test_a_default_that_no_filter_takes() -> None:
    """Of one facet alone the all-default filter is not made: its menu says `all` for it."""
    facets, choices = facets_of_filters([made_of("filter/new", age="new")])
    assert facets == (Facet(name="age", slugs=("all", "new")),)
    assert choices == {"filter/new": (1,)}


def test_guessed_menus_of_a_matrix_are_the_true_ones(filters: tuple[Filter, ...]) -> None:
    """The paths of a whole matrix give its menus away, but for names and the order in them."""
    for source in ("civitai", "huggingface"):
        own = [made for made in filters if made.source == source]
        true, _ = facets_of_filters(own)
        guessed = facets_of_paths(made.path for made in own)
        assert [{*facet.slugs[1:]} for facet in guessed] == [{*facet.slugs[1:]} for facet in true]
        assert len(chosen_by_paths(guessed, [made.path for made in own])) == len(own)


@pytest.mark.parametrize(
    ("paths", "led"),
    [
        ([], set()),
        (["filter/a"], {"filter/a"}),
        (["filter/a", "filter/b", "filter/c"], {"filter/a", "filter/b", "filter/c"}),
        (["filter/a/b", "filter/b/a"], {"filter/a/b"}),
        (["filter/a/a", "filter/a"], {"filter/a"}),
        (["filter/a/b", "filter/c"], {"filter/a/b", "filter/c"}),
    ],
    ids=["none", "one", "flat", "two orders", "twice", "gaps"],
)
def test_guessed_menus_of_odd_paths(paths: list[str], led: set[str]) -> None:
    """A path that menus can't tell from another is left out of them, and all others are in."""
    assert set(chosen_by_paths(facets_of_paths(paths), paths)) == led


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4), max_size=20))
def test_no_two_paths_share_a_choice(drawn: list[list[str]]) -> None:
    """Whatever the paths are, each choice leads to one, made of the same words."""
    paths = ["/".join(["filter", *each]) for each in drawn]
    facets = facets_of_paths(paths)
    choices = chosen_by_paths(facets, paths)
    assert len(set(choices.values())) == len(choices)
    for path, choice in choices.items():
        assert sorted(words(facets, choice)) == sorted(path.split("/")[1:])


@pytest.mark.parametrize(
    ("facet", "title"),
    [
        (Facet(name="base_model", slugs=("all",)), "Base model"),
        (Facet(name="nsfw", slugs=("all",)), "NSFW"),
        (Facet(name="type", slugs=("all",)), "Type"),
        (Facet(name="", slugs=("all", "likes")), "likes"),
        (Facet(name="", slugs=("all", "a", "b")), "a, b"),
        (Facet(name="", slugs=("all", "a", "b", "c")), "a, b…"),
    ],
)
def test_titles(facet: Facet, title: str) -> None:
    """A menu is titled as people say its name, or by its first words."""
    assert facet.title == title
