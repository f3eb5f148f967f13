"""Say what a catalogue tells the two APIs: light rows to filter and sort, records on demand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DAY",
    "Catalogue",
    "CivitaiRow",
    "HuggingFaceRow",
    "JsonObject",
    "from_iso",
    "objects",
    "to_iso",
]

JsonObject: TypeAlias = dict[str, object]
"""A decoded JSON object."""

DAY = 86_400_000
"""Milliseconds of a day; all instants in rows are milliseconds since 1970, UTC."""


class CivitaiRow(NamedTuple):
    """What decides whether and where a CivitAI listing shows a model."""

    place: int
    """Where the catalogue holds the record."""
    id: int
    name: str
    type: str
    base_models: tuple[str, ...]
    """Of all visible versions."""
    level: int
    """Bit mask; a missing one counts as PG, or as R to XXX when flagged."""
    minor: bool
    hidden: bool
    """Whether no version is visible: such a row takes a place on a page and is not shown."""
    last_version: int
    """When the newest version was published; -1 when there is none."""
    downloads: int
    thumbs: int
    comments: int
    collected: int
    images: int
    username: str
    tags: tuple[str, ...]


class HuggingFaceRow(NamedTuple):
    """What decides whether and where a Hugging Face listing shows a repository."""

    place: int
    """Where the catalogue holds the record."""
    id: str
    key: str
    """`_id`, which breaks ties of every order."""
    tags: frozenset[str]
    pipeline_tag: str | None
    library: str | None
    gated: bool
    parameters: int | None
    """Number of weights where the repository publishes it."""
    downloads: int
    likes: int
    modified: int
    created: int
    trending: float


Row = TypeVar("Row")


class Catalogue(Protocol[Row]):
    """The models of one source, made up or recorded."""

    @property
    def rows(self) -> Sequence[Row]:
        """All models, in no particular order."""
        ...

    @property
    def now(self) -> int:
        """The instant from which a period counts back."""
        ...

    def record(self, row: Row) -> JsonObject:
        """Return the whole record of *row*, new or not to be changed."""
        ...


def objects(value: object) -> list[JsonObject]:
    """Return the JSON objects of what should be an array of them; empty when it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def to_iso(instant: int) -> str:
    """Return milliseconds since 1970 the way both APIs write time."""
    whole = datetime.fromtimestamp(instant // 1000, UTC).isoformat()[:19]
    return f"{whole}.{instant % 1000:03}Z"


def from_iso(text: str) -> int:
    """Return milliseconds since 1970.

    Raises:
        ValueError: *text* is no time.
    """
    parsed = datetime.fromisoformat(text)
    return round(parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp() * 1000)
