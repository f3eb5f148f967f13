"""Lay out the small files that stand in the place of a catalogue in parts, and name its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, ValidationError

from manifests.store.canonical import DamagedFileError, decode, encode
from manifests.store.formats import Style
from manifests.store.parts import MOST_PARTS, RULE, names_of_parts
from manifests.store.shapes import Shape, expect

if TYPE_CHECKING:
    from manifests.sources.base import SourceInfo

__all__ = [
    "CompactDirectory",
    "StandardDirectory",
    "StatsDirectory",
    "directory_bytes",
    "parts_named",
    "stats_directory_bytes",
]


class StandardDirectory(Shape):
    """What stands under a manifest's `models_file` where the catalogue is in parts."""

    schema_version: Literal[1] = Field(alias="schema")
    source: str
    count: int
    """Models in all parts together."""
    rule: Literal["crc32"]
    """How to find a model: CRC-32 of its id in UTF-8, modulo the number of parts, from 0."""
    parts: tuple[str, ...]
    """The files, in order; their number is a power of two."""


class CompactDirectory(Shape):
    """The same in the compact layout."""

    s: str
    """Short name of the source."""
    t: int
    """Models in all parts together."""
    p: tuple[str, ...]
    """The files, in order; the rule is that of the standard layout."""


class StatsDirectory(Shape):
    """What stands in the place of a source's counters where they are in parts."""

    schema_version: Literal[1] = Field(alias="schema")
    rule: Literal["crc32"]
    parts: tuple[str, ...]
    """The files, in order: a model's counters have the number of the model's part."""


LARGEST: Final = 64 * 1024
"""Bytes of a directory, at most: larger files are not looked into."""

MARKS: Final = ("parts", "p")
"""Keys that no whole file has."""


def directory_bytes(info: SourceInfo, *, parts: int, count: int, style: Style) -> bytes:
    """Return the file that names the parts of a catalogue of *count* models."""
    names = names_of_parts(info.models_file, parts)
    if style is Style.COMPACT:
        return encode({"s": info.short, "t": count, "p": names}, compact=True)
    shell = {"schema": 1, "source": info.name, "count": count}
    return encode({**shell, "rule": RULE, "parts": names})


def stats_directory_bytes(info: SourceInfo, *, parts: int) -> bytes:
    """Return the file that names the parts of a source's counters."""
    names = names_of_parts(info.stats_file, parts)
    return encode({"schema": 1, "rule": RULE, "parts": names})


def parts_named(data: bytes, name: str) -> int:
    """Return how many parts the file *name* with the bytes *data* stands for; 1 for a whole one.

    Raises:
        DamagedFileError: it names parts that this tool would not make.
    """
    document = decode(data) if len(data) <= LARGEST else None
    if not isinstance(document, dict) or not any(mark in document for mark in MARKS):
        return 1
    kind = CompactDirectory if "p" in document else StatsDirectory
    try:
        found = kind.model_validate(document)
    except ValidationError as error:
        raise DamagedFileError("it names its parts in a way that is not known") from error
    parts = found.p if isinstance(found, CompactDirectory) else found.parts
    count = len(parts)
    if not 1 < count <= MOST_PARTS or count & (count - 1):
        raise DamagedFileError(f"it names {count} parts, which is no power of two up to 256")
    # A reader follows these names: they must lead to no other file.
    expect(parts, names_of_parts(name, count), what="the list of parts")
    return count
