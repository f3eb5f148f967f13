"""Put the two APIs, their faults and their traffic together: one request in, one answer out."""

from __future__ import annotations

import gzip
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING

from manifests.sandbox.shelf import Shelf
from manifests.sandbox.wire import CIVITAI, HUGGINGFACE, Answer, Delivery, Twist

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from manifests.sandbox.injector import Injector, Verdict
    from manifests.sandbox.wire import Api, Ask

__all__ = ["Sandbox", "Traffic"]

_PAGE_BYTES = 64 << 20
_SMALL = 256
"""Bodies below this many bytes are not worth compressing."""


@dataclass(slots=True)
class Traffic:
    """What was asked since the start, and how much of it at once."""

    requests: Counter[str] = field(default_factory=Counter)
    """Source → requests received."""
    in_flight: Counter[str] = field(default_factory=Counter)
    """Source → requests received and not answered yet."""
    most_in_flight: int = 0
    """The most requests, of all sources together, that were in flight at once."""

    @contextmanager
    def counted(self, source: str) -> Iterator[None]:
        """Count a request for as long as the block runs."""
        self.requests[source] += 1
        self.in_flight[source] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight.total())
        try:
            yield
        finally:
            self.in_flight[source] -= 1


class Sandbox:
    """Both upstreams as one; it keeps encoded pages, so that a repeated URL costs little."""

    def __init__(self, *, civitai: Api, huggingface: Api, injector: Injector) -> None:
        self.traffic = Traffic()
        self._apis: Mapping[str, Api] = {CIVITAI: civitai, HUGGINGFACE: huggingface}
        self._injector = injector
        self._pages: Shelf[Answer] = Shelf(_PAGE_BYTES)

    def answer(self, ask: Ask, *, now: float) -> Answer:
        """Answer a request that `traffic` counts already; *now* is monotonic seconds."""
        if ask.method != "GET":
            refused = Answer.of_json({"error": "Method not allowed"}, status=405)
            body = b"" if ask.method == "HEAD" else refused.body
            return replace(refused, headers=(*refused.headers, ("Allow", "GET")), body=body)

        in_flight = self.traffic.in_flight[ask.source]
        verdict = self._injector.verdict(ask.source, in_flight=in_flight, now=now)
        answer = self._page(ask, verdict)
        return replace(
            answer,
            headers=(*answer.headers, *verdict.headers),
            delivery=verdict.delivery,
            delay=verdict.delay,
        )

    def _page(self, ask: Ask, verdict: Verdict) -> Answer:
        """Return what the API, or the edge before it, says."""
        if verdict.instead is not None:
            return _compressed(ask, verdict.instead)
        if verdict.delivery in {Delivery.HANG, Delivery.RESET}:
            return Answer()
        answer = self._encoded(ask, verdict.twist)
        tag = dict(answer.headers).get("ETag")
        if tag is None or tag not in _tags(ask):
            return answer

        kept = tuple(pair for pair in answer.headers if not pair[0].startswith("Content-"))
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers=kept)

    def _encoded(self, ask: Ask, twist: Twist) -> Answer:
        """Return the API's answer, tagged and compressed; good ones are kept."""
        key = (
            ask.path,
            ask.parameters,
            ask.host,
            ask.accepts_gzip,
            ask.is_anonymous,
            twist,
        )
        kept = self._pages.get(key)
        if kept is not None:
            return kept

        answer = self._apis[ask.source].answer(ask, twist=twist)
        if answer.status != HTTPStatus.OK:
            return _compressed(ask, answer)
        # Cut before it is compressed: the client decodes well, and finds no JSON.
        if twist is Twist.CUT:
            answer = replace(answer, body=answer.body[: len(answer.body) // 2])

        tag = f'W/"{blake2b(answer.body, digest_size=12).hexdigest()}"'
        page = _compressed(ask, replace(answer, headers=(*answer.headers, ("ETag", tag))))
        return self._pages.keep(key, page, weight=len(page.body) + _SMALL)


def _tags(ask: Ask) -> set[str]:
    """Return the tags of the copies that the client holds."""
    return {tag.strip() for tag in ask.headers.get("if-none-match", "").split(",")}


def _compressed(ask: Ask, answer: Answer) -> Answer:
    """Compress what is worth it for a client that can read it."""
    vary = (*answer.headers, ("Vary", "Accept-Encoding"))
    if not ask.accepts_gzip or len(answer.body) < _SMALL:
        return replace(answer, headers=vary)

    # No time stamp: the same page is the same bytes.
    body = gzip.compress(answer.body, compresslevel=1, mtime=0)
    return replace(answer, headers=(*vary, ("Content-Encoding", "gzip")), body=body)
