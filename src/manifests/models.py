"""Hold the records that the whole house speaks of: filters, queries, models, manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from manifests.records import Record

__all__ = [
    "Catalogue",
    "FacetValue",
    "Filter",
    "Ids",
    "Manifest",
    "Model",
    "Query",
    "Record",
    "Stats",
    "plentiful",
]

T = TypeVar("T")

FacetValue: TypeAlias = str | tuple[str, ...]
"""What a slug stands for in a definition file: one value, or several of which any will do."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def plentiful(cls: type[T]) -> type[T]:
    """Return a frozen record of which a page makes hundreds; the type checker alone freezes it.

    To freeze it at run time too, `dataclass` sets each field by a call: that takes three times as
    long, and was a sixth of all that a page of a thousand models took.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)


def __getattr__(name: str) -> object:
    """Return `Record`; to import it takes longer than a command that only lists filters may."""
    if name == "Record":
        from manifests.records import Record  # noqa: PLC0415 - start-up time, see above

        return Record
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A named listing of one source, as the definitions describe it."""

    source: str
    """Name of the source, such as `civitai`."""
    path: str
    """`filter/` and the non-default slugs in the order of the facets: `filter/x/week/sd21`."""
    label: str
    """What a person calls it: the slugs, or the label of the definition."""
    limit: int
    """Models in its manifest, at most."""
    sort: str
    """Upstream's own name of the order."""
    values: Mapping[str, FacetValue] = field(default_factory=dict)
    """Facet name → the value of the chosen slug, for all facets, defaults included."""
    slugs: Mapping[str, str] = field(default_factory=dict)
    """Facet name → the chosen slug, for all facets, defaults included."""
    parameters: Mapping[str, FacetValue] = field(default_factory=dict)
    """Upstream's own parameters, of an explicit filter only."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Settings that only this source knows, such as `unknown_size`."""
    skip_models: tuple[str, ...] = ()
    """Ids that are never published."""
    allow_empty: bool = False
    """Whether an empty manifest may follow one that was not."""
    min_count: int = 0
    """Models below which a manifest that is poorer than the published one is held back."""
    max_shrink: float | None = None
    """Share of its models that it may lose at once, from 0 to 1; None is the gate's own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One distinct upstream listing; filters with equal queries share its pages."""

    source: str
    parameters: tuple[tuple[str, str], ...]
    """Sorted pairs of upstream's own names and values; a repeated name is a repeated parameter."""

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of one parameter, in order; empty when it is not asked for."""
        return tuple(value for key, value in self.parameters if key == name)


@plentiful
class Model:
    """One upstream model, normalised; what upstream leaves out is null, never invented."""

    id: str
    source: str
    slug: str
    """The id made safe for a URL's path: `owner--name` on Hugging Face."""
    name: str
    author: str | None = None
    description: str | None = None
    """Plain text, one paragraph, cut at a word."""
    url: str | None = None
    tags: tuple[str, ...] = ()
    type: str | None = None
    base_models: tuple[str, ...] = ()
    nsfw: bool | None = None
    """Whether upstream flags the model as a whole."""
    nsfw_level: int | None = None
    """Upstream's bit mask: PG 1, PG13 2, R 4, X 8, XXX 16, blocked 32; 0 is not rated."""
    license: str | None = None
    gated: str | None = None
    """`auto` or `manual` where a request for access is needed, else null."""
    pipeline_tag: str | None = None
    library: str | None = None
    parameters: int | None = None
    """Number of weights."""
    file_formats: tuple[str, ...] = ()
    size_bytes: int | None = None
    """Size of the primary file."""
    preview_url: str | None = None
    """The image of the lowest level."""
    preview_level: int | None = None
    """The level of that image, as one bit of `nsfw_level`."""
    created_at: str | None = None
    updated_at: str | None = None
    mode: str | None = None
    """Upstream's word when a model was moderated: `Archived` or `TakenDown`."""


@plentiful
class Stats:
    """The counters of a model, which move by the hour and so stand apart from it."""

    downloads: int | None = None
    likes: int | None = None


class Ids(Sequence[str]):
    """Ids that take a seventh of the room that a tuple of texts would; it equals that tuple."""

    __slots__ = ("_count", "_joined")

    def __init__(self, joined: bytes, count: int) -> None:
        self._joined = joined
        self._count = count

    @classmethod
    def of(cls, ids: Iterable[str]) -> Sequence[str]:
        """Return *ids* packed, or a tuple of them where one holds what parts them here."""
        known = tuple(ids)
        joined = "\n".join(known)
        if joined.count("\n") != max(len(known) - 1, 0):
            return known
        return cls(joined.encode("utf-8", "surrogatepass"), len(known))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        return self._ids()[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ids):
            return (self._count, self._joined) == (other._count, other._joined)
        return self._ids() == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._ids())

    def __repr__(self) -> str:
        return repr(self._ids())

    def _ids(self) -> tuple[str, ...]:
        text = self._joined.decode("utf-8", "surrogatepass")
        return tuple(text.split("\n")) if self._count else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is published for one filter: ids in upstream's order, without duplicates."""

    source: str
    filter: str
    label: str
    models_file: str
    model_ids: Sequence[str]
    """A tuple, or `Ids` where there are many manifests."""
    complete: bool
    """Whether the listing ended before the filter's limit was reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What is published for one source: each id of its manifests with its model and counters.

    Both mappings may read from files when they are asked: a catalogue may be larger than memory.
    """

    source: str
    models: Mapping[str, Model] = field(default_factory=dict)
    stats: Mapping[str, Stats] = field(default_factory=dict)
