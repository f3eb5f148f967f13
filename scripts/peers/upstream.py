"""Serve pages of 1 MB without latency: a hundred models a user of CivitAI, a thousand a Hub author.

It runs as a process of its own, given how many pages of each to make: the port goes to stdout, and
the end of stdin ends it. All pages are made and packed before the port is told.
"""

from __future__ import annotations

import gzip
import random
import sys
from typing import TYPE_CHECKING

import anyio
import orjson
from loopback import serve

from manifests.sandbox.civitai_api import CivitaiApi
from manifests.sandbox.injector import Injector
from manifests.sandbox.synthetic_civitai import SyntheticCivitai
from manifests.sandbox.synthetic_huggingface import SyntheticHuggingFace
from manifests.sandbox.upstream import Sandbox
from manifests.sandbox.wire import CIVITAI, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manifests.sandbox.catalogue import JsonObject
    from manifests.sandbox.wire import Ask

__all__ = ["CIVITAI_MODELS", "HUB_MODELS", "main"]

CIVITAI_MODELS, HUB_MODELS = 100, 1000
"""Models of a page: the most that either upstream gives."""
VERSIONS_OF = 3
"""Made-up models have few versions; with those of three a page has as many as 1 MB of real ones."""
PROSE, NOTE = 2300, 500
"""Characters of a model's description, and of a version's: as in the recorded pages, by size."""
DAY = 1_785_542_400_000
"""The midnight from which the dates of the models count back, in milliseconds since 1970."""


class Shop(Sandbox):
    """A sandbox in which the user `u17` has one page of CivitAI, and the author `a3` of the Hub."""

    def __init__(self, *, civitai: int, hub: int) -> None:
        nobody = CivitaiApi(SyntheticCivitai(seed=1, models=1, day=DAY))
        injector = Injector((), chance=random.Random(1), now=0.0)  # noqa: S311 - chance, no secrets
        super().__init__(civitai=nobody, huggingface=nobody, injector=injector)
        users, authors = civitai_models(), hub_models()
        self._packed = {
            **{f"u{number}": packed(civitai_page(users, number)) for number in range(civitai)},
            **{f"a{number}": packed(hub_page(authors, number)) for number in range(hub)},
        }

    def answer(self, ask: Ask, *, now: float) -> Answer:
        """Answer with the one page of a user or an author; whoever can't unpack it is refused."""
        del now
        name = "".join(ask.values("username" if ask.source == CIVITAI else "author"))
        page = self._packed.get(name)
        if page is None or not ask.accepts_gzip:
            return Answer.of_json({"error": "no such page"}, status=404)
        headers = (*Answer.of_json(b"").headers, ("Content-Encoding", "gzip"))
        return Answer(headers=headers, body=page)


def packed(page: bytes) -> bytes:
    """Return *page* as a quick server packs it."""
    return gzip.compress(page, compresslevel=1, mtime=0)


def civitai_models() -> Sequence[bytes]:
    """Return models as upstream writes them, with marks where their id and their user stand."""
    catalogue = SyntheticCivitai(seed=1, models=CIVITAI_MODELS * VERSIONS_OF, day=DAY)
    records = [catalogue.record(row) for row in catalogue.rows]
    chance = random.Random(1)  # noqa: S311 - chance, no secrets
    spoken = {word for record in records for word in str(record["name"]).split()}
    words = sorted(word for word in spoken if word.isascii() and word.isalpha())
    return [
        orjson.dumps(full(records[place::CIVITAI_MODELS], words, chance))
        for place in range(CIVITAI_MODELS)
    ]


def full(
    records: Sequence[JsonObject], words: Sequence[str], chance: random.Random
) -> dict[str, object]:
    """Return the first record with the versions of all, and as much text as real ones have."""
    versions = [
        {**version, "description": prose(words, NOTE, chance)}
        for record in records
        for version in listed(record["modelVersions"])
    ]
    marks = {"id": "NUMBER", "creator": {"username": "USER"}, "nsfwLevel": 1, "nsfw": False}
    text = prose(words, PROSE, chance)
    return {**records[0], **marks, "description": text, "modelVersions": versions}


def listed(value: object) -> list[dict[str, object]]:
    """Return an array of objects as what it is."""
    return value if isinstance(value, list) else []


def prose(words: Sequence[str], size: int, chance: random.Random) -> str:
    """Return HTML of about *size* characters, half of it markup, as people write it there."""
    made: list[str] = []
    while sum(map(len, made)) < size:
        first, second = (" ".join(chance.choices(words, k=5)) for _ in range(2))
        link = f'<a target="_blank" rel="ugc" href="https://example.com/{chance.randrange(999)}">'
        made.append(f"<p><strong>{first}</strong><br />{second} &amp; {link}link</a></p><ul><li>")
        made.append(f"<p>{second}</p></li></ul>")
    return "".join(made)


def hub_models() -> Sequence[bytes]:
    """Return models as the Hub writes them, with a mark where their author stands."""
    catalogue = SyntheticHuggingFace(seed=1, models=HUB_MODELS, day=DAY)
    return [
        orjson.dumps({**record, "id": f"AUTHOR/{name(record)}", "author": "AUTHOR"})
        for record in map(catalogue.record, catalogue.rows)
    ]


def name(record: Mapping[str, object]) -> str:
    """Return the name of a repository without its owner."""
    return str(record["id"]).rpartition("/")[2]


def civitai_page(models: Sequence[bytes], number: int) -> bytes:
    """Return the page of one user, whose models no other page has."""
    user, first = b"u%d" % number, number * CIVITAI_MODELS + 1
    made = (
        model.replace(b"USER", user).replace(b'"NUMBER"', b"%d" % place)
        for place, model in enumerate(models, start=first)
    )
    return b'{"items":[%s],"metadata":{}}' % b",".join(made)


def hub_page(models: Sequence[bytes], number: int) -> bytes:
    """Return the page of one author, whose models no other page has."""
    author = b"a%d" % number
    return b"[%s]" % b",".join(model.replace(b"AUTHOR", author) for model in models)


def main() -> None:
    """Serve as many pages as the command line says."""
    civitai, hub = map(int, sys.argv[1:])
    anyio.run(serve, Shop(civitai=civitai, hub=hub))


if __name__ == "__main__":
    main()
