"""Hold what Hugging Face is asked for, what is selected here, and which listing answers which."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from manifests.models import FacetValue, Filter, Model, Query
from manifests.sources.huggingface import HuggingFace, token_file

HUGGING_FACE = HuggingFace()


def made(**changes: object) -> Filter:
    """Return a filter with *changes*."""
    fields = {"source": "huggingface", "path": "filter/x", "label": "x", "limit": 100}
    return TypeAdapter(Filter).validate_python({**fields, "sort": "downloads", **changes})


def asked(**changes: object) -> dict[str, tuple[str, ...]]:
    """Return what upstream is asked for, by parameter, without the properties."""
    query = HUGGING_FACE.resolve(made(**changes)).query
    return {name: query.values(name) for name, _ in query.parameters if name != "expand"}


def query(**parameters: str | tuple[str, ...]) -> Query:
    """Return the query of an explicit filter."""
    return HUGGING_FACE.resolve(made(parameters=parameters)).query


def model(**fields: object) -> Model:
    """Return a model with *fields*."""
    return TypeAdapter(Model).validate_python(
        {"id": "a/b", "source": "huggingface", "slug": "a--b", "name": "b", **fields}
    )


def kept(one: Model, **changes: object) -> bool:
    """Tell whether a filter's rules keep a model."""
    return all(rule.keeps(one) for rule in HUGGING_FACE.resolve(made(**changes)).rules)


PLAIN = {"limit": ("1000",), "sort": ("downloads",)}


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, PLAIN),
        ({"values": {"sort": "likes", "size": "", "license": ()}}, {**PLAIN, "sort": ("likes",)}),
        ({"values": {"license": ("mit",)}}, {**PLAIN, "filter": ("license:mit",)}),
        ({"values": {"license": "mit"}}, {**PLAIN, "filter": ("license:mit",)}),
        ({"values": {"license": ("!mit",)}}, PLAIN),
        ({"values": {"license": ("mit", "apache-2.0")}}, PLAIN),
        ({"values": {"size": "<7B"}}, PLAIN),
        (
            {"values": {"license": ("mit",)}, "parameters": {"filter": ("gguf", "en")}},
            {**PLAIN, "filter": ("en", "gguf", "license:mit")},
        ),
        (
            {"values": {"sort": "likes"}, "parameters": {"sort": "createdAt", "author": "a"}},
            {**PLAIN, "sort": ("createdAt",), "author": ("a",)},
        ),
    ],
)
def test_a_filter_in_upstream_s_terms(
    changes: dict[str, object], parameters: dict[str, tuple[str, ...]]
) -> None:
    """Facets and explicit parameters become the canonical listing to ask for."""
    assert asked(**changes) == parameters


def test_every_property_is_asked_for_by_name() -> None:
    """A list without `expand` lacks author, gate and last change."""
    assert {"author", "gated", "lastModified", "safetensors", "tags"} <= {*query().values("expand")}


def test_a_request_adds_nothing_but_the_cursor() -> None:
    """The first page is asked for without one; later ones keep the order of parameters."""
    listing = query(author="a")
    assert HUGGING_FACE.request(listing, None).parameters == listing.parameters
    later = HUGGING_FACE.request(listing, "k=")
    assert later.path == "/api/models"
    assert later.parameters == tuple(sorted((*listing.parameters, ("cursor", "k="))))


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, "~/.cache/huggingface/token"),
        ({"XDG_CACHE_HOME": "/cache"}, "/cache/huggingface/token"),
        ({"XDG_CACHE_HOME": "/cache", "HF_HOME": "/home"}, "/home/token"),
        ({"HF_HOME": "/home", "HF_TOKEN_PATH": "/file"}, "/file"),
        ({"HF_HOME": ""}, "~/.cache/huggingface/token"),
    ],
)
def test_the_token_file_is_that_of_upstream_s_own_client(
    environment: dict[str, str], path: str
) -> None:
    """Whoever has logged in with the client needs no variable; an empty one counts as unset."""
    assert token_file(environment) == path


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        (1, "<7B"),
        (6_999_999_999, "<7B"),
        (7_000_000_000, "7-13B"),
        (13_000_000_000, "7-13B"),
        (13_000_000_001, ">13B"),
    ],
)
def test_sizes_have_exact_borders(parameters: int, size: str) -> None:
    """Each size is in one class, and in the listing of all."""
    one = model(parameters=parameters)
    classes = ["", "<7B", "7-13B", ">13B"]
    assert [kind for kind in classes if kept(one, values={"size": kind})] == ["", size]


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        ({}, []),
        ({"unknown_size": "none"}, []),
        ({"unknown_size": "small"}, ["<7B"]),
        ({"unknown_size": "large"}, [">13B"]),
    ],
)
def test_unknown_sizes_go_where_the_definitions_say(
    options: dict[str, str], classes: list[str]
) -> None:
    """A model of unknown size is in the named class only, or in none."""
    found = [
        kind
        for kind in ("<7B", "7-13B", ">13B")
        if kept(model(), values={"size": kind}, options=options)
    ]
    assert found == classes


@pytest.mark.parametrize(
    ("tags", "wanted", "keeps"),
    [
        ((), ("!apache-2.0", "!mit"), True),
        (("license:gemma",), ("!apache-2.0", "!mit"), True),
        (("license:mit",), ("!apache-2.0", "!mit"), False),
        (("license:gemma", "license:mit"), ("!apache-2.0", "!mit"), False),
        (("mit",), ("!mit",), True),
        (("license:mit",), ("mit", "apache-2.0"), True),
        (("license:gemma",), ("mit", "apache-2.0"), False),
        ((), ("mit", "apache-2.0"), False),
        (("license:mit", "license:gemma"), ("mit", "!gemma"), False),
    ],
)
def test_licences_are_selected_by_tag(
    *,
    tags: tuple[str, ...],
    wanted: tuple[str, ...],
    keeps: bool,
) -> None:
    """Any wanted licence will do, and no unwanted one may be there."""
    assert kept(model(tags=tags), values={"license": wanted}) is keeps


def test_rules_name_the_field_that_decides() -> None:
    """The funnel of a filter says which of upstream's fields dropped a model, in this order."""
    filter_ = made(values={"size": "<7B", "license": ("!mit",)}, skip_models=("a/b",))
    names = [f"{rule.name}:{rule.field}" for rule in HUGGING_FACE.resolve(filter_).rules]
    assert names == ["size:safetensors.total", "license:tags", "skip_models:id"]
    assert HUGGING_FACE.resolve(made(values={"license": ("mit",)})).rules == ()


@pytest.mark.parametrize("value", ["min:6B", "max:128B", "min:6B,max:128B", "min:1.5b"])
def test_ranges_of_sizes_pass(value: str) -> None:
    """Either side of a range may stand alone."""
    assert list(HUGGING_FACE.check({"num_parameters": value})) == []


@pytest.mark.parametrize("value", ["", "6B", "min:,max:7B", "min:6B-max:7B", ","])
def test_odd_ranges_are_named(value: str) -> None:
    """What upstream could not read is refused before a request is sent."""
    parameters: dict[str, FacetValue] = {"num_parameters": value}
    (line,) = HUGGING_FACE.check(parameters)
    assert "min:6B,max:128B" in line


@pytest.mark.parametrize(
    ("broad", "narrow", "covered"),
    [
        ({}, {}, False),
        ({}, {"filter": "license:mit"}, True),
        ({"filter": "en"}, {"filter": ("en", "license:mit")}, True),
        ({"filter": "gguf"}, {"filter": "license:mit"}, False),
        ({"filter": "license:mit"}, {}, False),
        ({}, {"filter": "text-generation"}, False),
        ({}, {"filter": "license:mit", "sort": "likes"}, False),
        ({}, {"filter": "license:mit", "author": "a"}, False),
        ({"author": "a"}, {"filter": "license:mit", "author": "a"}, True),
    ],
)
def test_a_listing_covers_those_that_ask_for_more_tags(
    *,
    broad: dict[str, str | tuple[str, ...]],
    narrow: dict[str, str | tuple[str, ...]],
    covered: bool,
) -> None:
    """All else must be equal, and a further tag must be one that models carry as it is asked."""
    wide, slim = query(**broad), query(**narrow)
    assert HUGGING_FACE.covers(wide, slim) is covered
    assert HUGGING_FACE.family(wide) == HUGGING_FACE.family(slim) or not covered


TAGS = ("license:mit", "license:gemma", "region:us", "en")
MODELS = [
    model(tags=tags) for count in range(len(TAGS)) for tags in itertools.combinations(TAGS, count)
]
SUBSETS = st.sets(st.sampled_from(TAGS))


@given(SUBSETS, st.sets(st.sampled_from([tag for tag in TAGS if ":" in tag]), min_size=1))
def test_answers_are_what_the_narrow_listing_lists(wide: set[str], more: set[str]) -> None:
    """What a covering listing holds and `answers` keeps is just what the narrow one lists."""
    slim = wide | more
    broad, narrow = (query(filter=tuple(tags)) for tags in (wide, slim))
    assume(wide != slim)
    assert HUGGING_FACE.covers(broad, narrow)
    held = [one for one in MODELS if wide <= set(one.tags)]
    listed = [one for one in MODELS if slim <= set(one.tags)]
    assert HUGGING_FACE.family(broad) == HUGGING_FACE.family(narrow)
    assert [one for one in held if HUGGING_FACE.answers(narrow, one)] == listed


def test_a_task_that_no_tag_tells_is_left_to_the_covering_listing() -> None:
    """Upstream finds libraries by other fields too, so that a shared one is not asked again."""
    broad, narrow = query(filter="transformers"), query(filter=("transformers", "license:mit"))
    assert HUGGING_FACE.covers(broad, narrow)
    assert HUGGING_FACE.answers(narrow, model(tags=("license:mit",)))
