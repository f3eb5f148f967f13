"""Turn a quarantined candidate into bytes and back, so that it can be published later as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, ValidationError

from manifests.models import Ids, Manifest, Model, Record, Stats
from manifests.sources.base import Entry
from manifests.store.canonical import DamagedFileError, decode, encode

if TYPE_CHECKING:
    from manifests.store.names import Key

__all__ = ["Quarantined", "quarantined_bytes", "read_quarantined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A candidate that was held back, with all that is needed to publish it without a request."""

    manifest: Manifest
    entries: Mapping[str, Entry]
    """Id → model and counters, of the manifest's models."""

    @classmethod
    def of(cls, manifest: Manifest, entries: Mapping[str, Entry]) -> Self:
        """Return a candidate with those of the *entries* that it needs."""
        wanted = (id_ for id_ in manifest.model_ids if id_ in entries)
        return cls(manifest=manifest, entries={id_: entries[id_] for id_ in wanted})

    @property
    def key(self) -> Key:
        """Source and path."""
        return self.manifest.source, self.manifest.filter


class QuarantinedShape(Record):
    """The layout of the bytes."""

    schema_version: Literal[1] = Field(
        default=1, validation_alias="schema", serialization_alias="schema"
    )
    manifest: Manifest
    models: Mapping[str, Model]
    stats: Mapping[str, Stats]


def quarantined_bytes(candidate: Quarantined) -> bytes:
    """Return the bytes that stand for a candidate; equal ones have equal bytes."""
    shape = QuarantinedShape(
        manifest=replace(candidate.manifest, model_ids=tuple(candidate.manifest.model_ids)),
        models={id_: entry.model for id_, entry in candidate.entries.items()},
        stats={id_: entry.stats for id_, entry in candidate.entries.items()},
    )
    return encode(shape.model_dump(by_alias=True), compact=True)


def read_quarantined(data: bytes) -> Quarantined:
    """Return the candidate that *data* stands for.

    Raises:
        DamagedFileError: it is none, or not a whole one.
    """
    try:
        # What a later version adds is no reason to lose a candidate.
        shape = QuarantinedShape.model_validate(decode(data), extra="ignore")
    except ValidationError as error:
        raise DamagedFileError("no quarantined candidate, or not a whole one") from error

    if shape.models.keys() != shape.stats.keys():
        raise DamagedFileError("its models and its counters are not of the same ids")

    entries = {
        id_: Entry(model=model, stats=shape.stats[id_]) for id_, model in shape.models.items()
    }
    manifest = replace(shape.manifest, model_ids=Ids.of(shape.manifest.model_ids))
    return Quarantined(manifest=manifest, entries=entries)
