"""Make up a CivitAI catalogue from a seed: an index at once, each record when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.sandbox.catalogue import CivitaiRow
from manifests.sandbox.oddities import HIDDEN, HOSTILE, ODD_NAMES, Oddity
from manifests.sandbox.seeds import (
    ADJECTIVES,
    HOSTILE_HTML,
    NOUNS,
    ODDITY_CYCLE,
    TOPICS,
    age,
    chance,
    digits,
    draws,
    happens,
    paragraphs,
    popularity,
    spread,
)
from manifests.sandbox.synthetic_versions import versions

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from manifests.sandbox.catalogue import JsonObject

__all__ = ["SyntheticCivitai"]

# Weights add up to 64, so that six bits choose.
_TYPES = spread(
    {
        "LORA": 33,
        "Checkpoint": 17,
        "TextualInversion": 4,
        "LoCon": 2,
        "DoRA": 1,
        "Controlnet": 1,
        "Upscaler": 1,
        "VAE": 1,
        "Poses": 1,
        "Workflows": 1,
        "Wildcards": 1,
        "Other": 1,
    }
)
_BASES = spread(
    {
        "SD 1.5": 16,
        "SDXL 1.0": 13,
        "Pony": 9,
        "Illustrious": 9,
        "Flux.1 D": 6,
        "SD 2.1": 4,
        "NoobAI": 3,
        "SD 3.5": 1,
        "SD 1.4": 1,
        "Other": 1,
        "Flux.1 S": 1,
    }
)
_LEVELS = spread(
    {
        1: 14,
        3: 7,
        7: 8,
        31: 9,
        15: 5,
        2: 3,
        4: 3,
        5: 2,
        13: 2,
        28: 3,
        29: 2,
        12: 1,
        24: 1,
        0: 2,
        33: 1,
        32: 1,
    }
)
# Of old families little is new: a narrow filter such as day/sd21 holds few models or none.
_FADING = frozenset({"SD 2.1", "SD 1.4"})
_COMMERCIAL: tuple[object, ...] = (
    "Sell",
    "None",
    "{Image,RentCivit}",
    "{}",
    ["Image", "RentCivit", "Rent"],
    [],
    ["Sell"],
    "{Sell}",
)
_ODD_LEVELS: Mapping[int, int] = {
    Oddity.NO_LEVEL: 1,
    Oddity.ALL_OLD: 28,
    Oddity.FLAGGED_PG: 31,
    Oddity.OLD_IMAGES: 3,
}
_ABSENT: Mapping[int, str] = {
    Oddity.CREATOR_ABSENT: "creator",
    Oddity.NO_LEVEL: "nsfwLevel",
    Oddity.ALL_OLD: "nsfwLevel",
}
_MODES: Mapping[int, str] = {Oddity.ARCHIVED: "Archived", Oddity.TAKEN_DOWN: "TakenDown"}
_WITHOUT_NAME = frozenset({Oddity.CREATOR_NULL, Oddity.CREATOR_ABSENT, Oddity.NAMELESS})


class SyntheticCivitai:
    """So many made-up models; equal seed, count and day give equal bytes."""

    def __init__(self, *, seed: int, models: int, day: int) -> None:
        """Build the index.

        Args:
            seed: decides everything but the dates.
            models: how many.
            day: midnight, UTC, in milliseconds since 1970; all dates count back from it.
        """
        self.now = day
        self._seed = seed
        self.rows = [_row(place, bits, day) for place, bits in enumerate(draws(seed, models))]

    def record(self, row: CivitaiRow) -> JsonObject:
        """Make the whole record of *row*; the same one each time."""
        odd, chance_ = row.place % ODDITY_CYCLE, chance(self._seed, row.place)
        record: JsonObject = {
            "id": row.id,
            "name": row.name,
            "description": _description(odd, chance_),
            "allowNoCredit": happens(chance_, percent=80),
            "allowCommercialUse": chance_.choice(_COMMERCIAL),
            "allowDerivatives": happens(chance_, percent=90),
            "allowDifferentLicense": happens(chance_, percent=50),
            "type": row.type,
            "minor": row.minor,
            "sfwOnly": False,
            "poi": happens(chance_, percent=3),
            "nsfw": _is_flagged(odd, row.level),
            "nsfwLevel": row.level,
            "availability": "Public",
            "supportsGeneration": happens(chance_, percent=30),
            "stats": _stats(row, shown=odd != Oddity.NO_COUNTS),
            "creator": _creator(row),
            "tags": list(row.tags),
            "modelVersions": versions(row, odd, chance_),
        }
        return _twisted(record, odd)


def _row(place: int, bits: int, day: int) -> CivitaiRow:
    """Return the index row of the model at *place*, drawn from *bits*."""
    odd = place % ODDITY_CYCLE
    base = _BASES[bits >> 46 & 63]
    # Each property has bits of its own: an index of 20,000 rows takes a tenth of a second.
    downloads = popularity(bits)
    return CivitaiRow(
        place=place,
        id=1000 + 37 * place + (bits >> 64 & 31),
        name=_name(odd, bits),
        type=_TYPES[bits >> 40 & 63],
        base_models=() if odd == Oddity.NO_VERSIONS else _bases(base, bits),
        level=_level(odd, _LEVELS[bits >> 52 & 63]),
        minor=odd == Oddity.MINOR,
        hidden=odd in HIDDEN,
        last_version=day - age(bits, days=1300, youth=1.2 if base in _FADING else 2.0),
        downloads=downloads,
        thumbs=int(downloads * (0.05 + digits(bits, 70) / 6)),
        comments=downloads * (bits >> 90 & 15) // 4000,
        collected=downloads * (bits >> 94 & 15) // 90,
        images=downloads * (bits >> 98 & 15) // 600,
        username="" if odd in _WITHOUT_NAME else _username(bits),
        tags=() if odd == Oddity.NO_TAGS else (TOPICS[bits >> 102 & 15], TOPICS[bits >> 106 & 15]),
    )


def _name(odd: int, bits: int) -> str:
    """Return a name of two words, of a hostile form for some."""
    form = ODD_NAMES.get(odd, "{} {}")
    first, second = ADJECTIVES[bits >> 110 & 31], NOUNS[bits >> 115 & 31]
    return form.format(first, second)


def _username(bits: int) -> str:
    """Return one of some thousand creators, few of whom made most models."""
    return f"{NOUNS[bits >> 120 & 31]}_{(bits >> 125 & 63) * (bits >> 131 & 63)}".lower()


def _bases(base: str, bits: int) -> tuple[str, ...]:
    """Return the base models of all versions; one in eight models has a second."""
    other = _BASES[bits >> 137 & 63]
    return (base, other) if bits >> 143 & 7 == 0 and other != base else (base,)


def _level(odd: int, drawn: int) -> int:
    """Return the level that decides: what a missing one counts as, or the drawn one."""
    return _ODD_LEVELS.get(odd, drawn)


def _is_flagged(odd: int, level: int) -> bool:
    """Tell whether the whole model is flagged: any level may be."""
    return odd == Oddity.FLAGGED_PG or (level & 1 == 0 and level & 24 != 0)


def _description(odd: int, chance_: random.Random) -> str | None:
    """Return HTML: harmless, hostile, or none."""
    # Drawn in any case, so that an oddity changes nothing else of its record.
    harmless = paragraphs(chance_)
    if odd in HOSTILE:
        return HOSTILE_HTML[odd - HOSTILE.start]

    return None if odd == Oddity.NO_DESCRIPTION else harmless


def _creator(row: CivitaiRow) -> JsonObject | None:
    """Return the creator: null, without a name, or usual."""
    if row.place % ODDITY_CYCLE == Oddity.NAMELESS:
        return {"username": None, "image": None}

    return {"username": row.username, "image": None} if row.username else None


def _stats(row: CivitaiRow, *, shown: bool) -> JsonObject:
    """Return the counters; a creator may hide some of them."""
    return {
        "downloadCount": row.downloads if shown else None,
        "thumbsUpCount": row.thumbs,
        "thumbsDownCount": row.thumbs // 50,
        "commentCount": row.comments,
        "tippedAmountCount": 0 if shown else None,
    }


def _twisted(record: JsonObject, odd: int) -> JsonObject:
    """Leave out or add what old, deleted and archived models lack or carry."""
    kept = {name: value for name, value in record.items() if name != _ABSENT.get(odd)}
    return {**kept, "mode": _MODES[odd]} if odd in _MODES else kept
