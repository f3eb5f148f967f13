"""Build HTML in which no text can become markup: what is not `Markup` already is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from manifests.report.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LONGEST_COMMAND", "NOTHING", "Markup", "join", "table", "tag"]


LONGEST_COMMAND: Final = 4_000
"""Characters; a command that is cut short would be pasted all the same."""
NOTHING: Final = "\N{EN DASH}"
"""Stands in a cell where there is nothing to tell."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | bool) -> Markup:
    """Return an element.

    Args:
        name: of the element.
        children: what stands in it; all but `Markup` is made plain and escaped.
        attributes: their names with `_` for `-`, one at the end left out (`class_`); a true one
            has no value, a false one is not there.
    """
    pairs = [
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if isinstance(value, bool) else f'="{_safe(value)}"')
        for key, value in attributes.items()
        if value is not False
    ]
    return Markup(f"<{name}{''.join(pairs)}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Return *parts* one after the other, escaped where they are not `Markup`."""
    return Markup("".join(map(_safe, parts)))


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Markup:
    """Return a table whose first column names its rows, in a frame that scrolls by itself.

    Args:
        caption: what the table tells.
        heads: of the columns; one that begins with `#` is a column of numbers.
        rows: cells as text or `Markup`.
    """
    names = list(heads)
    kinds = ["number" if name.startswith("#") else "text" for name in names]
    head = join(
        tag("th", name.removeprefix("#"), scope="col", class_=kind)
        for name, kind in zip(names, kinds, strict=True)
    )
    body = join(tag("tr", _cells(row, kinds)) for row in rows)
    inner = join([tag("caption", caption), tag("thead", tag("tr", head)), tag("tbody", body)])
    # What scrolls must be reached by keyboard, and what is reached must have a name.
    return tag("div", tag("table", inner), class_="frame", role="group", aria_label=caption,
               tabindex="0")  # fmt: skip


def _cells(row: Iterable[str], kinds: list[str]) -> Markup:
    first, *rest = zip(row, kinds, strict=True)
    named = tag("th", first[0], scope="row", class_=first[1])
    return join([named, *(tag("td", text, class_=kind) for text, kind in rest)])


def _safe(value: str) -> str:
    return value if isinstance(value, Markup) else escape(plain(value))
