"""Give memory back to the system between the stages of a large run."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_back"]


def give_back() -> None:
    """Let the C library return the pages that nothing uses.

    glibc keeps what was freed between blocks that are still in use, and a run frees by the ten
    thousands (malloc_trim(3)). Where there is another library, it is left to itself.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
