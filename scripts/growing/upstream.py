"""Serve a CivitAI of any size: every user has a hundred models of their own.

It runs as a process of its own: the port goes to stdout, and the end of stdin ends it. Its pages
are cut from one made-up page, so that it costs little beside whoever asks.
"""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

import anyio
import orjson
from loopback import serve

from manifests.sandbox.civitai_api import CivitaiApi
from manifests.sandbox.injector import Injector
from manifests.sandbox.synthetic_civitai import SyntheticCivitai
from manifests.sandbox.upstream import Sandbox
from manifests.sandbox.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manifests.sandbox.wire import Ask

__all__ = ["MODELS", "main"]

MODELS = 100
"""Models of each user: one page."""
DAY = 1_785_542_400_000
"""The midnight from which the dates of the models count back, in milliseconds since 1970."""


class Crowd(Sandbox):
    """A sandbox in which the user `u17` has the models 1,700 to 1,799."""

    def __init__(self) -> None:
        catalogue = SyntheticCivitai(seed=1, models=MODELS, day=DAY)
        nobody = CivitaiApi(catalogue)
        injector = Injector((), chance=random.Random(1), now=0.0)  # noqa: S311 - chance, no secrets
        super().__init__(civitai=nobody, huggingface=nobody, injector=injector)
        self._models = tuple(models(catalogue))

    def answer(self, ask: Ask, *, now: float) -> Answer:
        """Answer with the one page of a user."""
        del now
        user = "".join(ask.values("username")).encode()
        first = MODELS * int(user.removeprefix(b"u"))
        made = (
            model.replace(b"USER", user).replace(b'"NUMBER"', b"%d" % number)
            for number, model in enumerate(self._models, start=first)
        )
        body = b'{"items":[%s],"metadata":{}}' % b",".join(made)
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        headers = Answer.of_json(b"").headers
        return Answer(headers=(*headers, ("Content-Encoding", "gzip")), body=packed)


def models(catalogue: SyntheticCivitai) -> Iterator[bytes]:
    """Yield models as upstream writes them, with marks where their id and their user stand."""
    for row in catalogue.rows:
        record = catalogue.record(row)
        # All are of one level, so that every filter has its hundred.
        marks = {"id": "NUMBER", "creator": {"username": "USER"}, "nsfwLevel": 1, "nsfw": False}
        yield orjson.dumps({**record, **marks})


def main() -> None:
    """Serve."""
    anyio.run(serve, Crowd())


if __name__ == "__main__":
    main()
