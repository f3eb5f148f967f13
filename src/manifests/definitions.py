"""Give definition files their shape, as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from manifests.errors import SettingsError
from manifests.models import FacetValue, Record
from manifests.settings import parse_share

__all__ = [
    "DefinitionFile",
    "Definitions",
    "ExplicitFilter",
    "FacetDefinition",
    "Options",
    "Override",
    "as_text",
]

SLUG = r"[a-z0-9][a-z0-9._-]*"
PATH = rf"filter(/{SLUG})+"
MOST_MODELS = 10_000
MOST_FILTERS = 100_000


def as_text(value: object) -> object:
    """Return a TOML value as upstream's query string would hold it; lists become tuples."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return tuple(as_text(item) for item in value)
    return value


def as_value(value: object) -> object:
    """Return one TOML value, or a list of them, as upstream's query string would hold it.

    Raises:
        PydanticCustomError: it is a table, a date, or anything else that has no one spelling. Left
            to the two halves of `FacetValue`, it would be told twice, in words of no one's file.
    """
    found = as_text(value)
    if all(isinstance(text, str) for text in (found if isinstance(found, tuple) else [found])):
        return found
    raise PydanticCustomError("value_type", "takes text, a whole number, true, false or a list")


def as_share(value: object) -> float:
    """Return the share from 0 to 1 that `50%` stands for.

    Raises:
        PydanticCustomError: it is no percentage from 0 to 100.
    """
    try:
        return parse_share(value if isinstance(value, str) else "")
    except SettingsError as error:
        raise PydanticCustomError("share_type", 'takes a share such as "50%"') from error


def as_count(value: object) -> int:
    """Return a number of models, of which none is one.

    Raises:
        PydanticCustomError: no manifest can hold so many, or so few.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_MODELS:
        return value
    raise PydanticCustomError("count_type", f"takes a whole number from 0 to {MOST_MODELS}")


Text: TypeAlias = Annotated[str, BeforeValidator(as_text)]
Value: TypeAlias = Annotated[FacetValue, BeforeValidator(as_value)]
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
Options: TypeAlias = Mapping[str, Value]
"""What only one source knows of: the further top-level keys of its file."""
Limit: TypeAlias = Annotated[int, Field(ge=1, le=MOST_MODELS, strict=True)]
Count: TypeAlias = Annotated[
    int,
    BeforeValidator(as_count),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_MODELS}),
]
Share: TypeAlias = Annotated[
    float,
    BeforeValidator(as_share),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}),
]
Slug: TypeAlias = Annotated[str, Field(pattern=rf"^{SLUG}$")]
SafePath: TypeAlias = Annotated[str, Field(pattern=rf"^{PATH}$")]


class FacetDefinition(Record):
    """One axis of the matrix; the order of the facets is the order of the segments of a path."""

    name: str
    """What the source knows the axis by, such as `period`."""
    default: Slug
    """The slug that is left out of the path."""
    slugs: Mapping[Slug, Value] = Field(min_length=1)
    """Segment of the path → upstream's value."""


class Override(Record):
    """What one filter has otherwise than its file."""

    limit: Limit | None = None
    label: str | None = None
    allow_empty: Flag | None = None
    min_count: Count | None = None
    max_shrink: Share | None = None


class ExplicitFilter(Record):
    """A filter of its own, in upstream's parameters."""

    path: SafePath
    parameters: Mapping[str, Value] = Field(default_factory=dict)
    """Upstream's own names and values."""
    limit: Limit | None = None
    label: str | None = None
    sort: str | None = None
    allow_empty: Flag = False
    min_count: Count | None = None
    max_shrink: Share | None = None


class DefinitionFile(Record):
    """One file of definitions, as a person writes it."""

    source: str
    """The source that all its filters ask."""
    limit: Limit = 100
    """Models in a manifest, at most."""
    sort: str
    """Upstream's own name of the order."""
    skip_models: tuple[Text, ...] = ()
    """Ids that are never published."""
    min_count: Count = 0
    """Models below which a poorer manifest than the published one is held back."""
    max_shrink: Share | None = None
    """Share of its models that a manifest may lose at once, such as `50%`."""
    exclude: tuple[str, ...] = ()
    """Globs over paths: filters of the matrix that are not made."""
    facets: tuple[FacetDefinition, ...] = ()
    overrides: Mapping[str, Override] = Field(default_factory=dict)
    """Path of a filter → what it has otherwise."""
    filters: tuple[ExplicitFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """A valid definition file, with where it came from and what only its source knows."""

    origin: str
    """The file, as the user named it."""
    file: DefinitionFile
    options: Options
