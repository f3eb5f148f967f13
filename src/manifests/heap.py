"""Keep the memory of a large run low: what is freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

__all__ = ["give_back", "keep_low"]

TRIM_THRESHOLD: Final = -1
MMAP_THRESHOLD: Final = -3
"""Names of glibc's parameters: mallopt(3), `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD`."""

LARGE: Final = 4 * 1024**2
"""Bytes: more than a page of upstream, less than a part of a large catalogue."""


def keep_low() -> None:
    """Let the C library return large blocks as soon as they are freed.

    glibc moves its threshold up to the largest block that was freed, 32 MB at most, and from then
    on keeps such blocks, and holes of their size between smaller ones (mallopt(3)).
    """
    mallopt = c_function("mallopt")
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGE)
        mallopt(TRIM_THRESHOLD, 2 * LARGE)


def give_back() -> None:
    """Let the C library return the pages that nothing uses.

    glibc keeps what was freed between blocks that are still in use, and a run frees by the ten
    thousands (malloc_trim(3)). Where there is another library, it is left to itself.
    """
    trim = c_function("malloc_trim")
    if trim is not None:
        trim(0)


def c_function(name: str) -> ctypes._NamedFuncPointer | None:
    """Return a function of the C library on Linux; None where there is none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
