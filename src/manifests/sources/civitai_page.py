"""Read pages of CivitAI's model list, with all shapes that its fields have had since 2022."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from manifests.errors import PageError
from manifests.models import Model, Stats
from manifests.sources.base import Dropped, Entry, Page
from manifests.sources.civitai_names import BLOCKED
from manifests.sources.pages import Count, Wire, decode, describe, distinct, refuse, salvage
from manifests.sources.text import kebab, plain_text, tidy, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["read_page"]

SITE = "https://civitai.com/models"
OLD_LEVELS = {"None": 1, "Soft": 2, "Mature": 4, "X": 8}
"""What images had before March 2024 in place of a level."""

Size = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Level = Annotated[int, Field(ge=0, le=2**31)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text that can stand in a URL once it is quoted."""


class CamelWire(Wire):
    """A record whose names upstream writes in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class FileMetadata(CamelWire):
    """What a file holds."""

    format: str | None = None


class File(CamelWire):
    """One file of a version."""

    size_kb: Size | None = Field(default=None, alias="sizeKB")
    primary: bool | None = None
    metadata: FileMetadata | None = None


class Image(CamelWire):
    """One example of what a version makes."""

    url: str | None = None
    type: str | None = None
    nsfw_level: Level | None = None
    nsfw: object = None
    """A word or a boolean, on old records that have no level."""

    @property
    def level(self) -> int | None:
        """The level as one bit, the highest if upstream set several; None when not rated."""
        if self.nsfw_level is not None:
            # Several bits would let an image through at its mildest, so the harshest one counts.
            return 1 << (self.nsfw_level.bit_length() - 1) if self.nsfw_level else None
        if isinstance(self.nsfw, bool):
            return OLD_LEVELS["X"] if self.nsfw else OLD_LEVELS["None"]
        return OLD_LEVELS.get(self.nsfw) if isinstance(self.nsfw, str) else None


class Version(CamelWire):
    """One version of a model."""

    base_model: str | None = None
    published_at: str | None = None
    created_at: str | None = None
    files: list[File] | None = None
    images: list[Image] | None = None


class Creator(CamelWire):
    """Whoever uploaded a model."""

    username: str | None = None


class Counters(CamelWire):
    """The counters of a model; a creator may hide some."""

    download_count: Count | None = None
    thumbs_up_count: Count | None = None
    favorite_count: Count | None = None


class Item(CamelWire):
    """One model of a page."""

    id: Annotated[int, Field(strict=True, ge=1, le=2**53)]
    name: str
    description: str | None = None
    type: str | None = None
    nsfw: bool | None = None
    nsfw_level: Level | None = None
    mode: str | None = None
    allow_commercial_use: str | list[str] | None = None
    tags: list[str] | None = None
    creator: Creator | None = None
    stats: Counters | None = None
    model_versions: list[Version] | None = None


class Metadata(CamelWire):
    """Where a listing goes on."""

    next_cursor: Annotated[int, Field(strict=True)] | Line | None = None
    next_page: Line | None = None


class Envelope(CamelWire):
    """A page whose records are still to be read."""

    items: list[object]
    metadata: Metadata | None = None
    error: object = None


class WholePage(CamelWire):
    """A page without odd records, which is read in one pass over its bytes."""

    items: list[Item]
    metadata: Metadata | None = None
    error: object = None


def read_page(body: bytes) -> Page:
    """Return what one response of `GET /api/v1/models` holds.

    Raises:
        PageError: the body as a whole is no page of a listing.
    """
    page, items, dropped = parsed(body)
    # An error beside items means that the items are not all there.
    if page.error:
        refuse({"error": page.error}, why="it holds an error")
    return Page(
        entries=tuple(entry(item) for item in items),
        cursor=cursor_in(page.metadata or Metadata()),
        dropped=tuple(dropped),
    )


def parsed(body: bytes) -> tuple[WholePage | Envelope, Sequence[Item], Sequence[Dropped]]:
    """Return a page, its readable records, and the others."""
    try:
        page = WholePage.model_validate_json(body)
    except ValidationError:
        value = decode(body)
    else:
        return page, page.items, ()
    try:
        envelope = Envelope.model_validate(value)
    except ValidationError as error:
        refuse(value, why=describe(error))
    return envelope, *salvage(envelope.items, Item)


def cursor_in(metadata: Metadata) -> str | None:
    """Return where the next page starts; of the URL that upstream gives, only the cursor is used.

    Raises:
        PageError: there is a next page, but no cursor that leads to it (civitai#1150).
    """
    # A search's cursor is a number, and 0 is one.
    if metadata.next_cursor not in {None, ""}:
        return str(metadata.next_cursor)
    if not metadata.next_page:
        return None
    try:
        found = parse_qs(urlsplit(metadata.next_page).query).get("cursor")
    except ValueError:
        found = None
    if not found:
        raise PageError("there is a next page, but its URL holds no cursor")
    return found[0]


def entry(item: Item) -> Entry:
    """Return a model with its counters."""
    versions = item.model_versions or []
    name = tidy(item.name) or str(item.id)
    preview_url, preview_level = preview(item, versions)
    created_at, updated_at = span(versions)
    model = Model(
        id=str(item.id),
        source="civitai",
        slug=kebab(name) or str(item.id),
        name=name,
        author=word(item.creator.username) if item.creator else None,
        description=plain_text(item.description),
        url=f"{SITE}/{item.id}",
        tags=distinct(item.tags or ()),
        type=word(item.type),
        base_models=distinct(version.base_model for version in versions),
        nsfw=item.nsfw,
        nsfw_level=item.nsfw_level,
        license=permissions(item.allow_commercial_use),
        file_formats=formats(versions),
        size_bytes=size(versions),
        preview_url=preview_url,
        preview_level=preview_level,
        created_at=created_at,
        updated_at=updated_at,
        mode=word(item.mode),
    )
    return Entry(model=model, stats=counters(item.stats or Counters()))


def counters(stats: Counters) -> Stats:
    """Return the counters; likes were favourites until 2024."""
    likes = stats.favorite_count if stats.thumbs_up_count is None else stats.thumbs_up_count
    return Stats(downloads=stats.download_count, likes=likes)


def permissions(value: str | list[str] | None) -> str | None:
    """Return the commercial uses allowed, as `Image,RentCivit`; `None` where there are none.

    Upstream has sent a word, a list and PostgreSQL's `{A,B}`, all in no fixed order.
    """
    if value is None:
        return None
    uses = value.strip("{}").split(",") if isinstance(value, str) else value
    found = {tidy(use.strip('" ')) for use in uses} - {"", "None"}
    return ",".join(sorted(found)) or "None"


def formats(versions: Iterable[Version]) -> tuple[str, ...]:
    """Return the distinct formats of all files, sorted."""
    files = [file for version in versions for file in version.files or ()]
    return tuple(sorted(distinct(file.metadata.format for file in files if file.metadata)))


def size(versions: Sequence[Version]) -> int | None:
    """Return the bytes of the first version's primary file, or of its first one."""
    files = (versions[0].files if versions else None) or []
    chosen = next((file for file in files if file.primary), files[0] if files else None)
    return None if chosen is None or chosen.size_kb is None else round(chosen.size_kb * 1024)


def preview(item: Item, versions: Iterable[Version]) -> tuple[str | None, int | None]:
    """Return URL and level of the image of the lowest level, the first among equals.

    A model that was taken down shows none.
    """
    images = [image for version in versions for image in version.images or ()]
    rated = [(level, image) for image in images if (level := image.level) and level < BLOCKED]
    if item.mode == "TakenDown":
        return None, None
    mildest_first = sorted(rated, key=itemgetter(0))
    return next(
        ((image.url, level) for level, image in mildest_first if is_picture(image)), (None, None)
    )


def is_picture(image: Image) -> bool:
    """Tell whether an image is a still one that a browser may load; old records give no type."""
    url = image.url or ""
    # Printable text holds no hidden character, and no white space but the plain space.
    loadable = url.startswith(("https://", "http://")) and url.isprintable() and " " not in url
    return loadable and image.type in {"image", None}


def span(versions: Iterable[Version]) -> tuple[str | None, str | None]:
    """Return when the oldest and the newest version came out, as upstream wrote it."""
    texts = [tidy(version.published_at or version.created_at or "") for version in versions]
    dated = [(when, text) for text in texts if (when := instant(text))]
    if not dated:
        return None, None
    return min(dated)[1], max(dated)[1]


def instant(text: str) -> datetime | None:
    """Return an ISO 8601 time, UTC where it names no zone; None where it is no time."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
