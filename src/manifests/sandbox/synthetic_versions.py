"""Make up the versions of a CivitAI model, with their images and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.sandbox.catalogue import DAY, to_iso
from manifests.sandbox.oddities import Oddity
from manifests.sandbox.seeds import happens

if TYPE_CHECKING:
    import random

    from manifests.sandbox.catalogue import CivitaiRow, JsonObject

__all__ = ["versions"]

_OLD_LEVELS = {1: "None", 2: "Soft", 4: "Mature", 8: "X", 16: "X", 32: "X", 0: "None"}
_WITHOUT_FILES = frozenset({Oddity.NO_FILES, Oddity.ARCHIVED, Oddity.TAKEN_DOWN})


def versions(row: CivitaiRow, odd: int, chance_: random.Random) -> list[JsonObject]:
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
    images = (
        [] if odd in {Oddity.NO_IMAGES, Oddity.TAKEN_DOWN} else _images(row, odd, chance_, version)
    )
    files = [] if odd in _WITHOUT_FILES else _files(row, chance_, version)
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
    is_old = odd in {Oddity.OLD_IMAGES, Oddity.ALL_OLD}
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
        "id": version * 10 + 1,
        "name": f"model_{version}.yaml",
        "sizeKB": 2,
        "type": "Config",
        "metadata": {"format": "Other", "size": None, "fp": None},
        "hashes": {},
    }
    return [config, primary]


def _download(version: int) -> str:
    """Return where the file of a version would be."""
    return f"https://civitai.com/api/download/models/{version}"
