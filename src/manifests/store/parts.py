"""Say in how many parts a catalogue is published, and in which of them a model stands.

Many hosts refuse files above 25 MiB. A model's part depends on its id and on the number of parts
alone, which is a power of two: where it doubles, each part falls into two, and no file is made of
others. It is halved again only when that leaves room for growth, so that it does not flap.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "MOST_BYTES",
    "MOST_PARTS",
    "RULE",
    "count_parts",
    "names_of_parts",
    "part_file",
    "part_of",
    "stray_parts",
]

MOST_BYTES: Final = 20 * 1024**2
"""Size of a file, at most."""

MOST_PARTS: Final = 256
"""Five gibibytes in files of that size; beyond, they grow again."""

RULE: Final = "crc32"
"""The name of the rule in a directory of parts, should there ever be another."""


def part_of(id_: str, parts: int) -> int:
    """Return the number of the part, from 0, in which a model stands.

    It is the CRC-32 of the id in UTF-8 (that of zlib and gzip), modulo the number of *parts*.
    """
    return crc32(id_.encode("utf-8", "surrogatepass")) % parts


def part_file(name: str, number: int) -> str:
    """Return the name of a part: `civitai-models-0007.json`."""
    return f"{name.removesuffix('.json')}-{number:04}.json"


def names_of_parts(name: str, parts: int) -> tuple[str, ...]:
    """Return the files in which a catalogue, or its counters, stand: the whole one, or parts."""
    return (name,) if parts == 1 else tuple(part_file(name, number) for number in range(parts))


def stray_parts(name: str, names: Iterable[str]) -> Iterator[str]:
    """Yield those of *names* that only parts of the file *name* have."""
    pattern = re.compile(rf"{re.escape(name.removesuffix('.json'))}-[0-9]{{4}}\.json")
    return filter(pattern.fullmatch, names)


def count_parts(sizes: Sequence[int], *, before: int, most_bytes: int = MOST_BYTES) -> int:
    """Return in how many parts to publish.

    Args:
        sizes: bytes of each part, were there `MOST_PARTS` of them.
        before: how many parts are published now; 1 for a whole file, or for none.
        most_bytes: size of a file, at most.
    """
    parts = before
    while parts < MOST_PARTS and largest(sizes, parts) > most_bytes:
        parts *= 2
    # Half of a file's room must stay free, or the next models would part them again.
    while parts > 1 and largest(sizes, parts // 2) <= most_bytes // 2:
        parts //= 2
    return parts


def largest(sizes: Sequence[int], parts: int) -> int:
    """Return the bytes of the largest of so many parts."""
    return max(sum(sizes[number::parts]) for number in range(parts))
