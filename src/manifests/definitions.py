"""Give definition files their shape, as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from manifests.models import FacetValue, Record

__all__ = [
    "DefinitionFile",
    "Definitions",
    "ExplicitFilter",
    "FacetDefinition",
    "Override",
    "as_text",
]

SLUG = r"[a-z0-9][a-z0-9._-]*"
PATH = rf"filter(/{SLUG})+"
MOST_MODELS = 10_000


def as_text(value: object) -> object:
    """Return a TOML value as upstream's query string would hold it; lists become tuples."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return tuple(as_text(item) for item in value)
    return value


Text: TypeAlias = Annotated[str, BeforeValidator(as_text)]
Value: TypeAlias = Annotated[FacetValue, BeforeValidator(as_text)]
Limit: TypeAlias = Annotated[int, Field(ge=1, le=MOST_MODELS, strict=True)]
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
    allow_empty: bool | None = None


class ExplicitFilter(Record):
    """A filter of its own, in upstream's parameters."""

    path: SafePath
    parameters: Mapping[str, Value] = Field(default_factory=dict)
    """Upstream's own names and values."""
    limit: Limit | None = None
    label: str | None = None
    sort: str | None = None
    allow_empty: bool = False


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
    options: Mapping[str, FacetValue]
