"""Make up a CivitAI catalogue from a seed: an index at once, each record when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.sandbox.catalogue import DAY, CivitaiRow, JsonObject, to_iso
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

if TYPE_CHECKING:
    import random

__all__ = ["SyntheticCivitai"]

_TYPES = spread({
    "LORA": 33, "Checkpoint": 17, "TextualInversion": 4, "LoCon": 2, "DoRA": 1, "Controlnet": 1,
    "Upscaler": 1, "VAE": 1, "Poses": 1, "Workflows": 1, "Wildcards": 1, "Other": 1,
})  # fmt: skip
_BASES = spread({
    "SD 1.5": 16, "SDXL 1.0": 13, "Pony": 9, "Illustrious": 9, "Flux.1 D": 6, "SD 2.1": 4,
    "NoobAI": 3, "SD 3.5": 1, "SD 1.4": 1, "Other": 1, "Flux.1 S": 1,
})  # fmt: skip
_LEVELS = spread({
    1: 14, 3: 7, 7: 8, 31: 9, 15: 5, 2: 3, 4: 3, 5: 2, 13: 2, 28: 3, 29: 2, 12: 1, 24: 1, 0: 2,
    33: 1, 32: 1,
})  # fmt: skip
_FADING = frozenset({"SD 2.1", "SD 1.4"})
_COMMERCIAL: tuple[object, ...] = (
    "Sell", "None", "{Image,RentCivit}", "{}", ["Image", "RentCivit", "Rent"], [], ["Sell"],
    "{Sell}",
)  # fmt: skip
_OLD_LEVELS = {1: "None", 2: "Soft", 4: "Mature", 8: "X", 16: "X", 32: "X", 0: "None"}
_ODD_NAMES = {
    1: "{} / {} | v2",
    2: "{} 🎨✨ {}",
    3: "{}\u200b\u200d{}\u2060",
    4: "{}\x07 {}\x1b[31m",
    5: "  {}\t\n{}  ",
    6: "\u202e{} {}",
    7: "<b>{}</b> & {}",
}
_CREATOR_NULL, _CREATOR_ABSENT, _NAMELESS = 20, 21, 22
_NO_VERSIONS, _NO_FILES, _NO_IMAGES, _NO_TAGS = 23, 24, 25, 26
_NO_DESCRIPTION, _NO_COUNTS, _NO_LEVEL, _OLD_IMAGES = 27, 28, 29, 30
_ARCHIVED, _TAKEN_DOWN, _MINOR, _FLAGGED_PG, _ALL_OLD = 31, 32, 33, 34, 35
_HIDDEN = frozenset({40, 140})
_HOSTILE = range(50, 50 + len(HOSTILE_HTML))


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
            "stats": _stats(row, shown=odd != _NO_COUNTS),
            "creator": _creator(row),
            "tags": list(row.tags),
            "modelVersions": _versions(row, odd, chance_),
        }
        return _twisted(record, odd)


def _row(place: int, bits: int, day: int) -> CivitaiRow:
    """Return the index row of the model at *place*, drawn from *bits*."""
    odd = place % ODDITY_CYCLE
    base = _BASES[bits >> 46 & 63]
    downloads = popularity(bits)
    return CivitaiRow(
        place=place,
        id=1000 + 37 * place + (bits >> 64 & 31),
        name=_name(odd, bits),
        type=_TYPES[bits >> 40 & 63],
        base_models=() if odd == _NO_VERSIONS else _bases(base, bits),
        level=_level(odd, _LEVELS[bits >> 52 & 63]),
        minor=odd == _MINOR,
        hidden=odd in _HIDDEN,
        last_version=day - age(bits, days=1300, youth=1.2 if base in _FADING else 2.0),
        downloads=downloads,
        thumbs=int(downloads * (0.05 + digits(bits, 70) / 6)),
        comments=downloads * (bits >> 90 & 15) // 4000,
        collected=downloads * (bits >> 94 & 15) // 90,
        images=downloads * (bits >> 98 & 15) // 600,
        username="" if odd in {_CREATOR_NULL, _CREATOR_ABSENT, _NAMELESS} else _username(bits),
        tags=() if odd == _NO_TAGS else (TOPICS[bits >> 102 & 15], TOPICS[bits >> 106 & 15]),
    )


def _name(odd: int, bits: int) -> str:
    """Return a name of two words, of a hostile form for some."""
    form = _ODD_NAMES.get(odd, "{} {}")
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
    return {_NO_LEVEL: 1, _ALL_OLD: 28, _FLAGGED_PG: 31}.get(odd, drawn)


def _is_flagged(odd: int, level: int) -> bool:
    """Tell whether the whole model is flagged: any level may be."""
    return odd == _FLAGGED_PG or (level & 1 == 0 and level & 24 != 0)


def _description(odd: int, chance_: random.Random) -> str | None:
    """Return HTML: harmless, hostile, or none."""
    harmless = paragraphs(chance_)
    if odd in _HOSTILE:
        return HOSTILE_HTML[odd - _HOSTILE.start]

    return None if odd == _NO_DESCRIPTION else harmless


def _creator(row: CivitaiRow) -> JsonObject | None:
    """Return the creator: null, without a name, or usual."""
    if row.place % ODDITY_CYCLE == _NAMELESS:
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


def _versions(row: CivitaiRow, odd: int, chance_: random.Random) -> list[JsonObject]:
    """Return the versions, newest first: one for each base model, and often an older one."""
    bases = list(row.base_models)
    if bases and happens(chance_, percent=30):
        bases.append(bases[0])

    return [_version(row, odd, chance_, index=index, base=base) for index, base in enumerate(bases)]


def _version(
    row: CivitaiRow, odd: int, chance_: random.Random, *, index: int, base: str
) -> JsonObject:
    """Return one version; the first carries an image of each level of the model."""
    version = row.id * 10 + index
    images = [] if odd in {_NO_IMAGES, _TAKEN_DOWN} else _images(row, odd, chance_, version)
    files = [] if odd in {_NO_FILES, _ARCHIVED, _TAKEN_DOWN} else _files(row, chance_, version)
    url = {"downloadUrl": _download(version)} if files else {}
    return {
        "id": version,
        "index": index,
        "name": f"v{3 - index}.0",
        "baseModel": base,
        "baseModelType": "Standard",
        "publishedAt": to_iso(row.last_version - index * 45 * DAY),
        "availability": "Public",
        "nsfwLevel": row.level,
        "description": None,
        "trainedWords": [row.name.lower()] if row.type == "LORA" else [],
        "stats": {"downloadCount": row.downloads // (index + 1), "thumbsUpCount": row.thumbs},
        "files": files,
        "images": images if index == 0 else images[:1],
        **url,
    }


def _images(row: CivitaiRow, odd: int, chance_: random.Random, version: int) -> list[JsonObject]:
    """Return an image for each bit of the level, in any order; old ones have a word instead."""
    levels = [bit for bit in (1, 2, 4, 8, 16, 32) if row.level & bit] or [0]
    chance_.shuffle(levels)
    is_old = odd in {_OLD_IMAGES, _ALL_OLD}
    return [
        {
            "id": version * 10 + number,
            "url": f"https://image.example/sandbox/width=450/{version * 10 + number}.jpeg",
            **({"nsfw": _OLD_LEVELS[level]} if is_old else {"nsfwLevel": level}),
            "width": 832,
            "height": 1216,
            "hash": f"U{chance_.getrandbits(96):024x}",
            "type": "video" if happens(chance_, percent=5) else "image",
        }
        for number, level in enumerate(levels)
    ]


def _files(row: CivitaiRow, chance_: random.Random, version: int) -> list[JsonObject]:
    """Return the primary file; of a checkpoint often a config beside it."""
    size = chance_.uniform(2_000_000, 7_000_000) / (1 if row.type == "Checkpoint" else 20)
    form = "PickleTensor" if happens(chance_, percent=15) else "SafeTensor"
    primary: JsonObject = {
        "id": version * 10,
        "name": f"model_{version}.{'pt' if form == 'PickleTensor' else 'safetensors'}",
        "sizeKB": round(size, 6),
        "type": "Model",
        "metadata": {"format": form, "size": "pruned", "fp": "fp16"},
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "scannedAt": to_iso(row.last_version),
        "hashes": {
            "AutoV2": f"{chance_.getrandbits(40):010X}",
            "SHA256": f"{chance_.getrandbits(256):064X}",
        },
        "downloadUrl": _download(version),
        "primary": True,
    }
    if row.type != "Checkpoint" or happens(chance_, percent=50):
        return [primary]

    config: JsonObject = {
        "id": version * 10 + 1, "name": f"model_{version}.yaml", "sizeKB": 2, "type": "Config",
        "metadata": {"format": "Other", "size": None, "fp": None}, "hashes": {},
    }  # fmt: skip
    return [config, primary]


def _download(version: int) -> str:
    """Return where the file of a version would be."""
    return f"https://civitai.com/api/download/models/{version}"


def _twisted(record: JsonObject, odd: int) -> JsonObject:
    """Leave out or add what old, deleted and archived models lack or carry."""
    absent = {_CREATOR_ABSENT: "creator", _NO_LEVEL: "nsfwLevel", _ALL_OLD: "nsfwLevel"}.get(odd)
    mode = {_ARCHIVED: "Archived", _TAKEN_DOWN: "TakenDown"}.get(odd)
    kept = {name: value for name, value in record.items() if name != absent}
    return kept if mode is None else {**kept, "mode": mode}
