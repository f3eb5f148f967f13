"""Write Markdown in which text of others stays text: no mark-up, no mention, no link, no cell."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from manifests.report.plain import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = ["code", "some", "table", "text"]

MARKS: Final = re.compile(
    r"""
    [^\w\s,;'"!?()/%…—.:-] | _  # all that Markdown, HTML or GitHub give a meaning
    | (?<!\d)[.:](?=\S)         # www.example, https://…: but for the end of a sentence,
    | (?<=\d)[.:](?=[^\s\d])    # and a figure, such as 0.4
""",
    re.VERBOSE,
)
JOINER: Final = "&#8288;"


def code(words: str, *, most: int = 300) -> str:
    """Return text of others as code: there Markdown knows neither mark-up nor @mentions nor links.

    A backtick would end it, and a pipe would end the cell of a table, whatever stands before it;
    such text is spelled in HTML.
    """
    shown = plain(words, most=most).strip()
    if not shown:
        return ""
    if "`" in shown or "|" in shown:
        return f"<code>{text(shown, most=most)}</code>"
    return f"`{shown}`"


def text(words: str, *, most: int = 300) -> str:
    """Return text as prose that means nothing to Markdown.

    What could be mark-up, or the dot or colon of an address, stands as its number. GitHub looks for
    @mentions and #numbers only after it has read those, so a word joiner keeps them apart.
    """
    return MARKS.sub(as_number, plain(words, most=most))


def as_number(found: re.Match[str]) -> str:
    """Return what stands for one character."""
    letter = found.group()
    return f"&#{ord(letter)};{JOINER if letter in '@#' else ''}"


def some(items: Iterable[str], *, total: int, most: int) -> str:
    """Return the first *most* items as a list in a sentence, and how many of *total* are beyond."""
    shown = list(islice(items, most))
    rest = total - len(shown)
    return ", ".join([*shown, *([f"and {rest:,} more"] if rest > 0 else [])])


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int] = ()
) -> Iterator[str]:
    """Yield the lines of a table; the columns of *numbers*, from 0, are set to the right."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('--:' if index in numbers else '---' for index in range(len(head)))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
