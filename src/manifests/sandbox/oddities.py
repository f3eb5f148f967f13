"""Name what is odd about some made-up CivitAI models, and where in each cycle they stand."""

from __future__ import annotations

from enum import IntEnum

from manifests.sandbox.seeds import HOSTILE_HTML

__all__ = ["HIDDEN", "HOSTILE", "ODD_NAMES", "Oddity"]


class Oddity(IntEnum):
    """The place in a cycle of `seeds.ODDITY_CYCLE` models; all were seen upstream."""

    CREATOR_NULL = 20
    CREATOR_ABSENT = 21
    NAMELESS = 22
    """A creator whose account was deleted: there, but without a name."""
    NO_VERSIONS = 23
    NO_FILES = 24
    NO_IMAGES = 25
    NO_TAGS = 26
    NO_DESCRIPTION = 27
    NO_COUNTS = 28
    """The creator hides the counters: null, while the order still uses them."""
    NO_LEVEL = 29
    """An old record without `nsfwLevel`."""
    OLD_IMAGES = 30
    """Images that carry a word, such as `Soft`, in place of a level."""
    ARCHIVED = 31
    TAKEN_DOWN = 32
    MINOR = 33
    FLAGGED_PG = 34
    """`nsfw: true` with the PG bit set: a PG listing shows it."""
    ALL_OLD = 35
    """Flagged, without `nsfwLevel`, with old images."""


HIDDEN = frozenset({40, 140})
"""Places of models without a visible version, about one in a page of 100."""

HOSTILE = range(50, 50 + len(HOSTILE_HTML))
"""Places of models with hostile descriptions."""

ODD_NAMES = {
    1: "{} / {} | v2",
    2: "{} 🎨✨ {}",
    3: "{}\u200b\u200d{}\u2060",
    4: "{}\x07 {}\x1b[31m",
    5: "  {}\t\n{}  ",
    6: "\u202e{} {}",
    7: "<b>{}</b> & {}",
}
"""Place → a hostile form of a name of two words."""
