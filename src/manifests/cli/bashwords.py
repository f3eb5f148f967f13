"""Join what bash takes apart: to it a colon ends a word, so that `hf:likes` comes as three."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

__all__ = ["joined", "whole_words"]

WORDS: Final = "COMP_WORDS"
PLACE: Final = "COMP_CWORD"
BREAKS: Final = frozenset(":=")
"""Those of `COMP_WORDBREAKS`, which a shell may change, that words of ours hold."""


@contextmanager
def whole_words(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Join the words that bash asks to complete, and answer with what it then puts in place.

    Bash hands them over a line each, and replaces only what follows the last colon.
    """
    lines, place = environment.get(WORDS, "").split("\n"), environment.get(PLACE, "")
    if not place.isdecimal() or int(place) >= len(lines):
        yield
        return
    words, now, typed = joined(lines, int(place))
    environment.update({WORDS: "\n".join(words), PLACE: str(now)})
    answer = io.StringIO()
    try:
        with redirect_stdout(answer):
            yield
    finally:
        sys.stdout.writelines(
            line.removeprefix(typed) for line in answer.getvalue().splitlines(keepends=True)
        )


def joined(words: Sequence[str], place: int) -> tuple[list[str], int, str]:
    """Return words as they were typed, which of them is completed, and what bash keeps of that.

    Args:
        words: as bash parted them.
        place: the one at the cursor, counted from 0.
    """
    whole: list[str] = []
    now, typed, goes_on = 0, "", False
    for number, word in enumerate(words):
        is_break = bool(word) and BREAKS.issuperset(word)
        before = whole.pop() if whole and (is_break or goes_on) else ""
        whole.append(before + word)
        if number == place:
            now, typed = len(whole) - 1, before + word if is_break else before
        goes_on = is_break
    # Of `--only=hf:` the option is taken off before anything is completed.
    return whole, now, typed.rpartition("=")[2]
