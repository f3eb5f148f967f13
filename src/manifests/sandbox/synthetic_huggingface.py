"""Make up a Hugging Face catalogue from a seed: an index at once, each record when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.sandbox.catalogue import HuggingFaceRow, JsonObject, to_iso
from manifests.sandbox.seeds import (
    ADJECTIVES,
    NOUNS,
    ODDITY_CYCLE,
    age,
    chance,
    digits,
    draws,
    happens,
    popularity,
    spread,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SyntheticHuggingFace"]

_TASKS = (
    "text-generation",
    "text-generation",
    "text-generation",
    "text-classification",
    "fill-mask",
    "text-to-image",
    "feature-extraction",
    "sentence-similarity",
    "image-classification",
    "automatic-speech-recognition",
    "translation",
    "image-text-to-text",
    "text-to-speech",
    None,
    None,
    None,
)
_LIBRARIES = (
    "transformers",
    "transformers",
    "transformers",
    "diffusers",
    "sentence-transformers",
    "peft",
    "gguf",
    None,
)
_LICENCES = spread(
    {
        ("license:apache-2.0",): 12,
        ("license:mit",): 7,
        ("license:llama3.1",): 2,
        (): 4,
        ("license:other",): 2,
        ("license:cc-by-nc-4.0",): 2,
        ("license:openrail",): 1,
        ("license:apache-2.0", "license:mit"): 1,
        ("license:gemma",): 1,
    }
)
_FAMILIES = ("llama", "qwen2", "mistral", "bert", "gpt2", "t5", "phi3", "gemma2")
_LANGUAGES = ("en", "zh", "de", "fr", "es", "ja", "multilingual", "ru")
_SIZES: Mapping[str, int] = {
    "": 0,
    "350M": 354_823_168,
    "1.5B": 1_543_714_304,
    "3b": 3_212_749_824,
    "7b": 6_738_415_616,
    "7B": 7_241_732_096,
    "8B": 8_030_261_248,
    "9b": 9_241_705_984,
    "13b": 13_015_864_320,
    "14B": 14_770_033_664,
    "34b": 34_388_917_248,
    "70B": 70_553_706_496,
    "110M": 109_514_298,
    "8x7B": 46_702_792_704,
    "12B": 12_247_782_400,
    "0.5B": 494_032_768,
}
_SIZE_NAMES = tuple(_SIZES)
_FLOOR = 1_646_263_744_000
"""2022-03-02T23:29:04Z: upstream knows no older date of creation."""
_MANY_TAGS, _NO_TAGS, _ODD_TAGS = 17, 18, 19
_GGUF_ONLY = 20


class SyntheticHuggingFace:
    """So many made-up repositories; equal seed, count and day give equal bytes."""

    def __init__(self, *, seed: int, models: int, day: int) -> None:
        """Build the index.

        Args:
            seed: decides everything but the dates.
            models: how many.
            day: midnight, UTC, in milliseconds since 1970; all dates count back from it.
        """
        self.now = day
        self._seed = seed
        self.rows = [_row(place, bits, day) for place, bits in enumerate(draws(seed + 1, models))]

    def record(self, row: HuggingFaceRow) -> JsonObject:
        """Make the whole record of *row*; the same one each time."""
        chance_ = chance(self._seed + 1, row.place)
        gated: bool | str = False
        if row.gated:
            gated = "manual" if happens(chance_, percent=30) else "auto"

        record: JsonObject = {
            "_id": row.key,
            "id": row.id,
            "likes": row.likes,
            "trendingScore": row.trending,
            "private": False,
            "downloads": row.downloads,
            "tags": sorted(row.tags),
            "pipeline_tag": row.pipeline_tag,
            "library_name": row.library,
            "createdAt": to_iso(row.created),
            "modelId": row.id,
            "author": row.id.partition("/")[0],
            "sha": f"{chance_.getrandbits(160):040x}",
            "lastModified": to_iso(row.modified),
            "gated": gated,
            "disabled": False,
            "downloadsAllTime": row.downloads * 11,
            "usedStorage": (row.parameters or 1_000_000) * 2,
            "siblings": [{"rfilename": name} for name in (".gitattributes", "README.md")],
            "cardData": _card(row),
            **_weights(row),
        }
        # Unknown ones are absent, never null.
        return {name: value for name, value in record.items() if value is not None}


def _row(place: int, bits: int, day: int) -> HuggingFaceRow:
    """Return the index row of the repository at *place*, drawn from *bits*."""
    task, library = _TASKS[bits >> 40 & 15], _LIBRARIES[bits >> 44 & 7]
    size = _SIZE_NAMES[bits >> 47 & 15]
    # Half of the repositories publish what they weigh, be it in their name or not.
    weighed = bits >> 51 & 1 == 0
    downloads = popularity(bits)
    created = max(_FLOOR, day - age(bits, days=1600, youth=1.5))
    return HuggingFaceRow(
        place=place,
        id=_id(place, bits, size),
        key=f"{bits >> 64 & 0xFFFFFFFFFFFFFFFF:016x}{place:08x}",
        tags=_tags(place, bits, (task, library)),
        pipeline_tag=task,
        library=library,
        gated=bits >> 52 & 15 == 0,
        parameters=_SIZES[size] or 406_291_456 if weighed else None,
        downloads=downloads,
        likes=int(downloads * digits(bits, 70) / 90),
        modified=created + int((day - created) * digits(bits, 90)),
        created=created,
        trending=int(downloads * digits(bits, 110) ** 3 / 2000),
    )


def _id(place: int, bits: int, size: str) -> str:
    """Return `owner/name`; the size stands in most names, the place makes each unique."""
    owner = f"{ADJECTIVES[bits >> 130 & 31]}{NOUNS[bits >> 135 & 31]}".lower()
    named = f"-{size}" if size and bits >> 140 & 7 else ""
    suffix = ("", "-Instruct", "-GGUF", "-4bit")[bits >> 143 & 3]
    return f"{owner}/{_FAMILIES[bits >> 56 & 7]}{named}{suffix}-r{place}"


def _tags(place: int, bits: int, plain: tuple[str | None, ...]) -> frozenset[str]:
    """Return all tags: task, library, family, language, licences; a few repositories are odd."""
    odd = place % ODDITY_CYCLE
    if odd == _NO_TAGS:
        return frozenset()

    family, language = _FAMILIES[bits >> 56 & 7], _LANGUAGES[bits >> 145 & 7]
    # Two licences, or none, are as common upstream as this.
    usual = {family, language, *_LICENCES[bits >> 148 & 31], "region:us", *filter(None, plain)}
    if odd == _ODD_TAGS:
        usual |= {"Deutsch und Français", "日本語", "arxiv:2402.12345", "base_model:acme/base-7b"}
    if place == _MANY_TAGS:
        usual |= {f"lang-{number}" for number in range(4000)}

    return frozenset(usual)


def _card(row: HuggingFaceRow) -> JsonObject | None:
    """Return the card's licence: a string, an array, or no card."""
    licences = sorted(tag.partition(":")[2] for tag in row.tags if tag.startswith("license:"))
    if not licences:
        return None

    return {"license": licences[0] if len(licences) == 1 else licences}


def _weights(row: HuggingFaceRow) -> JsonObject:
    """Return the number of weights where it is published."""
    if row.parameters is None:
        return {}

    name = "gguf" if row.place % ODDITY_CYCLE == _GGUF_ONLY else "safetensors"
    return {name: {"parameters": {"BF16": row.parameters}, "total": row.parameters}}
