"""A single question is sent once, and whatever comes of it is told as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.fetch.fetcher import Host
from manifests.fetch.probing import Line
from manifests.fetch.received import Received
from manifests.fetch.signals import Signal
from manifests.fetch.transport import TransportError
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


@dataclass
class Answers:
    """A transport with one answer, or a failure."""

    answer: Received | Signal
    asked: tuple[str, ...] = ()

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Answer."""
        self.asked += (url, headers.get("Authorization", ""))
        if isinstance(self.answer, Signal):
            raise TransportError(self.answer)
        return self.answer


def line(transport: Answers, token: str = "") -> Line:
    """Return a line to a made-up host."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    host = Host(info=SOURCES["civitai"].info, endpoint="https://x.example", headers=headers)
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: NOON)
    return Line(host, transport=transport, clock=clock)


async def test_a_failure_is_a_value() -> None:
    """Who gets no answer learns why, and when."""
    signal = Signal(code=ErrorCode.NETWORK_ERROR, cause="no connection")
    heard = await line(Answers(signal)).ask("/api")
    assert (heard.signal, heard.at, heard.headers, heard.body) == (signal, NOON, {}, b"")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, b"[]", None), (503, b"", ErrorCode.API_ERROR), (401, b"{}", ErrorCode.AUTH_ERROR)],
)
async def test_an_answer_has_its_meaning(status: int, body: bytes, code: ErrorCode | None) -> None:
    """Status, headers and body are judged as in a run."""
    transport = Answers(Received(status=status, headers={"date": "x"}, body=body))
    heard = await line(transport).ask("/api?limit=1")
    assert (heard.signal.code, heard.headers, heard.body) == (code, {"date": "x"}, body)
    assert transport.asked == ("https://x.example/api?limit=1", "")
