"""Read the parameters of CivitAI's model list the way its zod schema does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import orjson
from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, ValidationError

from manifests.models import Record
from manifests.sandbox.wire import Answer

if TYPE_CHECKING:
    from manifests.sandbox.wire import Ask

__all__ = ["MODEL_TYPES", "CivitaiQuery", "read_query"]

ModelType: TypeAlias = Literal[
    "Checkpoint",
    "TextualInversion",
    "Hypernetwork",
    "AestheticGradient",
    "LORA",
    "LoCon",
    "DoRA",
    "Controlnet",
    "Upscaler",
    "MotionModule",
    "VAE",
    "TextEncoder",
    "UNet",
    "CLIPVision",
    "Poses",
    "Wildcards",
    "Workflows",
    "ComfyWorkflows",
    "Detection",
    "VisionLanguage",
    "CLIP",
    "LLM",
    "Other",
]
Sort: TypeAlias = Literal[
    "Highest Rated",
    "Most Downloaded",
    "Most Liked",
    "Most Discussed",
    "Most Collected",
    "Most Images",
    "Newest",
    "Oldest",
]
MODEL_TYPES: tuple[str, ...] = get_args(ModelType)
_PAGE_CAP = 1000
_REPEATABLE = frozenset({"types", "baseModels", "ids"})
_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "on", "y", "enabled"), True),
    **dict.fromkeys(("false", "0", "no", "off", "n", "disabled"), False),
}


def _number(text: object) -> object:
    """Read a number as JavaScript does: nothing is zero."""
    return text or "0"


def _word(text: object) -> object:
    """Read upstream's words for yes and no; what is neither stays, and is refused."""
    return _WORDS.get(text.lower(), text) if isinstance(text, str) else text


def _ids(texts: object) -> object:
    """Split a comma list; of a repeated key, each value is one number."""
    return str(texts[0]).split(",") if isinstance(texts, list) and len(texts) == 1 else texts


Flag: TypeAlias = Annotated[bool, BeforeValidator(_word), Field(strict=True)]


class CivitaiQuery(Record):
    """The valid parameters of one list request; unknown ones are dropped without a word."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    limit: Annotated[int, BeforeValidator(_number)] = Field(default=100, ge=0, le=100)
    page: int | None = Field(default=None, ge=1)
    cursor: str | None = None
    query: str | None = None
    types: tuple[ModelType, ...] = ()
    base_models: tuple[str, ...] = Field(default=(), validation_alias="baseModels")
    sort: Sort = "Highest Rated"
    period: Literal["Day", "Week", "Month", "Year", "AllTime"] = "AllTime"
    nsfw: Flag = False
    tag: str | None = Field(default=None, validation_alias=AliasChoices("tag", "tagname"))
    username: str | None = None
    ids: Annotated[tuple[int, ...], BeforeValidator(_ids)] = ()
    checkpoint_type: Literal["Trained", "Merge"] | None = Field(
        default=None, validation_alias="checkpointType"
    )
    primary_file_only: Flag = Field(default=False, validation_alias="primaryFileOnly")

    @property
    def selection(self) -> tuple[object, ...]:
        """All that decides which rows there are and in what order, but not where a page begins."""
        return (
            self.sort,
            self.period,
            self.nsfw,
            self.types,
            self.base_models,
            self.tag,
            self.username,
            self.ids,
            self.query,
        )


def read_query(ask: Ask) -> CivitaiQuery | Answer:
    """Return the valid parameters of *ask*, or the refusal that upstream would send."""
    given: dict[str, str | list[str]] = {}
    for name in dict(ask.parameters):
        values = list(ask.values(name))
        given[name] = values if name in _REPEATABLE or len(values) > 1 else values[0]

    # The mere presence of the key counts, even as `favorites=false`.
    if not ask.is_anonymous:
        return _validated(given)
    if {"favorites", "hidden"} & given.keys():
        return Answer.of_json({"error": "Unauthorized"}, status=401)

    return _validated(given)


def _validated(given: dict[str, str | list[str]]) -> CivitaiQuery | Answer:
    """Validate decoded parameters and the one pair that excludes each other."""
    try:
        query = CivitaiQuery.model_validate(given)
    except ValidationError as error:
        return _zod([(str(e["loc"][0]), e["msg"]) for e in error.errors(include_url=False)])

    if query.page is None:
        return query
    if query.query is not None:
        return _zod([("page", "Cannot use page param with query search")])
    if query.page * query.limit > _PAGE_CAP:
        # Upstream means this 429 for ever: it is a cap on `page`, not a pace.
        text = "You've requested too many pages, please use cursors instead"
        return Answer.of_json({"error": text}, status=429)

    return query


def _zod(problems: list[tuple[str, str]]) -> Answer:
    """Return upstream's 400: the issues of zod, as JSON within JSON."""
    issues = [
        {"code": "invalid_value", "path": [name], "message": f"Invalid input: {message}"}
        for name, message in problems
    ]
    error = {"name": "ZodError", "message": orjson.dumps(issues).decode()}
    return Answer.of_json({"error": error}, status=400)
