"""What is drawn of a run fits terminals of any width, and is upstream's in nothing but words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.cli.dashboard import Dashboard
from manifests.cli.tally import Tally
from manifests.errors import ErrorCode
from manifests.events import (
    AttemptStarted,
    FilterSettled,
    HostHeld,
    HostSampled,
    RunPlanned,
)
from manifests.results import Failure
from manifests.traffic import HostSample

if TYPE_CHECKING:
    from tests.cli.conftest import Hand, MakesScreen

HOSTILE = "[/] [red]x[/red]\x1b[2J\nsecond :bomb:"
FAILURE = Failure(code=ErrorCode.TIMEOUT, cause="no answer", next_step="try again")


@pytest.fixture
def busy(hand: Hand) -> Tally:
    """The counts of a run of 41 s, in which a host is waited for."""
    tally = Tally(hand)
    for event in (
        RunPlanned(filters=330, queries=126),
        FilterSettled(source="civitai", filter="filter/x", failure=FAILURE, keeps_old=True),
        AttemptStarted(source="civitai"),
        HostSampled(source="civitai", sample=HostSample(at=0, window=8, in_flight=1, waiting=0)),
        AttemptStarted(source="huggingface"),
        HostHeld(source="huggingface", seconds=60, why="HTTP 429"),
    ):
        tally.add(event)
    hand.now = 41
    return tally


def drawn(tally: Tally, make_screen: MakesScreen, *, width: int) -> list[str]:
    """Return the lines that are drawn on a terminal of that width."""
    screen = make_screen(width)
    screen.print(Dashboard(tally))
    return [line.rstrip() for line in screen.text.splitlines()]


def test_a_wide_terminal(busy: Tally, make_screen: MakesScreen) -> None:
    """There is a bar with the counts, and below it a line for each host with its trouble."""
    busy.done = 165
    head, *hosts = drawn(busy, make_screen, width=100)
    assert head == f"{'━' * 12}{' ' * 12} 165/330 filters 41 s 1 failed, 1 kept stale"
    assert hosts == [
        "civitai: 1 of 8 in flight, 0.0 requests/s",
        "huggingface: 1 in flight, 0.0 requests/s, waiting 19 s (HTTP 429)",
    ]


def test_a_narrow_terminal(busy: Tally, make_screen: MakesScreen) -> None:
    """Without room for a bar all else is told, the trouble of a host on a line of its own."""
    assert drawn(busy, make_screen, width=44) == [
        "1/330 filters 41 s 1 failed, 1 kept stale",
        "civitai: 1 of 8 in flight, 0.0/s",
        "huggingface: 1 in flight, 0.0/s",
        "  waiting 19 s (HTTP 429)",
    ]


@pytest.mark.parametrize("width", [10, 20, 40, 59, 60, 61, 80, 200])
def test_nothing_overflows(busy: Tally, make_screen: MakesScreen, width: int) -> None:
    """No line is longer than the terminal is wide, and none is broken into two."""
    busy.add(HostHeld(source="civitai", seconds=99, why="a very long reason " * 20))
    lines = drawn(busy, make_screen, width=width)
    assert max(len(line) for line in lines) <= width
    assert len(lines) == (3 if width >= 60 else 5)


def test_before_anything_is_known(hand: Hand, make_screen: MakesScreen) -> None:
    """Before the plan is there, the bar shows that there is something to come."""
    (head,) = drawn(Tally(hand), make_screen, width=80)
    assert head.endswith("0/? filters 0.0 s")


def test_hostile_text_is_shown_as_it_is(busy: Tally, make_screen: MakesScreen) -> None:
    """Upstream's words are no markup, make no line, and drive no terminal."""
    busy.add(HostHeld(source="civitai", seconds=99, why=HOSTILE))
    lines = drawn(busy, make_screen, width=120)
    assert "waiting 99 s ([/] [red]x[/red] [2J second :bomb:)" in lines[1]
    assert len(lines) == 3
