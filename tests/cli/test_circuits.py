"""Whoever watches learns which host is down, since why, and when it is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.cli.progress import Lines
from manifests.cli.tally import Tally
from manifests.events import AttemptStarted, CircuitChanged, HostHeld

if TYPE_CHECKING:
    from tests.cli.conftest import Hand

    from manifests.events import Event
    from manifests.traffic import Circuit

WHY = "HTTP 503: upstream is unavailable"


def changed(circuit: Circuit, seconds: float = 0) -> CircuitChanged:
    """Return the news of a circuit."""
    return CircuitChanged(source="civitai", circuit=circuit, seconds=seconds, why=WHY)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([changed("open", 5)], [f"down, next try in 3 s ({WHY})"]),
        ([changed("open", 2)], [f"down, one request looks whether it is back ({WHY})"]),
        (
            [changed("open", 5), changed("half-open")],
            [f"down, one request looks whether it is back ({WHY})"],
        ),
        ([changed("open", 5), changed("half-open"), changed("closed")], [""]),
        (
            [HostHeld(source="huggingface", seconds=9, why="HTTP 429"), changed("open", 60)],
            ["waiting 7 s (HTTP 429)", f"down, next try in 58 s ({WHY})"],
        ),
        (
            [HostHeld(source="civitai", seconds=90, why="HTTP 429"), changed("open", 60)],
            [f"down, next try in 58 s ({WHY})"],
        ),
    ],
    ids=["open", "due", "half-open", "closed", "beside a pause", "instead of a pause"],
)
def test_a_host_that_is_down(hand: Hand, events: list[Event], told: list[str]) -> None:
    """It is told until it answers again, with the whole seconds until its next probe."""
    tally = Tally(hand)
    for event in events:
        tally.add(event)
    hand.now = 2
    assert [host.trouble for host in tally.hosts()] == told


def test_a_long_wait_is_told_at_once(hand: Hand) -> None:
    """A line that came only with the next event would come when the wait is over."""
    lines: list[str] = []
    reporter = Lines(lines.append, now=hand)
    for event in (
        AttemptStarted(source="civitai"),
        HostHeld(source="civitai", seconds=9, why="HTTP 429"),
        HostHeld(source="civitai", seconds=300, why="its quota is used up"),
        changed("open", 60),
    ):
        reporter(event)
    assert [line.rpartition("requests/s, ")[2] for line in lines] == [
        "waiting 300 s (its quota is used up)",
        f"down, next try in 60 s ({WHY})",
    ]
