"""Hold a response as it came, but for the token of its request where upstream repeats that.

It must get into no cause, no cache, no report and no manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Received", "blotted", "discreet", "token_in"]

ECHOED: Final = "[token]"
"""Stands where upstream repeated our token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A response, read whole and decoded; `packed` is its body as it came, where that was gzip."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    packed: bytes | None = None


def token_in(headers: Mapping[str, str]) -> str:
    """Return the token that a request carries; empty where it carries none."""
    return headers.get("Authorization", "").removeprefix("Bearer ")


def blotted(text: str, token: str) -> str:
    """Return *text* without a token."""
    return text.replace(token, ECHOED) if token else text


def discreet(received: Received, token: str) -> Received:
    """Return a response without a token; one that holds it packed is not kept as it came."""
    if not token:
        return received
    headers = {name: blotted(text, token) for name, text in received.headers.items()}
    body, packed, secret = received.body, received.packed, token.encode()
    if secret in body or secret in (packed or b""):
        body, packed = body.replace(secret, ECHOED.encode()), None
    return replace(received, headers=headers, body=body, packed=packed)
