"""A run is watched by a bar on a terminal, and by a line now and then elsewhere."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from manifests.cli.progress import Lines, chatty, watching
from manifests.errors import ErrorCode
from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    Noted,
    silent,
)
from manifests.events import RunPlanned as Planned
from manifests.results import Failure
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.cli.conftest import Hand, Screen

    from manifests.events import Event
    from manifests.traffic import Circuit

HOSTILE = "[red]not[/red] [/] markup :bomb: \\"
PLANNED = Planned(filters=3, queries=2)
SETTLED = FilterSettled(source="civitai", filter="filter/x", failure=None, keeps_old=False)
FAILED = FilterSettled(
    source="civitai",
    filter="filter/r",
    failure=Failure(code=ErrorCode.TIMEOUT, cause="no answer", next_step="try again"),
    keeps_old=True,
)
NEW_FAILED = FilterSettled(
    source="huggingface", filter="filter/a", failure=FAILED.failure, keeps_old=False
)
URL = "http://u.example/a?b=%5B"


def ended(
    cause: str = "", status: int | None = 200, code: ErrorCode | None = None, wait: float = 0
) -> AttemptEnded:
    """Return the end of an attempt."""
    attempt = Attempt(
        number=1,
        url=URL,
        started=0,
        seconds=0.25,
        status=status,
        cause=cause,
        code=code,
        wait=wait,
    )
    return AttemptEnded(source="civitai", attempt=attempt)


def circuit(state: Circuit, seconds: float = 0) -> CircuitChanged:
    """Return a change of a circuit."""
    return CircuitChanged(source="civitai", circuit=state, seconds=seconds, why="HTTP 503")


BUSY = ended(HOSTILE, status=503, code=ErrorCode.API_ERROR, wait=2)
COPY = ended("another was answered first", status=None, code=ErrorCode.CANCELLED)


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


def test_a_long_run_does_not_flood_a_log(hand: Hand) -> None:
    """The longer a run, the farther its lines are apart: half an hour fits on a few screens."""
    busy: list[tuple[float, Event]] = [(tick, SETTLED) for tick in range(1, 1801)]
    lines = written([(0, PLANNED), *busy], hand)
    assert 40 < len(lines) < 70
    settled = [int(line.split("/")[0]) for line in lines[1:]]
    gaps = [after - before for before, after in pairwise(settled)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60


def test_a_line_tells_all_that_matters(hand: Hand) -> None:
    """A line has what is done of how many, what failed, and each host with who is waited for."""
    held = HostHeld(source="civitai", seconds=9, why="HTTP 429")
    started = AttemptStarted(source="civitai")
    first, second = written([(0, PLANNED), (1, FAILED), (4, held), (5, started)], hand)
    assert first == "3 filters share 2 listings"
    assert second == (
        "1/3 filters; 1 failed, 1 kept stale;"
        " civitai 1 in flight, 0.0 requests/s, waiting 8 s (HTTP 429)"
    )


@pytest.mark.parametrize(
    ("filters", "queries", "line"),
    [
        (1, 1, "1 filter shares 1 listing"),
        (2, 1, "2 filters share 1 listing"),
        (10_000, 3000, "10,000 filters share 3,000 listings"),
    ],
)
def test_counts_are_words(hand: Hand, filters: int, queries: int, line: str) -> None:
    """One is one, and many are many."""
    assert written([(0, Planned(filters=filters, queries=queries))], hand) == [line]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (HostHeld(source="civitai", seconds=60, why="HTTP 429"), 2),
        (circuit("open", seconds=60), 2),
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


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (BUSY, f"503 {URL} in 0.25 s: {HOSTILE}, again in 2.0 s"),
        (
            ended("no connection", status=None, code=ErrorCode.NETWORK_ERROR),
            f"--- {URL} in 0.25 s: no connection",
        ),
        (
            HostHeld(source="civitai", seconds=200, why="HTTP 429"),
            "civitai: a pause of 3 min 20 s (HTTP 429)",
        ),
        (circuit("open", 30), "civitai: it is down, next try in 30 s (HTTP 503)"),
        (circuit("half-open"), "civitai: one request looks whether it is back"),
        (circuit("closed"), "civitai: it answers again"),
        (FAILED, "civitai:filter/r failed: no answer (TIMEOUT); the old manifest stays"),
        (NEW_FAILED, "huggingface:filter/a failed: no answer (TIMEOUT)"),
        (ended(), None),
        (COPY, None),
        (SETTLED, None),
        (PLANNED, None),
        (AttemptStarted(source="civitai"), None),
    ],
)
def test_verbose_tells_what_goes_wrong(event: Event, line: str | None) -> None:
    """With -v failures, retries, pauses and changed circuits are lines; what is well is none."""
    lines: list[str] = []
    chatty(silent, lines.append, verbose=1)(event)
    assert lines == ([] if line is None else [line])


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (ended(), f"200 {URL} in 0.25 s"),
        (COPY, f"--- {URL} in 0.25 s: another was answered first"),
        (circuit("closed"), "civitai: it answers again"),
        (SETTLED, None),
    ],
)
def test_very_verbose_tells_each_request(event: Event, line: str | None) -> None:
    """With -vv each attempt is a line, good ones too, beside all that -v tells."""
    lines: list[str] = []
    chatty(silent, lines.append, verbose=2)(event)
    assert lines == ([] if line is None else [line])


def test_quiet_means_warnings_only(screen: Screen) -> None:
    """With -q nothing is printed while a run goes on, -v or not, but for what was lost."""
    notes = (Noted(message="hello", passing=True), Noted(message="the history is lost"))
    with watching(screen, quiet=True, verbose=2) as reporter:
        for event in (PLANNED, *notes, BUSY):
            reporter(event)
    assert screen.text == "the history is lost\n"


def test_without_a_terminal_there_are_only_lines(screen: Screen) -> None:
    """A log gets whole plain lines: no colours, no control characters, no returns."""
    with watching(screen, quiet=False, verbose=0) as reporter:
        for event in (PLANNED, Noted(message=HOSTILE), BUSY, SETTLED):
            reporter(event)
    assert screen.text == f"3 filters share 2 listings\n{HOSTILE}\n"


def test_verbose_lines_stand_as_they_are(screen: Screen) -> None:
    """What upstream wrote is printed verbatim, whatever it looks like."""
    with watching(screen, quiet=False, verbose=1) as reporter:
        reporter(BUSY)
    assert screen.text == f"503 {URL} in 0.25 s: {HOSTILE}, again in 2.0 s\n"


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_terminal_gets_a_bar(terminal: Screen, verbose: int) -> None:
    """On a terminal the bar shows counts and hosts, news stand above it; with -v trouble too."""
    with watching(terminal, quiet=False, verbose=verbose) as reporter:
        for event in (PLANNED, FAILED, AttemptStarted(source="civitai"), BUSY):
            reporter(event)
        reporter(Noted(message=HOSTILE))
    assert "1/3 filters" in terminal.text
    assert "1 failed, 1 kept stale" in terminal.text
    assert "civitai: 0 in flight, 1.0 requests/s" in terminal.text
    assert HOSTILE in terminal.text
    assert ("again in 2.0 s" in terminal.text) is bool(verbose)
