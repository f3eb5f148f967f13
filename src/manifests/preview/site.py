"""Make the files of the site from the sections: one page, and data that it loads as it needs them.

The page must also work from `file://`, where a browser lets no script read files. So data are
scripts that hand over one array each, and a list's page is a fragment of the one address:
`index.html#/civitai/x/week/sd21`. Models are shared by all lists, 250 to a file; a list is the
numbers of its models. So 10,000 lists cost their numbers, and not 10,000 pages of cards.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypeVar

from manifests.preview.rows import LISTING_FIELDS, MODEL_FIELDS, clean, listing_row, model_row
from manifests.store.canonical import encode, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from manifests.preview.sections import Listing, Section

__all__ = ["LISTINGS_IN_A_FILE", "MODELS_IN_A_FILE", "Site", "build"]

ItemT = TypeVar("ItemT")

MODELS_IN_A_FILE: Final = 250
LISTINGS_IN_A_FILE: Final = 50

ASSETS: Final = (
    *("preview.css", "icon.svg"),
    *("data.js", "words.js", "parts.js", "details.js", "pages.js", "main.js"),
)
ESCAPES: Final[Mapping[bytes, bytes]] = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}
"""What JSON may hold plainly, though some reader of scripts or of pages takes it for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """All files of a preview; equal sets make equal bytes."""

    page: bytes
    """`index.html`, which names the set."""
    name: str
    """The folder of the set: `set-` and 16 hexadecimal digits of the digest of its files."""
    files: Mapping[str, bytes]
    """Name → bytes, of the files in that folder."""


def build(
    sections: Sequence[Section],
    *,
    updated: str | None = None,
    damaged: Sequence[str] = (),
    images: bool = False,
) -> Site:
    """Return the site.

    Args:
        sections: what is published.
        updated: when the set was last written, as `status.json` says it.
        damaged: files that could not be read, each with the reason.
        images: whether the page may load images of upstream's, once its reader asks for them.
    """
    root = files("manifests.preview").joinpath("assets")
    made = {name: root.joinpath(name).read_bytes() for name in ASSETS}
    index: dict[str, object] = {
        "updated": clean(updated),
        "damaged": [clean(line) for line in damaged],
        "images": images,
        "listingFields": LISTING_FIELDS,
        "modelFields": MODEL_FIELDS,
        "listingsInAFile": LISTINGS_IN_A_FILE,
        "modelsInAFile": MODELS_IN_A_FILE,
        "sources": [],
    }
    sources: list[object] = []
    for section in sections:
        numbers = numbered(section.listings)
        sources.append(_source(section, models=len(numbers)))
        made |= dict(chain(_lists(section, numbers), _models(section, numbers, images=images)))

    made["index.js"] = script("index", index | {"sources": sources})
    name = f"set-{digest(made)}"
    template = root.joinpath("index.html").read_text(encoding="utf-8")
    pictures = "'self' https:" if images else "'self'"
    page = template.replace("{set}", name).replace("{pictures}", pictures)
    return Site(page=page.encode(), name=name, files=made)


def numbered(listings: Iterable[Listing]) -> dict[str, int]:
    """Return id → number, in the order in which the lists name the models.

    So most lists find their models in few files: those that one list names first stand together.
    """
    ids = chain.from_iterable(each.manifest.model_ids for each in listings if each.manifest)
    return {id_: number for number, id_ in enumerate(dict.fromkeys(ids))}


def script(name: str, value: object) -> bytes:
    """Return a script that hands *value* to the page under a name of our own."""
    data = encode(value, compact=True).strip()
    for plain, escaped in ESCAPES.items():
        data = data.replace(plain, escaped)

    return b'preview.take("%s",%s);\n' % (name.encode(), data)


def digest(made: Mapping[str, bytes]) -> str:
    """Return 16 hexadecimal digits that stand for names and bytes of all files."""
    return sha256(encode({name: sha256(data) for name, data in made.items()}))[:16]


def _source(section: Section, *, models: int) -> dict[str, object]:
    return {
        "name": section.name,
        "title": section.title,
        "prefix": section.prefix,
        "models": models,
        "facets": [
            {"title": clean(facet.title), "slugs": [clean(slug) for slug in facet.slugs]}
            for facet in section.facets
        ],
        "listings": [listing_row(each) for each in section.listings],
    }


def _lists(section: Section, numbers: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Yield the files that hold the numbers of each list's models, in its order."""
    for place, batch in enumerate(in_files(section.listings, LISTINGS_IN_A_FILE)):
        name = f"{section.name}-lists-{place}"
        rows = [
            [numbers[id_] for id_ in each.manifest.model_ids] if each.manifest else []
            for each in batch
        ]
        yield f"{name}.js", script(name, rows)


def _models(
    section: Section, numbers: Mapping[str, int], *, images: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield the files that hold the models, by number."""
    models, stats = section.catalogue.models, section.catalogue.stats
    rows = [model_row(id_, None, None, images=images) for id_ in numbers]
    # In the catalogue's order: one that stands in several files is read a file at a time.
    for id_, model in models.items():
        if id_ in numbers:
            rows[numbers[id_]] = model_row(id_, model, stats.get(id_), images=images)

    for place, batch in enumerate(in_files(rows, MODELS_IN_A_FILE)):
        name = f"{section.name}-models-{place}"
        yield f"{name}.js", script(name, batch)


def in_files(items: Iterable[ItemT], size: int) -> Iterator[tuple[ItemT, ...]]:
    """Yield *items* by the *size*, in their order."""
    left = iter(items)
    while batch := tuple(islice(left, size)):
        yield batch
