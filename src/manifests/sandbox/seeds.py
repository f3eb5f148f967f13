"""Draw the made-up catalogues from a seed: words, popularity, ages, oddities by place."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ADJECTIVES",
    "HOSTILE_HTML",
    "NOUNS",
    "ODDITY_CYCLE",
    "TOPICS",
    "age",
    "chance",
    "digits",
    "draws",
    "happens",
    "paragraphs",
    "popularity",
    "spread",
]

Item = TypeVar("Item")

ADJECTIVES = (
    "Amber",
    "Brisk",
    "Cobalt",
    "Dusky",
    "Ember",
    "Frosted",
    "Gilded",
    "Hollow",
    "Ivory",
    "Jade",
    "Kindled",
    "Lucid",
    "Mellow",
    "Neon",
    "Opal",
    "Pale",
    "Quiet",
    "Rustic",
    "Silver",
    "Tidal",
    "Umber",
    "Velvet",
    "Wild",
    "Xenial",
    "Young",
    "Zephyr",
    "Analog",
    "Baroque",
    "Ceramic",
    "Dream",
    "Epic",
    "Faded",
)
NOUNS = (
    "Portrait",
    "Harbour",
    "Anime",
    "Landscape",
    "Armour",
    "Botanica",
    "Cityscape",
    "Dragon",
    "Elves",
    "Fresco",
    "Garden",
    "Horizon",
    "Ink",
    "Journey",
    "Kimono",
    "Lantern",
    "Mecha",
    "Nebula",
    "Orchard",
    "Photo",
    "Quarry",
    "Realism",
    "Sketch",
    "Texture",
    "Utopia",
    "Vista",
    "Watercolour",
    "Xylograph",
    "Yonder",
    "Zeppelin",
    "Diffusion",
    "Mix",
)
TOPICS = (
    "anime",
    "style",
    "character",
    "photorealistic",
    "landscape",
    "clothing",
    "concept",
    "woman",
    "base model",
    "vehicle",
    "architecture",
    "fantasy",
    "sci-fi",
    "animal",
    "food",
    "tool",
)
_WORDS = tuple(
    word.lower()
    for noun in NOUNS
    for word in (noun, ADJECTIVES[len(noun)], ADJECTIVES[31 - len(noun)], "with")
)
HOSTILE_HTML = (
    "<script>alert('x')</script><p>Before &lt;script&gt;alert(1)&lt;/script&gt; after</p>",
    "<p>never <b>closed <i>at all",
    '<img src=x onerror="alert(1)"><a href="javascript:alert(1)">go</a> &amp;amp; &#x27;twice&#39;',
    "<style>p{color:red}</style><!-- <p>hidden</p> --><p>1 < 2 && 3 > 2</p>",
    "plain\x00text\u200bwith\u202ehidden characters\n\n\n\tand   spaces",
    "<div>" * 40 + "deep" + "</p>" * 40,
    "",
)
ODDITY_CYCLE = 199
"""Oddities stand at fixed places of each cycle, so that small catalogues hold all of them."""


def draws(seed: int, count: int) -> Iterator[int]:
    """Yield 160 random bits for each of *count* models; the same seed gives the same bits."""
    chance_ = random.Random(seed)
    return (chance_.getrandbits(160) for _ in range(count))


def chance(seed: int, place: int) -> random.Random:
    """Return the randomness of the one record at *place*."""
    return random.Random(seed * 1_000_003 + place)


def happens(chance_: random.Random, *, percent: int) -> bool:
    """Tell whether something of so many *percent* happens this time."""
    return chance_.random() * 100 < percent


def digits(bits: int, shift: int) -> float:
    """Return 20 of the *bits* as a number above 0, and at most 1."""
    return ((bits >> shift & 0xFFFFF) + 1) / 0x100000


def popularity(bits: int) -> int:
    """Return a Zipf-like counter: few models have nearly all downloads."""
    return int(60 * digits(bits, 0) ** -1.05)


def age(bits: int, *, days: int, youth: float) -> int:
    """Return an age in milliseconds up to *days*; the greater *youth*, the more are young."""
    return int(days * 86_400_000 * digits(bits, 20) ** youth)


def spread(weights: Mapping[Item, int]) -> tuple[Item, ...]:
    """Return each item as often as its weight says, for drawing by index."""
    return tuple(item for item, weight in weights.items() for _ in range(weight))


def paragraphs(chance_: random.Random) -> str:
    """Return harmless HTML of a few sentences."""
    start = chance_.randrange(len(_WORDS) - 24)
    first, second = " ".join(_WORDS[start : start + 9]), " ".join(_WORDS[start + 9 : start + 24])
    return f"<p>A <strong>{first}</strong> &amp; more.</p><p>Best with {second}.<br />Enjoy!</p>"
