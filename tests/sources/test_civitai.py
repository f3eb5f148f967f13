"""Hold what CivitAI is asked for, what is selected here, and which listing answers which."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from manifests.models import FacetValue, Filter, Model, Query
from manifests.sources.civitai import CivitAI

CIVITAI = CivitAI()


def made(**changes: object) -> Filter:
    """Return a filter with *changes*."""
    fields = {"source": "civitai", "path": "filter/x", "label": "x", "limit": 100}
    return TypeAdapter(Filter).validate_python({**fields, "sort": "Most Downloaded", **changes})


def asked(**changes: object) -> dict[str, tuple[str, ...]]:
    """Return what upstream is asked for, by parameter."""
    query = CIVITAI.resolve(made(**changes)).query
    return {name: query.values(name) for name, _ in query.parameters}


def query(**parameters: str | tuple[str, ...]) -> Query:
    """Return the query of an explicit filter."""
    return CIVITAI.resolve(made(parameters=parameters)).query


def model(**fields: object) -> Model:
    """Return a model with *fields*."""
    return TypeAdapter(Model).validate_python(
        {"id": "1", "source": "civitai", "slug": "one", "name": "One", **fields}
    )


PLAIN = {"limit": ("100",), "nsfw": ("true",), "period": ("AllTime",), "sort": ("Most Downloaded",)}


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, PLAIN),
        ({"values": {"nsfw": "XXX", "base_model": ()}}, PLAIN),
        ({"values": {"nsfw": "None"}}, {**PLAIN, "nsfw": ("false",)}),
        ({"values": {"nsfw": "Soft", "period": "Week"}}, {**PLAIN, "period": ("Week",)}),
        (
            {"values": {"type": ("LORA", "Checkpoint", "LORA"), "base_model": "SD 1.5"}},
            {**PLAIN, "types": ("Checkpoint", "LORA"), "baseModels": ("SD 1.5",)},
        ),
        (
            {"parameters": {"sort": "Newest", "tag": "a"}},
            {**PLAIN, "sort": ("Newest",), "tag": ("a",)},
        ),
        ({"parameters": {"nsfw": "false"}}, {**PLAIN, "nsfw": ("false",)}),
        (
            {"parameters": {"query": "cat"}},
            {"limit": ("100",), "nsfw": ("true",), "period": ("AllTime",), "query": ("cat",)},
        ),
    ],
)
def test_a_filter_in_upstream_s_terms(
    changes: dict[str, object], parameters: dict[str, tuple[str, ...]]
) -> None:
    """Facets and explicit parameters become the canonical listing to ask for."""
    assert asked(**changes) == parameters


def test_equal_listings_are_equal_queries() -> None:
    """The order in which values are written makes no difference."""
    one, two = (query(types=types) for types in [("LORA", "VAE"), ("VAE", "LORA", "VAE")])
    assert one == two
    assert one.parameters == tuple(sorted(one.parameters))


def test_a_request_adds_nothing_but_the_cursor() -> None:
    """The first page is asked for without one; later ones keep the order of parameters."""
    listing = query(tag="a")
    assert CIVITAI.request(listing, None).parameters == listing.parameters
    later = CIVITAI.request(listing, "1|2")
    assert later.path == "/api/v1/models"
    assert later.parameters == tuple(sorted((*listing.parameters, ("cursor", "1|2"))))


LEVELS = [
    # upstream's level and flag, then the slugs' values in which such a model stands
    ((None, None), {"XXX", "None", "Soft", "Mature", "X"}),
    ((None, True), {"XXX", "Mature", "X"}),
    ((0, False), {"XXX"}),
    ((1, False), {"XXX", "None", "Soft", "Mature", "X"}),
    ((2, False), {"XXX", "Soft", "Mature", "X"}),
    ((4, False), {"XXX", "Mature", "X"}),
    ((8, False), {"XXX", "X"}),
    ((16, False), {"XXX"}),
    ((31, False), {"XXX", "None", "Soft", "Mature", "X"}),
    ((31, True), {"XXX", "Mature", "X"}),
    ((32, False), set()),
    ((33, False), set()),
    ((60, True), set()),
]


@pytest.mark.parametrize(("rating", "levels"), LEVELS)
@pytest.mark.parametrize("level", ["XXX", "None", "Soft", "Mature", "X"])
def test_levels_are_selected_by_bits_and_flag(
    rating: tuple[int | None, bool | None], levels: set[str], level: str
) -> None:
    """A model stands in a level where it has something to show, unless flagged or blocked."""
    rules = CIVITAI.resolve(made(values={"nsfw": level})).rules
    rated = model(nsfw_level=rating[0], nsfw=rating[1])
    assert all(rule.keeps(rated) for rule in rules) == (level in levels)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["blocked:nsfwLevel"]),
        ({"values": {"nsfw": "XXX"}}, ["blocked:nsfwLevel"]),
        ({"values": {"nsfw": "X"}}, ["blocked:nsfwLevel", "level:nsfwLevel"]),
        ({"values": {"nsfw": "Soft"}}, ["blocked:nsfwLevel", "flagged:nsfw", "level:nsfwLevel"]),
        ({"skip_models": ("1",)}, ["blocked:nsfwLevel", "skip_models:id"]),
    ],
)
def test_rules_name_the_field_that_decides(changes: dict[str, object], names: list[str]) -> None:
    """The funnel of a filter says which of upstream's fields dropped a model, in this order."""
    rules = CIVITAI.resolve(made(**changes)).rules
    assert [f"{rule.name}:{rule.field}" for rule in rules] == names


def test_skipped_models_are_never_kept() -> None:
    """A model that the definitions don't want is dropped by its id."""
    *_, rule = CIVITAI.resolve(made(skip_models=("1",))).rules
    assert not rule.keeps(model())
    assert rule.keeps(model(id="2"))


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"query": "cat", "sort": "Newest"}, "`sort` has no effect"),
        ({"checkpointType": "Merge"}, "add types"),
        ({"checkpointType": "Merge", "types": ("LORA",)}, "add types"),
        ({"ids": ("1,2", "x")}, "`ids` takes numbers, not 'x'"),
        ({"ids": "1,"}, "`ids` takes numbers"),
    ],
)
def test_useless_combinations_are_named(parameters: dict[str, FacetValue], problem: str) -> None:
    """What upstream would ignore or read otherwise is refused before a request is sent."""
    (line,) = CIVITAI.check(parameters)
    assert problem in line


@pytest.mark.parametrize(
    "parameters",
    [{}, {"query": "cat"}, {"checkpointType": "Merge", "types": "Checkpoint"}, {"ids": "1,2"}],
)
def test_sound_combinations_pass(parameters: dict[str, FacetValue]) -> None:
    """Nothing is said where nothing is wrong."""
    assert list(CIVITAI.check(parameters)) == []


@pytest.mark.parametrize(
    ("broad", "narrow", "covered"),
    [
        ({}, {}, False),
        ({}, {"types": "LORA"}, True),
        ({}, {"types": "LORA", "baseModels": "Pony"}, True),
        ({"types": ("LORA", "VAE")}, {"types": "LORA"}, True),
        ({"types": ("LORA", "VAE")}, {"types": "LORA", "baseModels": ("Pony", "SVD")}, True),
        ({"types": "LORA"}, {}, False),
        ({"types": "LORA"}, {"types": ("LORA", "VAE")}, False),
        ({"types": "LORA"}, {"baseModels": "Pony"}, False),
        ({"baseModels": "Pony"}, {"types": "LORA"}, False),
        ({}, {"types": "LORA", "nsfw": "false"}, False),
        ({}, {"types": "LORA", "period": "Week"}, False),
        ({}, {"types": "LORA", "tag": "a"}, False),
        ({"tag": "a"}, {"types": "LORA", "tag": "a"}, True),
        ({"tag": "a"}, {"types": "LORA"}, False),
        ({"query": "a"}, {"types": "LORA", "query": "a"}, False),
        ({"sort": "Newest"}, {"types": "LORA", "sort": "Newest"}, False),
    ],
)
def test_a_listing_covers_those_that_ask_for_fewer_kinds(
    *,
    broad: dict[str, str | tuple[str, ...]],
    narrow: dict[str, str | tuple[str, ...]],
    covered: bool,
) -> None:
    """Only types and base models may differ, and the broader one must ask for no less."""
    wide, slim = query(**broad), query(**narrow)
    assert CIVITAI.covers(wide, slim) is covered
    assert CIVITAI.family(wide) == CIVITAI.family(slim) or not covered


TYPES, BASES = ("Checkpoint", "LORA", "VAE"), ("Pony", "SD 1.5", "SD 2.1")
SUBSETS = st.tuples(st.sets(st.sampled_from(TYPES)), st.sets(st.sampled_from(BASES)))
MODELS = [
    model(type=kind, base_models=bases)
    for kind, count in itertools.product((*TYPES, None), range(3))
    for bases in itertools.combinations(BASES, count)
]


def naive(kinds: tuple[set[str], set[str]], one: Model) -> bool:
    """Tell what upstream's documentation says: any of the types, and any of the base models."""
    types, bases = kinds
    return (not types or one.type in types) and (not bases or bool(bases & set(one.base_models)))


@given(SUBSETS, SUBSETS)
def test_answers_are_what_the_narrow_listing_lists(
    wide: tuple[set[str], set[str]], slim: tuple[set[str], set[str]]
) -> None:
    """A listing answers for another just what that one lists, and covered means a subset."""
    broad, narrow = (query(types=tuple(one), baseModels=tuple(two)) for one, two in (wide, slim))
    listed = [one for one in MODELS if naive(slim, one)]
    assert [one for one in MODELS if CIVITAI.answers(narrow, one)] == listed
    if CIVITAI.covers(broad, narrow):
        assert CIVITAI.family(broad) == CIVITAI.family(narrow)
        assert all(naive(wide, one) for one in listed)
