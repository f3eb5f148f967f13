"""A run is watched by a bar on a terminal, and by a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.cli.progress import Bar, Lines, bar, watching
from manifests.errors import ErrorCode
from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    Noted,
)
from manifests.events import RunPlanned as Planned
from manifests.results import Failure
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.cli.conftest import Hand, Screen

    from manifests.events import Event

HOSTILE = "[red]not[/red] [/] markup :bomb: \\"
PLANNED = Planned(filters=3, queries=2)
SETTLED = FilterSettled(source="civitai", filter="filter/x", failure=None, keeps_old=False)
FAILED = FilterSettled(
    source="civitai",
    filter="filter/r",
    failure=Failure(code=ErrorCode.TIMEOUT, cause="no answer", next_step="try again"),
    keeps_old=True,
)


def ended(cause: str = "", status: int | None = 200) -> AttemptEnded:
    """Return the end of an attempt."""
    attempt = Attempt(
        number=1,
        url="http://u.example/a?b=%5B",
        started=0,
        seconds=0.25,
        status=status,
        cause=cause,
    )
    return AttemptEnded(source="civitai", attempt=attempt)


def written(events: list[tuple[float, Event]], hand: Hand) -> list[str]:
    """Return the lines that events at given seconds make."""
    lines: list[str] = []
    reporter = Lines(lines.append, now=hand)
    for hand.now, event in events:
        reporter(event)
    return lines


def test_a_line_at_most_every_five_seconds(hand: Hand) -> None:
    """However many events come, the counts are printed once in five seconds."""
    busy: list[tuple[float, Event]] = [(tick / 10, SETTLED) for tick in range(1, 121)]
    lines = written([(0, PLANNED), *busy], hand)
    assert [line.split()[0] for line in lines] == ["3", "50/3", "100/3"]


def test_a_line_tells_all_that_matters(hand: Hand) -> None:
    """A line has what is done of how many, what failed, the rate, and who is waited for."""
    held = HostHeld(source="civitai", seconds=9, why="HTTP 429")
    started = AttemptStarted(source="civitai")
    first, second = written([(0, PLANNED), (1, FAILED), (4, held), (5, started)], hand)
    assert first == "3 filters share 2 listings"
    assert second == (
        "1/3 filters, 1 failed, 1 kept stale, 0.0 requests/s, 1 in flight,"
        " waiting 8 s for civitai (HTTP 429)"
    )


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (HostHeld(source="civitai", seconds=60, why="HTTP 429"), 2),
        (CircuitChanged(source="civitai", circuit="open", seconds=60, why="HTTP 503"), 2),
        (HostHeld(source="civitai", seconds=10, why="HTTP 429"), 1),
    ],
)
def test_a_long_wait_is_told_at_once(event: Event, lines: int, hand: Hand) -> None:
    """Before a wait in which nothing else may happen, there is a line, however young the last."""
    assert len(written([(0, PLANNED), (0.1, event), (0.2, SETTLED)], hand)) == lines


def test_news_are_told_at_once(hand: Hand) -> None:
    """What a person should know once does not wait for the next line, nor stand in for it."""
    lines = written([(0, Noted(message=HOSTILE)), (5, SETTLED)], hand)
    assert lines[0] == HOSTILE
    assert len(lines) == 2


def test_quiet_means_silent(screen: Screen) -> None:
    """With -q nothing at all is printed while a run goes on, -v or not."""
    with watching(screen, quiet=True, verbose=True) as reporter:
        for event in (PLANNED, Noted(message="hello"), ended("HTTP 503")):
            reporter(event)
    assert screen.text == ""


def test_without_a_terminal_there_are_only_lines(screen: Screen) -> None:
    """A log gets whole plain lines: no colours, no control characters, no returns."""
    with watching(screen, quiet=False, verbose=False) as reporter:
        for event in (PLANNED, Noted(message=HOSTILE), ended(), SETTLED):
            reporter(event)
    assert screen.text == f"3 filters share 2 listings\n{HOSTILE}\n"


def test_verbose_tells_each_request(screen: Screen) -> None:
    """With -v each attempt is a line: status, URL, seconds, and a failure's cause, verbatim."""
    with watching(screen, quiet=False, verbose=True) as reporter:
        for event in (ended(), ended(HOSTILE, status=503), ended("no connection", status=None)):
            reporter(event)
    url = "http://u.example/a?b=%5B in 0.25 s"
    assert screen.text.splitlines() == [
        f"200 {url}",
        f"503 {url}: {HOSTILE}",
        f"--- {url}: no connection",
    ]


@pytest.mark.parametrize("verbose", [True, False])
def test_a_terminal_gets_a_bar(terminal: Screen, *, verbose: bool) -> None:
    """On a terminal the bar shows counts and news above it; with -v requests too."""
    with watching(terminal, quiet=False, verbose=verbose) as reporter:
        for event in (PLANNED, FAILED, Noted(message=HOSTILE), ended("HTTP 503", status=503)):
            reporter(event)
    assert "1/3" in terminal.text
    assert "1 failed, 1 kept stale" in terminal.text
    assert HOSTILE in terminal.text
    assert ("HTTP 503" in terminal.text) is verbose


def test_the_bar_shows_hostile_text_as_it_is(terminal: Screen, hand: Hand) -> None:
    """Upstream's words are no markup in the bar either."""
    with bar(terminal) as progress:
        drawn = Bar(progress, now=hand)
        drawn(HostHeld(source="civitai", seconds=30, why="[/] [red]x[/red]"))
    assert "waiting 30 s for civitai ([/] [red]x[/red])" in terminal.text
