"""Write a file of many records one by one: to the same bytes as if all were encoded at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import orjson

from manifests.store.canonical import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Framing", "cut_items", "key_of", "laid_out"]

AT_ONCE: Final = 256
"""Items that are joined before they are written: many small writes take longer than few."""

TABLE: Final = b'{\n  "": {\n'
TABLE_END: Final = b"\n  }\n}\n"
ITEM: Final = b'    "'
NEXT_ITEM: Final = b",\n" + ITEM
NAMED: Final = b'": {\n'
"""What stands around items in the indented layout; no line break stands within a JSON string."""


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
        while chunk := list(islice(rest, AT_ONCE)):
            yield separator + separator.join(chunk)
        yield after


def laid_out(records: Mapping[str, Mapping[str, object]]) -> bytes:
    """Return what `cut_items` takes apart: *records* in their order, the keys of each sorted."""
    return orjson.dumps({"": records}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def cut_items(table: bytes) -> list[bytes]:
    """Return what `Framing.item` would, for each key of a table that is laid out."""
    rest = table[len(TABLE) + len(ITEM) : -len(TABLE_END)]
    return [ITEM + item for item in rest.split(NEXT_ITEM)]


def key_of(item: bytes) -> str:
    """Return the key of what was cut out of a table."""
    key = item[len(ITEM) : item.index(NAMED)]
    return str(orjson.loads(b'"%b"' % key)) if b"\\" in key else key.decode()
