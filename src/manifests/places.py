"""Find the line of a definition file that a problem is about."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["line_of", "with_line"]

PLACE: Final = re.compile(r"([\w-]+)(?:\[(\d+)\](?:\.([\w-]+))?)?")
"""The beginning of a key: a name, the number of a table under it from 0, and a name in that."""
HEADER: Final = re.compile(r"\s*(\[\[?)\s*([\w-]+)(?:\s*\.\s*([\w-]+))?")
KEY: Final = re.compile(r"""\s*["']?([\w-]+)["']?\s*[=.]""")


def with_line(problem: str, text: str) -> str:
    """Return a problem with the line of its key, where that is plain to see.

    Args:
        problem: such as `facets[1].slugs.all: unknown value`.
        text: the file.
    """
    place, line = PLACE.match(problem), line_of(problem, text)
    key, colon, rest = problem.partition(": ")
    is_key = place is not None and key[place.end() : place.end() + 1] in {"", "."}
    return f"{key} (line {line}): {rest}" if line and colon and is_key else problem


def line_of(key: str, text: str) -> int | None:
    """Return the number of the line that gives a key in the plain way; None where none does.

    A key that is missing in a table stands for the header of that.
    """
    place = PLACE.match(key)
    if place is None:
        return None
    name, index, inner = place.groups()
    wanted = [("", -1, name)]
    if index is not None:
        wanted = [(name, int(index), inner or ""), (name, int(index), "")]
    lines = dict(reversed([(where, number) for number, where in given_in(text)]))
    return next((lines[where] for where in wanted if where in lines), None)


def given_in(text: str) -> Iterator[tuple[int, tuple[str, int, str]]]:
    """Yield each line that gives something, with its table, which of that name it is, and the key.

    A header gives the key that is empty; what stands before the first is in the table without name,
    which is the one before the first.
    """
    table, begun = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            brackets, table, inner = header.groups()
            begun[table] += brackets == "[[" and inner is None
            yield number, (table, begun[table] - 1, inner or "")
        elif given := KEY.match(line):
            yield number, (table, begun[table] - 1, given[1])
