"""Say what CivitAI's records look like as they come: only what a manifest needs of them."""

from __future__ import annotations

from typing import Annotated, Required

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict  # pydantic's, which reads no other before Python 3.12

from manifests.sources.pages import Count  # noqa: TC001 - pydantic looks it up

__all__ = [
    "ENVELOPE",
    "ITEM",
    "WHOLE_PAGE",
    "Counters",
    "Envelope",
    "Image",
    "Item",
    "Metadata",
    "Version",
    "WholePage",
]

Size = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Level = Annotated[int, Field(ge=0, le=2**31)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text that can stand in a URL once it is quoted."""


class FileMetadata(TypedDict, total=False):
    """What a file holds."""

    format: str | None


class File(TypedDict, total=False):
    """One file of a version."""

    sizeKB: Size | None
    primary: bool | None
    metadata: FileMetadata | None


class Image(TypedDict, total=False):
    """One example of what a version makes."""

    url: str | None
    type: str | None
    nsfwLevel: Level | None
    nsfw: object
    """A word or a boolean, on old records that have no level."""


class Version(TypedDict, total=False):
    """One version of a model."""

    baseModel: str | None
    publishedAt: str | None
    createdAt: str | None
    files: list[File] | None
    images: list[Image] | None


class Creator(TypedDict, total=False):
    """Whoever uploaded a model."""

    username: str | None


class Counters(TypedDict, total=False):
    """The counters of a model; a creator may hide some."""

    downloadCount: Count | None
    thumbsUpCount: Count | None
    favoriteCount: Count | None


class Item(TypedDict, total=False):
    """One model of a page."""

    id: Required[Annotated[int, Field(strict=True, ge=1, le=2**53)]]
    name: Required[str]
    description: str | None
    type: str | None
    nsfw: bool | None
    nsfwLevel: Level | None
    mode: str | None
    allowCommercialUse: str | list[str] | None
    tags: list[str] | None
    creator: Creator | None
    stats: Counters | None
    modelVersions: list[Version] | None


class Metadata(TypedDict, total=False):
    """Where a listing goes on."""

    nextCursor: Annotated[int, Field(strict=True)] | Line | None
    nextPage: Line | None


class Envelope(TypedDict, total=False):
    """A page whose records are still to be read."""

    items: Required[list[object]]
    metadata: Metadata | None
    error: object


class WholePage(TypedDict, total=False):
    """A page without odd records, which is read in one pass over its bytes."""

    items: Required[list[Item]]
    metadata: Metadata | None
    error: object


# Plain dictionaries: to make objects of all records, versions, files and images takes half as long
# again as to read their page. What a type does not name is not even kept.
ITEM = TypeAdapter(Item)
ENVELOPE = TypeAdapter(Envelope)
WHOLE_PAGE = TypeAdapter(WholePage)
