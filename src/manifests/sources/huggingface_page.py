"""Read pages of Hugging Face's model list, and the cursor in their `Link` header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import AliasChoices, Field, TypeAdapter, ValidationError

from manifests.errors import PageError
from manifests.models import Model, Stats
from manifests.sources.base import Dropped, Entry, Page
from manifests.sources.huggingface_names import LICENSE
from manifests.sources.pages import Count, Wire, decode, distinct, refuse, salvage
from manifests.sources.text import tidy, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from manifests.sources.base import Reply

__all__ = ["next_cursor", "read_page", "size_in_name"]

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


class Weights(Wire):
    """What the safetensors files of a repository hold."""

    total: Count | None = None


class Repository(Wire):
    """One model of a page."""

    id: Annotated[str, Field(pattern=r"^[^\s/\x00-\x1f]+(/[^\s/\x00-\x1f]+)?$", max_length=200)] = (
        Field(validation_alias=AliasChoices("id", "modelId"))
    )
    author: str | None = None
    private: bool | None = None
    disabled: bool | None = None
    gated: bool | str | None = None
    tags: list[str] | None = None
    pipeline_tag: str | None = None
    library_name: str | None = None
    safetensors: Weights | None = None
    downloads: Count | None = None
    likes: Count | None = None
    created_at: str | None = Field(default=None, alias="createdAt")
    last_modified: str | None = Field(default=None, alias="lastModified")

    @property
    def withheld(self) -> str | None:
        """Why no one else could load it, or None."""
        if self.private:
            return "the repository is private"
        return "the repository is disabled" if self.disabled else None


WHOLE_PAGE = TypeAdapter(list[Repository])


def read_page(reply: Reply) -> Page:
    """Return what one response of `GET /api/models` holds.

    Raises:
        PageError: the body as a whole is no page of a listing.
    """
    repositories, dropped = parsed(reply.body)
    # A token may see more than everyone, for whom the catalogue is.
    withheld = [
        Dropped(record=repository.id, reason=repository.withheld)
        for repository in repositories
        if repository.withheld
    ]
    return Page(
        entries=tuple(entry(found) for found in repositories if not found.withheld),
        cursor=next_cursor(reply.headers.get("link", "")),
        dropped=(*dropped, *withheld),
    )


def parsed(body: bytes) -> tuple[Sequence[Repository], Sequence[Dropped]]:
    """Return the readable records of a page, and the others."""
    try:
        return WHOLE_PAGE.validate_json(body), ()
    except ValidationError:
        value = decode(body)
    if not isinstance(value, list):
        refuse(value, why="a list was expected")
    return salvage(value, Repository)


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
    # Repositories of the first days, such as gpt2, have no owner.
    owner, _, name = found.id.rpartition("/")
    tags = distinct(found.tags or ())
    model = Model(
        id=found.id,
        source="huggingface",
        slug=found.id.replace("/", "--"),
        name=tidy(name) or found.id,
        author=word(found.author or owner),
        url=f"{SITE}/{quote(found.id)}",
        tags=tags,
        base_models=distinct(base_models(tags)),
        license=min(licenses(tags), default=None),
        gated=gate(found),
        pipeline_tag=word(found.pipeline_tag),
        library=word(found.library_name),
        # A total of 0 is a repository whose weights upstream failed to read.
        parameters=(found.safetensors and found.safetensors.total) or size_in_name(name),
        file_formats=tuple(sorted(FORMATS.intersection(map(str.lower, tags)))),
        created_at=word(found.created_at),
        updated_at=word(found.last_modified),
    )
    return Entry(model=model, stats=Stats(downloads=found.downloads, likes=found.likes))


def base_models(tags: Sequence[str]) -> Iterator[str]:
    """Yield the models among *tags* that this one was made from."""
    found = [tag for tag in tags if tag.startswith("base_model:")]
    return (match[1] for tag in found if (match := BASE_MODEL.fullmatch(tag)))


def licenses(tags: Sequence[str]) -> list[str]:
    """Return the licence ids among *tags*; a repository may have several."""
    return [tag.removeprefix(LICENSE) for tag in tags if tag.startswith(LICENSE)]


def gate(found: Repository) -> str | None:
    """Return how access is granted; a bare true, which no list has shown yet, is the stricter."""
    if found.gated is True:
        return "manual"
    return found.gated if found.gated in {"auto", "manual"} else None


def size_in_name(name: str) -> int | None:
    """Return the number of weights that a name boasts of: its first one, experts multiplied."""
    found = SIZE.search(name)
    if found is None:
        return None
    experts, number, unit = found.groups()
    return round(int(experts or 1) * float(number) * UNITS[unit.lower()]) or None
