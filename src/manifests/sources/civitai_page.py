"""Read pages of CivitAI's model list, with all shapes that its fields have had since 2022."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from manifests.errors import PageError
from manifests.models import Model, Stats
from manifests.sources.base import Dropped, Entry, Page
from manifests.sources.civitai_names import BLOCKED
from manifests.sources.civitai_wire import ENVELOPE, ITEM, WHOLE_PAGE
from manifests.sources.pages import decode, describe, distinct, refuse, salvage
from manifests.sources.text import kebab, plain_text, tidy, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from manifests.sources.civitai_wire import (
        Counters,
        Envelope,
        Image,
        Item,
        Metadata,
        Version,
        WholePage,
    )

__all__ = ["read_page"]

SITE = "https://civitai.com/models"
OLD_LEVELS = {"None": 1, "Soft": 2, "Mature": 4, "X": 8}
"""What images had before March 2024 in place of a level."""

MILDEST = 1
"""The level than which no image has a lower one, so that there is no need to look on."""


def read_page(body: bytes) -> Page:
    """Return what one response of `GET /api/v1/models` holds.

    Raises:
        PageError: the body as a whole is no page of a listing.
    """
    page, items, dropped = parsed(body)
    # An error beside items means that the items are not all there.
    if error := page.get("error"):
        refuse({"error": error}, why="it holds an error")
    return Page(
        entries=tuple(map(entry, items)),
        cursor=cursor_in(page.get("metadata") or {}),
        dropped=tuple(dropped),
    )


def parsed(body: bytes) -> tuple[WholePage | Envelope, Sequence[Item], Sequence[Dropped]]:
    """Return a page, its readable records, and the others."""
    try:
        page = WHOLE_PAGE.validate_json(body)
    except ValidationError:
        value = decode(body)
    else:
        return page, page["items"], ()
    try:
        envelope = ENVELOPE.validate_python(value)
    except ValidationError as error:
        refuse(value, why=describe(error))
    return envelope, *salvage(envelope["items"], ITEM)


def cursor_in(metadata: Metadata) -> str | None:
    """Return where the next page starts; of the URL that upstream gives, only the cursor is used.

    Raises:
        PageError: there is a next page, but no cursor that leads to it (civitai#1150).
    """
    cursor, url = metadata.get("nextCursor"), metadata.get("nextPage")
    # A search's cursor is a number, and 0 is one.
    if cursor not in {None, ""}:
        return str(cursor)
    if not url:
        return None
    try:
        found = parse_qs(urlsplit(url).query).get("cursor")
    except ValueError:
        found = None
    if not found:
        raise PageError("there is a next page, but its URL holds no cursor")
    return found[0]


def entry(item: Item) -> Entry:
    """Return a model with its counters."""
    id_ = str(item["id"])
    versions = item.get("modelVersions") or []
    name = tidy(item["name"]) or id_
    preview_url, preview_level = preview(item, versions)
    created_at, updated_at = span(versions)
    model = Model(
        id=id_,
        source="civitai",
        slug=kebab(name) or id_,
        name=name,
        author=word((item.get("creator") or {}).get("username")),
        description=plain_text(item.get("description")),
        url=f"{SITE}/{id_}",
        tags=distinct(item.get("tags") or ()),
        type=word(item.get("type")),
        base_models=distinct([version.get("baseModel") for version in versions]),
        nsfw=item.get("nsfw"),
        nsfw_level=item.get("nsfwLevel"),
        license=permissions(item.get("allowCommercialUse")),
        file_formats=formats(versions),
        size_bytes=size(versions),
        preview_url=preview_url,
        preview_level=preview_level,
        created_at=created_at,
        updated_at=updated_at,
        mode=word(item.get("mode")),
    )
    return Entry(model=model, stats=counters(item.get("stats") or {}))


def counters(stats: Counters) -> Stats:
    """Return the counters; likes were favourites until 2024."""
    likes = stats.get("thumbsUpCount")
    return Stats(
        downloads=stats.get("downloadCount"),
        likes=stats.get("favoriteCount") if likes is None else likes,
    )


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
    files = [file for version in versions for file in version.get("files") or ()]
    found = [(file.get("metadata") or {}).get("format") for file in files]
    return tuple(sorted(distinct(found)))


def size(versions: Sequence[Version]) -> int | None:
    """Return the bytes of the first version's primary file, or of its first one."""
    files = (versions[0].get("files") if versions else None) or []
    chosen = next((file for file in files if file.get("primary")), files[0] if files else None)
    size_kb = chosen.get("sizeKB") if chosen else None
    return None if size_kb is None else round(size_kb * 1024)


def preview(item: Item, versions: Iterable[Version]) -> tuple[str | None, int | None]:
    """Return URL and level of the image of the lowest level, the first among equals.

    A model that was taken down shows none.
    """
    if item.get("mode") == "TakenDown":
        return None, None
    url, lowest = None, BLOCKED
    for level, image in rated(versions):
        if level < lowest and is_picture(image):
            url, lowest = image.get("url"), level
        if lowest == MILDEST:
            break
    return (url, lowest) if url else (None, None)


def rated(versions: Iterable[Version]) -> Iterator[tuple[int, Image]]:
    """Yield the images whose level is known, in their order, with it."""
    for version in versions:
        for image in version.get("images") or ():
            level = level_of(image)
            if level:
                yield level, image


def level_of(image: Image) -> int | None:
    """Return the level as one bit, the highest if upstream set several; None when not rated."""
    level = image.get("nsfwLevel")
    if level is not None:
        # Several bits would let an image through at its mildest, so the harshest one counts.
        return 1 << (level.bit_length() - 1) if level else None
    old = image.get("nsfw")
    if isinstance(old, bool):
        return OLD_LEVELS["X"] if old else OLD_LEVELS["None"]
    return OLD_LEVELS.get(old) if isinstance(old, str) else None


def is_picture(image: Image) -> bool:
    """Tell whether an image is a still one that a browser may load; old records give no type."""
    url = image.get("url") or ""
    # Printable text holds no hidden character, and no white space but the plain space.
    loadable = url.startswith(("https://", "http://")) and url.isprintable() and " " not in url
    return loadable and image.get("type") in {"image", None}


def span(versions: Iterable[Version]) -> tuple[str | None, str | None]:
    """Return when the oldest and the newest version came out, as upstream wrote it."""
    texts = [
        tidy(version.get("publishedAt") or version.get("createdAt") or "") for version in versions
    ]
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
