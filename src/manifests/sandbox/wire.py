"""Hold what passes between the sandbox's server, its APIs and its faults: asks and answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CIVITAI", "HUGGINGFACE", "SOURCES", "Answer", "Api", "Ask", "Delivery", "Twist"]

CIVITAI = "civitai"
HUGGINGFACE = "huggingface"
SOURCES = (CIVITAI, HUGGINGFACE)


class Delivery(StrEnum):
    """How the bytes of an answer reach the client, or don't."""

    WHOLE = "whole"
    HANG = "hang"
    """Nothing is sent until the client leaves."""
    RESET = "reset"
    """The connection is reset in place of an answer."""
    TRUNCATE = "truncate"
    """Half the body follows a Content-Length of the whole, then the connection ends."""
    DRIP = "drip"
    """One byte at a time, for ever."""
    ENDLESS = "endless"
    """As fast as the client reads, for ever."""


class Twist(StrEnum):
    """How a good page is bent while its status stays 200."""

    NONE = "none"
    EMPTY = "empty"
    """No items and no successor."""
    LOOP = "loop"
    """The successor of a page is the page itself."""
    CUT = "cut"
    """The JSON ends half way, under a right Content-Length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One HTTP request, as far as the two APIs look at it."""

    path: str
    method: str = "GET"
    parameters: tuple[tuple[str, str], ...] = ()
    """Decoded and sorted, so that equal questions are equal asks."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    @classmethod
    def of_target(cls, target: str, *, method: str, headers: Mapping[str, str]) -> Ask:
        """Read an HTTP request target, in origin or absolute form.

        Raises:
            ValueError: it is no URL.
        """
        origin = (
            target
            if target.startswith("/")
            else urlsplit(target)._replace(scheme="", netloc="").geturl()
        )
        path, _, query = origin.partition("?")
        pairs = sorted(parse_qsl(query, keep_blank_values=True))
        return cls(path=path, method=method, parameters=tuple(pairs), headers=headers)

    @property
    def source(self) -> str:
        """The upstream that answers this path: CivitAI is all below `/api/v1`."""
        return CIVITAI if f"{self.path}/".startswith("/api/v1/") else HUGGINGFACE

    @property
    def host(self) -> str:
        """Host and port as the client names them."""
        return self.headers.get("host", "127.0.0.1")

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client can decode gzip."""
        codings = self.headers.get("accept-encoding", "").lower().split(",")
        names = [coding.partition(";") for coding in codings]
        return any(
            name.strip() == "gzip" and weight.strip() not in {"q=0", "q=0.0"}
            for name, _, weight in names
        )

    @property
    def is_anonymous(self) -> bool:
        """Whether no token came with it."""
        return "authorization" not in self.headers

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of one parameter; empty when it is not there."""
        return tuple(value for key, value in self.parameters if key == name)

    def url_at(self, cursor: str) -> str:
        """Return the absolute URL of the same question at another *cursor*."""
        pairs = [pair for pair in self.parameters if pair[0] != "cursor"]
        return f"http://{self.host}{self.path}?{urlencode([*pairs, ('cursor', cursor)])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response, and how it is to be delivered."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delivery: Delivery = Delivery.WHOLE
    delay: float = 0.0
    """Seconds that pass before the first byte."""

    @classmethod
    def of_json(
        cls, value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        """Return *value* as compact JSON, or bytes that are JSON already."""
        body = value if isinstance(value, bytes) else orjson.dumps(value)
        kind = ("Content-Type", "application/json; charset=utf-8")
        return cls(status=status, headers=(kind, *headers), body=body)


class Api(Protocol):
    """One list API over one catalogue: no I/O, no clock, no chance."""

    def answer(self, ask: Ask, *, twist: Twist = Twist.NONE) -> Answer:
        """Answer a GET below the API's root; the body is not compressed yet."""
        ...
