"""List the published files with their digests, so that a reader can tell a set from a mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from manifests.models import Record
from manifests.store.canonical import encode, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Index", "IndexEntry"]


class IndexEntry(Record):
    """One file of the published set."""

    file: str
    filter: str | None
    """Path of the filter; None for a catalogue."""
    source: str
    count: int
    """Ids in a manifest, models in a catalogue."""
    sha256: str


class Index(Record):
    """What `index.json` holds: all manifests and catalogues, but nothing volatile."""

    schema_version: Literal[1] = Field(
        default=1, validation_alias="schema", serialization_alias="schema"
    )
    generation: str
    """SHA-256 of the canonical bytes of `files`: equal for equal sets."""
    files: tuple[IndexEntry, ...]
    """Sorted by the name of the file."""

    @classmethod
    def of(cls, entries: Iterable[IndexEntry]) -> Self:
        """Return the index of a set."""
        # Names are unique in a folder, so that their order is the only one there is.
        files = tuple(sorted(entries, key=lambda entry: entry.file))
        return cls(generation=generation(files), files=files)


def generation(files: Iterable[IndexEntry]) -> str:
    """Return the digest that names a set, in hexadecimal."""
    return sha256(encode([entry.model_dump() for entry in files]))
