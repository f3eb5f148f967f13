"""Read the parameters of Hugging Face's model list, and refuse what it refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, ValidationError

from manifests.models import Record
from manifests.sandbox.wire import Answer

if TYPE_CHECKING:
    from manifests.sandbox.wire import Ask

__all__ = ["HuggingFaceQuery", "read_query"]

Sort: TypeAlias = Literal["downloads", "likes", "lastModified", "createdAt", "trendingScore"]
Expandable: TypeAlias = Literal[
    "author",
    "baseModels",
    "cardData",
    "childrenModelCount",
    "config",
    "createdAt",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "evalResults",
    "gated",
    "gguf",
    "inference",
    "inferenceProviderMapping",
    "lastModified",
    "library_name",
    "likes",
    "mask_token",
    "model-index",
    "pipeline_tag",
    "private",
    "resourceGroup",
    "safetensors",
    "sha",
    "siblings",
    "spaces",
    "tags",
    "transformersInfo",
    "trendingScore",
    "usedStorage",
    "widgetData",
]
Range: TypeAlias = tuple[float, float]
_REPEATABLE = frozenset({"filter", "search", "expand", "expand[]"})
_UNITS = {"": 1, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_BOUND = re.compile(r"(min|max):(\d+(?:\.\d+)?)([KMBT]?)", re.IGNORECASE)


def _range(text: object) -> Range:
    """Read `min:6B,max:128B`, either side alone.

    Raises:
        ValueError: a part is neither of them.
    """
    bounds = {"min": 0.0, "max": float("inf")}
    for part in str(text).split(","):
        match = _BOUND.fullmatch(part)
        if match is None:
            raise ValueError(part)
        bounds[match[1].lower()] = float(match[2]) * _UNITS[match[3].upper()]

    return bounds["min"], bounds["max"]


class HuggingFaceQuery(Record):
    """The valid parameters of one list request; unknown ones are dropped without a word."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    limit: int = Field(default=1000, ge=1, le=1000)
    sort: Sort = "trendingScore"
    cursor: str | None = None
    filters: frozenset[str] = Field(default=frozenset(), validation_alias="filter")
    search: tuple[str, ...] = ()
    author: str | None = None
    pipeline_tag: str | None = None
    library: str | None = None
    gated: bool | None = None
    num_parameters: Annotated[Range, BeforeValidator(_range)] | None = None
    expand: frozenset[Expandable] = Field(
        default=frozenset(), validation_alias=AliasChoices("expand", "expand[]")
    )
    full: bool = False

    @property
    def selection(self) -> tuple[object, ...]:
        """All that decides which rows there are and in what order, but not where a page begins."""
        return (
            self.sort,
            self.filters,
            self.search,
            self.author,
            self.pipeline_tag,
            self.library,
            self.gated,
            self.num_parameters,
        )


def read_query(ask: Ask) -> HuggingFaceQuery | Answer:
    """Return the valid parameters of *ask*, or the refusal that upstream would send."""
    given: dict[str, str | list[str]] = {}
    for name in dict(ask.parameters):
        values = list(ask.values(name))
        given[name] = values if name in _REPEATABLE else values[-1]

    try:
        return HuggingFaceQuery.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        text = f"✖ Invalid {first['loc'][0]} parameter: {first['input']}"
        return Answer.of_json({"error": text}, status=400)
