"""Make any text fit for a file of UTF-8: a path may hold bytes that are none."""

from __future__ import annotations

__all__ = ["legible"]


def legible(text: str) -> str:
    r"""Return *text* with an escape for each half of a surrogate pair: `a\udcff`.

    Python reads a byte of a path that is no UTF-8 as such a half (PEP 383), and neither JSON nor a
    terminal takes one.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
