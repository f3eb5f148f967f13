"""Hold the shape of definition files: what TOML may stand where, and what it turns into."""

from __future__ import annotations

import tomllib

import pytest
from pydantic import TypeAdapter, ValidationError

from manifests.definitions import DefinitionFile, Options, as_text

OPTIONS = TypeAdapter(Options)


def parsed(text: str) -> DefinitionFile:
    """Return the file that TOML holds."""
    return DefinitionFile.model_validate(tomllib.loads(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        ("1", "1"),
        ([1, "a", True, []], ("1", "a", "true", ())),
        (1.5, 1.5),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_toml_values_are_spelt_as_upstream_spells_them(*, value: object, text: object) -> None:
    """Booleans and whole numbers have one spelling in a query; all else is left to be refused."""
    assert as_text(value) == text


@pytest.mark.parametrize("value", [1.5, {}, [["a"]], [1.5], ["a", {}], None])
def test_what_has_no_one_spelling_is_refused_once(value: object) -> None:
    """A value is text or a list of texts: one error at its own key, not one for each half."""
    with pytest.raises(ValidationError) as caught:
        OPTIONS.validate_python({"key": value})
    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [
        (("key",), "value_type")
    ]


@pytest.mark.parametrize("limit", ["0", "-1", "10001", '"100"', "true", "1.0"])
@pytest.mark.parametrize(
    "place",
    [
        "limit = {}",
        '[overrides."filter/a"]\nlimit = {}',
        '[[filters]]\npath="filter/a"\nlimit = {}',
    ],
)
def test_a_limit_is_a_whole_number_within_bounds(limit: str, place: str) -> None:
    """Neither text nor truth passes for a number of models, wherever a limit stands."""
    with pytest.raises(ValidationError):
        parsed(f'source = "s"\nsort = "o"\n{place.format(limit)}')


def test_limits_reach_from_one_to_ten_thousand() -> None:
    """Both ends are allowed."""
    assert [parsed(f'source = "s"\nsort = "o"\nlimit = {n}').limit for n in (1, 10000)] == [
        1,
        10000,
    ]


def test_a_file_needs_only_a_source_and_an_order() -> None:
    """Everything else has a default."""
    file = parsed('source = "s"\nsort = "o"')
    assert (file.limit, file.facets, file.filters, dict(file.overrides)) == (100, (), (), {})


def test_a_share_is_written_as_a_percentage() -> None:
    """Thresholds read as people say them."""
    file = parsed('source = "s"\nsort = "o"\nmax_shrink = "25%"\nmin_count = 0')
    assert (file.max_shrink, file.min_count) == (0.25, 0)


def test_ids_may_be_written_as_numbers() -> None:
    """CivitAI's ids are numbers, and people write them so."""
    assert parsed('source = "s"\nsort = "o"\nskip_models = [1, "2"]').skip_models == ("1", "2")
