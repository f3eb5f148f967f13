"""Write counts, durations and sizes as people read them."""

from __future__ import annotations

__all__ = ["counted", "duration", "size"]


def counted(count: int, noun: str) -> str:
    """Return `1 model`, `2 models`, `3 queries`."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {plural}"


def duration(seconds: float) -> str:
    """Return `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 9.95:  # noqa: PLR2004 - below, a tenth is worth reading
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - minutes in an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Return a number of bytes as `812 B`, `45 kB`, `1.2 MB`."""
    if count < 1000:  # noqa: PLR2004 - the next unit
        return f"{count} B"
    if count < 999_500:  # noqa: PLR2004 - the next unit
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
