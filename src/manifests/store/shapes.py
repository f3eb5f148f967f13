"""Lay out manifests and catalogues key by key, in the standard and in the compact style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from manifests.models import Catalogue, Ids, Manifest, Model, Stats
from manifests.store.canonical import DamagedFileError

if TYPE_CHECKING:
    from manifests.sources.base import SourceInfo

__all__ = [
    "CompactCatalogue",
    "CompactManifest",
    "CompactModel",
    "Shape",
    "StandardCatalogue",
    "StandardManifest",
    "StatsShape",
    "compact_model",
]


class Shape(BaseModel):
    """The layout of a file; keys that a later version of the tool adds do not disturb it."""

    model_config = ConfigDict(frozen=True, extra="ignore", serialize_by_alias=True)


def expect(found: object, wanted: object, *, what: str) -> None:
    """Hold a file to what is known about it.

    Raises:
        DamagedFileError: *what* was found is not what was wanted.
    """
    if found != wanted:
        raise DamagedFileError(f"{what} is {found!r}, expected {wanted!r}")


class StandardManifest(Shape):
    """The manifest that people read and tools diff."""

    schema_version: Literal[1] = Field(alias="schema")
    source: str
    filter: str
    label: str
    models_file: str
    count: int
    complete: bool
    model_ids: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Manifest, info: SourceInfo) -> Self:
        """Lay out *manifest*."""
        return cls(
            schema=1,
            source=info.name,
            filter=manifest.filter,
            label=manifest.label,
            models_file=manifest.models_file,
            count=len(manifest.model_ids),
            complete=manifest.complete,
            model_ids=tuple(manifest.model_ids),
        )

    def manifest(self, info: SourceInfo) -> Manifest:
        """Return the record that was laid out.

        Raises:
            DamagedFileError: it is of another source, or its count is not that of its ids.
        """
        expect(self.source, info.name, what="source")
        expect(self.count, len(self.model_ids), what="count")
        return Manifest(
            source=self.source,
            filter=self.filter,
            label=self.label,
            models_file=self.models_file,
            model_ids=Ids.of(self.model_ids),
            complete=self.complete,
        )


class CompactManifest(Shape):
    """The manifest with the keys that small hosts expect."""

    f: str
    """Prefix and path of the filter: `civitai-filter/x/week/sd21`."""
    s: str
    """Short name of the source: `ca`."""
    mf: str
    """Name of the catalogue."""
    ids: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Manifest, info: SourceInfo) -> Self:
        """Lay out *manifest*; its label and whether it is complete are lost."""
        return cls(
            f=f"{info.file_prefix}-{manifest.filter}",
            s=info.short,
            mf=manifest.models_file,
            ids=tuple(manifest.model_ids),
        )

    def manifest(self, info: SourceInfo) -> Manifest:
        """Return the record that was laid out: its path is its label, and it promises no end.

        Raises:
            DamagedFileError: it is of another source.
        """
        expect(self.s, info.short, what="s")
        prefix = f"{info.file_prefix}-"
        expect(self.f[: len(prefix)], prefix, what="the prefix in f")
        path = self.f.removeprefix(prefix)
        return Manifest(
            source=info.name,
            filter=path,
            label=path,
            models_file=self.mf,
            model_ids=Ids.of(self.ids),
            complete=False,
        )


class StandardCatalogue(Shape):
    """The catalogue with all that is known of each model, and without its counters."""

    schema_version: Literal[1] = Field(alias="schema")
    source: str
    count: int
    models: Mapping[str, Model]

    def catalogue(self, info: SourceInfo) -> Catalogue:
        """Return the record that was laid out, without counters.

        Raises:
            DamagedFileError: it is of another source, or its count is not that of its models.
        """
        expect(self.source, info.name, what="source")
        expect(self.count, len(self.models), what="count")
        return Catalogue(source=self.source, models=self.models)


class CompactModel(Shape):
    """What a list page needs of a model."""

    id: str
    slug: str
    name: str
    author: str | None
    description: str | None
    downloads: int | None
    likes: int | None
    tags: tuple[str, ...]
    source: str

    def model(self) -> Model:
        """Return the model; what was lost is null or empty."""
        return Model(
            id=self.id,
            source=self.source,
            slug=self.slug,
            name=self.name,
            author=self.author,
            description=self.description,
            tags=self.tags,
        )

    def stats(self) -> Stats:
        """Return the counters."""
        return Stats(downloads=self.downloads, likes=self.likes)


SHARED: Final = ("id", "slug", "name", "author", "description", "tags", "source")
"""Fields that a compact model has of a whole one."""


def compact_model(model: Mapping[str, object], stats: Mapping[str, object]) -> dict[str, object]:
    """Lay out a model with its counters; all its other fields are lost."""
    counters = {name: stats.get(name) for name in ("downloads", "likes")}
    return {**{name: model[name] for name in SHARED}, **counters}


class CompactCatalogue(Shape):
    """The catalogue for hosts with a limit on the size of a file; counters are inside."""

    t: int
    """How many models there are."""
    s: str
    """Short name of the source."""
    m: Mapping[str, CompactModel]

    def catalogue(self, info: SourceInfo) -> Catalogue:
        """Return the record that was laid out, with counters.

        Raises:
            DamagedFileError: it is of another source, or its count is not that of its models.
        """
        expect(self.s, info.short, what="s")
        expect(self.t, len(self.m), what="t")
        return Catalogue(
            source=info.name,
            models={id_: row.model() for id_, row in self.m.items()},
            stats={id_: row.stats() for id_, row in self.m.items()},
        )


class StatsShape(Shape):
    """The counters of a source's models: the one published file that moves by the hour."""

    schema_version: Literal[1] = Field(alias="schema")
    stats: Mapping[str, Stats]
