"""Tell below which value a share of what was measured lies, in every report alike."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["quantile"]


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest of *ordered* values that *share* of them, from 0 to 1, do not pass.

    This is the nearest rank: always a value that was seen. `script.js` of the page says the same.
    """
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
