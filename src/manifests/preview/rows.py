"""Reduce models and lists to the plain values that the page shows, every text made harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from manifests.models import Model, Stats
from manifests.preview.sections import plain_label
from manifests.sources.text import tidy
from manifests.store.status import FilterStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.preview.sections import Listing

__all__ = ["LISTING_FIELDS", "MODEL_FIELDS", "listing_row", "model_row"]

MODEL_FIELDS: Final = (
    *("id", "name", "author", "description", "type", "bases", "license", "downloads", "likes"),
    *("tags", "size", "formats", "updated", "created", "url", "task", "library", "weights"),
    *("gated", "mode", "image"),
)
"""Columns of a model's row; the page learns them from here. Those that often lack stand last."""

LISTING_FIELDS: Final = (
    *("path", "choice", "state", "count", "complete", "made", "label", "since", "code", "failures"),
)
"""Columns of a list's row."""

MOST_TAGS: Final = 24
MOST_TEXT: Final = 600
"""Characters of any one text, at most: descriptions are cut at 500 when they are published."""
EXACT: Final = 2**53
"""Below, JavaScript holds whole numbers exactly."""
PG: Final = 1
"""The lowest level. As every list may show it, no image is ever above the level of its list."""

PERMISSIONS: Final[Mapping[str, str]] = {
    "Image": "images",
    "Rent": "renting",
    "RentCivit": "renting on Civitai",
    "Sell": "selling",
}
"""What CivitAI's `allowCommercialUse` grants; it stands where others publish a licence."""


def model_row(id_: str, model: Model | None, stats: Stats | None, *, images: bool) -> list[object]:
    """Return a model's values in the order of `MODEL_FIELDS`, less the nulls at the end.

    Args:
        id_: as it stands in manifests.
        model: its record; None where the catalogue has none.
        stats: its counters, if they are known.
        images: whether addresses of images may go into the page.
    """
    known = model or Model(id=id_, source="", slug="", name=id_)
    counters = stats or Stats()
    values: dict[str, object] = {
        "id": clean(id_),
        "name": clean(known.name) or clean(id_),
        "author": clean(known.author),
        "description": clean(known.description),
        "type": clean(known.type),
        "bases": cleaned(known.base_models),
        "license": licence(clean(known.license)),
        "downloads": exact(counters.downloads),
        "likes": exact(counters.likes),
        "tags": cleaned(known.tags),
        "size": exact(known.size_bytes),
        "formats": cleaned(known.file_formats),
        "updated": clean(known.updated_at),
        "created": clean(known.created_at),
        "url": https(known.url),
        "task": clean(known.pipeline_tag),
        "library": clean(known.library),
        "weights": exact(known.parameters),
        "gated": clean(known.gated),
        "mode": clean(known.mode),
        "image": image(known) if images else None,
    }
    return trimmed(values[name] for name in MODEL_FIELDS)


def listing_row(listing: Listing) -> list[object]:
    """Return a list's values in the order of `LISTING_FIELDS`, less the nulls at the end."""
    manifest = listing.manifest
    status = listing.status or FilterStatus(state="missing")
    path, label = clean(listing.path) or "", clean(listing.label)
    values: dict[str, object] = {
        "path": path,
        "choice": listing.choice,
        "state": listing.state,
        "count": len(manifest.model_ids) if manifest else None,
        "complete": int(manifest.complete) if manifest else None,
        "made": clean(status.last_success),
        "label": None if label == plain_label(path) else label,
        "since": clean(status.stale_since),
        "code": status.code,
        "failures": exact(status.consecutive_failures) or None,
    }
    return trimmed(values[name] for name in LISTING_FIELDS)


def clean(text: str | None) -> str | None:
    """Return *text* without hidden characters and not too long, or None where nothing is left."""
    return tidy(text or "")[:MOST_TEXT] or None


def cleaned(texts: Iterable[str]) -> list[str] | None:
    """Return the first of *texts*, each clean, or None where there is none."""
    return [text for text in map(clean, texts) if text][:MOST_TAGS] or None


def exact(number: int | None) -> int | None:
    """Return a count, or None where it is none or too large for the page to hold it."""
    return number if number is not None and 0 <= number < EXACT else None


def https(text: str | None) -> str | None:
    """Return an address that is safe to follow, or None: https only, and no user or password."""
    # Cut, or without what was hidden in it, it would lead elsewhere.
    if not text or " " in text or text != clean(text):
        return None

    try:
        parts = urlsplit(text)
    except ValueError:
        return None

    is_plain = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    return text if is_plain else None


def image(model: Model) -> str | None:
    """Return the address of a model's image, or None where it has none that every list may show."""
    return https(model.preview_url) if model.preview_level == PG else None


def licence(text: str | None) -> str | None:
    """Return a licence as people read it: `None` of CivitAI is no licence, but a refusal."""
    if text == "None":
        return "no commercial use"

    grants = (text or "").split(",")
    if all(grant in PERMISSIONS for grant in grants):
        return f"commercial use: {', '.join(PERMISSIONS[grant] for grant in grants)}"

    return text


def trimmed(values: Iterable[object]) -> list[object]:
    """Return *values* without the nulls at their end."""
    row = list(values)
    while row and row[-1] is None:
        row.pop()

    return row
