"""Make text of others harmless wherever it is shown: one line, nothing invisible, not too long."""

from __future__ import annotations

__all__ = ["plain"]


def plain(text: str, *, most: int = 300) -> str:
    r"""Return *text* as one line of at most *most* characters, all of them visible.

    Control characters, those that turn the direction of text, and whatever else Unicode calls not
    printable stand as their escapes, so that a name can't hide what it is: `a\u202eb`.
    """
    beginning = text[: most + 1]  # no character stands as less than one
    printable = beginning.isprintable()
    shown = beginning if printable else "".join(visible(letter) for letter in beginning)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def visible(letter: str) -> str:
    """Return what stands for one character."""
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else letter.encode("unicode_escape").decode()
