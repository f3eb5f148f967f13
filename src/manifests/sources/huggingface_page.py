"""Read pages of Hugging Face's model list, and the cursor in their `Link` header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Required
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import AliasChoices, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic's, which reads no other before Python 3.12

from manifests.errors import PageError
from manifests.models import Model, Stats
from manifests.sources.base import Dropped, Entry, Page
from manifests.sources.huggingface_names import LICENSE
from manifests.sources.pages import Count, decode, distinct, refuse, salvage
from manifests.sources.text import tidy, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manifests.sources.base import Reply

__all__ = ["next_cursor", "read_page", "size_in_name"]

Id = Annotated[
    str,
    Field(
        pattern=r"^[^\s/\x00-\x1f]+(/[^\s/\x00-\x1f]+)?$",
        max_length=200,
        validation_alias=AliasChoices("id", "modelId"),
    ),
]

SITE = "https://huggingface.co"
BASE_MODEL = re.compile(r"base_model:([^:/]+/[^:/]+)")
"""The tag without a relation: `base_model:finetune:owner/name` says the same once more."""
FORMATS = frozenset(
    {
        *("coreml", "flax", "gguf", "ggml", "jax", "keras", "mlx", "onnx", "openvino"),
        *("paddlepaddle", "pytorch", "rust", "safetensors", "tensorrt", "tf", "tflite"),
    }
)
"""Tags that name how the weights are stored."""

SIZE = re.compile(
    r"(?<![A-Za-z0-9.])(?:([0-9]{1,3})x)?([0-9]{1,4}(?:\.[0-9]{1,3})?)([bm])(?![A-Za-z0-9])",
    re.IGNORECASE,
)
"""A number of weights as names have it: `7b`, `1.5B`, `350M`, `8x7B`; but no `4bit` or `v2b`."""
UNITS = {"b": 10**9, "m": 10**6}

PARAMETER = r'\s*;\s*([^\s=;,"<>]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"<>]*))?'
LINK = re.compile(rf"<([^<>]*)>((?:{PARAMETER})*)")
"""One link of RFC 8288: its target, and its parameters with or without quotes."""


class Weights(TypedDict, total=False):
    """What the safetensors files of a repository hold."""

    total: Count | None


class Repository(TypedDict, total=False):
    """One model of a page."""

    id: Required[Id]
    author: str | None
    private: bool | None
    disabled: bool | None
    gated: bool | str | None
    tags: list[str] | None
    pipeline_tag: str | None
    library_name: str | None
    safetensors: Weights | None
    downloads: Count | None
    likes: Count | None
    createdAt: str | None
    lastModified: str | None


# Plain dictionaries, as they take less time to make than objects.
REPOSITORY = TypeAdapter(Repository)
WHOLE_PAGE = TypeAdapter(list[Repository])


def read_page(reply: Reply) -> Page:
    """Return what one response of `GET /api/models` holds.

    Raises:
        PageError: the body as a whole is no page of a listing.
    """
    repositories, dropped = parsed(reply.body)
    entries: list[Entry] = []
    hidden: list[Dropped] = []
    for found in repositories:
        # A token may see more than everyone, for whom the catalogue is.
        if reason := withheld(found):
            hidden.append(Dropped(record=found["id"], reason=reason))
        else:
            entries.append(entry(found))
    return Page(
        entries=tuple(entries),
        cursor=next_cursor(reply.headers.get("link", "")),
        dropped=(*dropped, *hidden),
    )


def withheld(found: Repository) -> str | None:
    """Return why no one else could load a repository, or None."""
    if found.get("private"):
        return "the repository is private"
    return "the repository is disabled" if found.get("disabled") else None


def parsed(body: bytes) -> tuple[Sequence[Repository], Sequence[Dropped]]:
    """Return the readable records of a page, and the others."""
    try:
        return WHOLE_PAGE.validate_json(body), ()
    except ValidationError:
        value = decode(body)
    if not isinstance(value, list):
        refuse(value, why="a list was expected")
    return salvage(value, REPOSITORY)


def next_cursor(header: str) -> str | None:
    """Return where the next page starts; of the URL that upstream gives, only the cursor is used.

    Raises:
        PageError: there is a next page, but no cursor that leads to it.
    """
    if LINK.sub("", header).strip(", \t"):
        raise PageError("the Link header can't be read")  # and may have told of a next page
    links = LINK.finditer(header)
    target = next((link[1] for link in links if "next" in relations(link[2])), None)
    if target is None:
        return None
    try:
        found = parse_qs(urlsplit(target).query).get("cursor")
    except ValueError:
        found = None
    if not found:
        raise PageError("there is a next page, but its URL holds no cursor")
    return found[0]


def relations(parameters: str) -> list[str]:
    """Return what a link leads to; only the first `rel` counts, and it may name several."""
    found = re.findall(PARAMETER, parameters)
    values = (value for name, value in found if name.lower() == "rel")
    return next(values, "").strip('"').lower().split()


def entry(found: Repository) -> Entry:
    """Return a model with its counters."""
    id_ = found["id"]
    # Repositories of the first days, such as gpt2, have no owner.
    owner, _, name = id_.rpartition("/")
    tags = distinct(found.get("tags") or ())
    telling = [tag for tag in tags if ":" in tag]
    model = Model(
        id=id_,
        source="huggingface",
        slug=id_.replace("/", "--"),
        name=tidy(name) or id_,
        author=word(found.get("author") or owner),
        url=f"{SITE}/{quote(id_)}",
        tags=tags,
        base_models=base_models(telling),
        license=first_license(telling),
        gated=gate(found),
        pipeline_tag=word(found.get("pipeline_tag")),
        library=word(found.get("library_name")),
        parameters=weights(found, name),
        file_formats=tuple(sorted(FORMATS.intersection(map(str.lower, tags)))),
        created_at=word(found.get("createdAt")),
        updated_at=word(found.get("lastModified")),
    )
    stats = Stats(downloads=found.get("downloads"), likes=found.get("likes"))
    return Entry(model=model, stats=stats)


def base_models(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the models among *tags* that this one was made from."""
    found = [tag for tag in tags if tag.startswith("base_model:")]
    if not found:
        return ()
    return distinct(match[1] for tag in found if (match := BASE_MODEL.fullmatch(tag)))


def first_license(tags: Sequence[str]) -> str | None:
    """Return the licence id among *tags*; of several, the first in the alphabet."""
    found = [tag for tag in tags if tag.startswith(LICENSE)]
    return min(found).removeprefix(LICENSE) if found else None


def weights(found: Repository, name: str) -> int | None:
    """Return the number of weights, as upstream counted them or as the name has it."""
    counted = found.get("safetensors")
    # A total of 0 is a repository whose weights upstream failed to read.
    return (counted and counted.get("total")) or size_in_name(name)


def gate(found: Repository) -> str | None:
    """Return how access is granted; a bare true, which no list has shown yet, is the stricter."""
    gated = found.get("gated")
    if gated is True:
        return "manual"
    return gated if gated in {"auto", "manual"} else None


def size_in_name(name: str) -> int | None:
    """Return the number of weights that a name boasts of: its first one, experts multiplied."""
    found = SIZE.search(name)
    if found is None:
        return None
    experts, number, unit = found.groups()
    return round(int(experts or 1) * float(number) * UNITS[unit.lower()]) or None
