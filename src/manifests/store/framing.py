"""Write a file of many records one by one: to the same bytes as if all were encoded at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.store.canonical import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Framing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """A layout: indented for people, or without any white space."""

    compact: bool = False

    def item(self, key: str, record: Mapping[str, object]) -> bytes:
        """Return the bytes of one key with its record, as they stand in the file."""
        name = encode(key, compact=True).rstrip()
        body = encode(record, compact=self.compact).rstrip()
        if self.compact:
            return name + b":" + body
        # No line break stands within a JSON string, so that each one is of the layout.
        return b"    " + name + b": " + body.replace(b"\n", b"\n    ")

    def pieces(
        self, shell: Mapping[str, object], key: str, items: Iterable[bytes]
    ) -> Iterator[bytes]:
        """Yield the whole file, piece by piece.

        Args:
            shell: all its other keys.
            key: under which the items stand.
            items: what `item` returned, sorted by their keys.
        """
        rest = iter(items)
        first = next(rest, None)
        if first is None:
            yield encode({**shell, key: {}}, compact=self.compact)
            return
        frame = encode({**shell, key: {"": {}}}, compact=self.compact)
        before, _, after = frame.partition(self.item("", {}))
        yield before + first
        separator = b"," if self.compact else b",\n"
        yield from (separator + item for item in rest)
        yield after
