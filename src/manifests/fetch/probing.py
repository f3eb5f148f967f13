"""Ask one thing of a host, once, and tell what came: for whoever looks whether all is well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from manifests.fetch.signals import HEAD_BYTES, read_signal
from manifests.fetch.transport import TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from manifests.clock import Clock
    from manifests.fetch.fetcher import Host
    from manifests.fetch.signals import Signal
    from manifests.fetch.transport import Transport

__all__ = ["Heard", "Line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One answer with its meaning, and when it came."""

    signal: Signal
    at: datetime
    """When its last byte was read, or when there was none."""
    seconds: float
    """From sending until then."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; none where nothing was answered."""
    body: bytes = b""


class Line:
    """A host with a connection to it, for single questions: nothing is tried again or paced."""

    def __init__(self, host: Host, *, transport: Transport, clock: Clock) -> None:
        self.host = host
        self._transport = transport
        self._clock = clock

    async def ask(self, path: str) -> Heard:
        """Send a GET for *path*, with its query, and return what was heard, failure or not."""
        began = self._clock.monotonic()
        try:
            received = await self._transport.get(f"{self.host.endpoint}{path}", self.host.headers)
        except TransportError as error:
            return Heard(signal=error.signal, at=self._clock.wall(), seconds=self._since(began))
        now = self._clock.wall()
        head = received.body[:HEAD_BYTES]
        return Heard(
            signal=read_signal(received.status, received.headers, head, now=now),
            at=now,
            seconds=self._since(began),
            headers=received.headers,
            body=received.body,
        )

    def _since(self, began: float) -> float:
        return round(self._clock.monotonic() - began, 3)
