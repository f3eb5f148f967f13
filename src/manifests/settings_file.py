"""Give the settings file its shape, as people write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from manifests.errors import SettingsError
from manifests.models import Record
from manifests.settings import parse_duration, parse_pace, parse_share
from manifests.store.verdict import GateLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.config import JsonDict

__all__ = ["GateTable", "SettingsFile"]

ALWAYS: Final = GateLimits()


def checked(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Return what refuses text that *parse* can't read, and keeps all other text as it is."""

    def check(text: str) -> str:
        try:
            parse(text)
        except SettingsError as error:
            raise PydanticCustomError("form", "{why}", {"why": hint(error)}) from error
        return text

    return check


def parsed(parse: Callable[[str], float], *, form: str) -> Callable[[object], float]:
    """Return what makes a number of text that *parse* can read, such as *form*."""

    def read(value: object) -> float:
        try:
            return parse(value if isinstance(value, str) else "")
        except SettingsError as error:
            raise PydanticCustomError(
                "form", "takes text such as {form}", {"form": form}
            ) from error

    return read


def hint(error: SettingsError) -> str:
    """Return an error and what to do about it, in one line."""
    return f"{error.cause}; {error.next_step}"


def parse_patience(text: str) -> float:
    """Return the seconds of a duration; of `never`, more than any run will see."""
    return float("inf") if text == "never" else parse_duration(text)


DURATION: Final = r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d)"
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Duration: TypeAlias = Annotated[
    str,
    AfterValidator(checked(parse_duration)),
    Field(json_schema_extra={"pattern": f"^{DURATION}$"}),
]
Pace: TypeAlias = Annotated[
    str,
    AfterValidator(checked(parse_pace)),
    Field(json_schema_extra={"pattern": f"^[0-9]{{1,3}}/{DURATION}$"}),
]
Percentage: TypeAlias = Annotated[
    str,
    AfterValidator(checked(parse_share)),
    Field(json_schema_extra={"pattern": r"^[0-9]+(\.[0-9]+)?%$"}),
]
Share: TypeAlias = Annotated[
    float,
    BeforeValidator(parsed(parse_share, form="'50%'")),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}),
]
Patience: TypeAlias = Annotated[
    float,
    BeforeValidator(parsed(parse_patience, form="'24h' or 'never'")),
    WithJsonSchema({"type": "string", "pattern": f"^({DURATION}|never)$"}),
]


def as_toml(schema: JsonDict) -> None:
    """Take out of a schema what TOML has no word for: null, and numbers where text is written."""
    properties = schema.get("properties")
    for each in properties.values() if isinstance(properties, dict) else ():
        if isinstance(each, dict):
            each.pop("default", None)
            options = each.pop("anyOf", [])
            found = options[0] if isinstance(options, list) and options else {}
            each.update(found if isinstance(found, dict) else {})


class Table(Record):
    """A table of the file: its keys are spelt as options are, its values have one type each."""

    model_config = ConfigDict(
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        use_attribute_docstrings=True,
        json_schema_extra=as_toml,
    )


class GateTable(Table):
    """The thresholds of the publish gate; what a filter's definition says goes before."""

    max_shrink: Share = ALWAYS.max_shrink
    """Share of its models that a filter may lose at once."""
    least_loss: Annotated[int, Field(ge=1)] = ALWAYS.least_loss
    """Models that must be gone before `max-shrink` counts."""
    max_source_shrink: Share = ALWAYS.max_source_shrink
    """Share of its models that a source may lose at once, over all its filters."""
    accept_runs: Annotated[int, Field(ge=1)] = ALWAYS.accept_runs
    """Runs in a row with the same verdict after which it is taken for the truth."""
    accept_after: Patience = ALWAYS.accept_after
    """How long ago the first of those runs must be; `never` leaves it to a person."""

    def limits(self) -> GateLimits:
        """Return the thresholds, the others as they always are."""
        return GateLimits(**self.model_dump())


class SettingsFile(Table):
    """A settings file, as a person writes it: the options that last, by their names."""

    filters: Text | None = None
    """Folder of the filter definitions, relative to this file."""
    out: Text | None = None
    """Folder of the published set, relative to this file."""
    state: Text | None = None
    """Folder of what lasts from run to run and is not published, relative to this file."""
    style: Literal["standard", "compact"] | None = None
    """Layout of the published files; that of the published set, where it is not said."""
    max_concurrency: Annotated[int, Field(ge=1, le=32)] | None = None
    """Requests in flight to one host, at most."""
    fixed: Pace | None = None
    """A pace in place of one that is found out: so many in flight, so far apart."""
    attempts: Annotated[int, Field(ge=1, le=20)] | None = None
    """Tries of one page, at most."""
    deadline: Duration | None = None
    """Ends a run after this long."""
    max_failed: Percentage | None = None
    """Share of any one source's filters that may fail with exit code 0."""
    wait: Duration | None = None
    """How long to wait for another run that writes the same output."""
    resume: bool | None = None
    """Whether to use the pages of a run that was killed or cut short."""
    resume_within: Duration | None = None
    """How long ago it may have been alive."""
    fresh_within: Duration | None = None
    """Kept pages that are no older are used without asking."""
    cache: bool | None = None
    """Whether pages are kept and looked up."""
    contact: Text | None = None
    """Who runs this: an address in the user agent."""
    endpoints: Mapping[str, str] = Field(default_factory=dict)
    """Source → where it is asked."""
    gate: GateTable = Field(default_factory=GateTable)
