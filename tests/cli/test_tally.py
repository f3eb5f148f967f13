"""Events become counts, and a word on each host: what it bears, and why it is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.cli.tally import Tally
from manifests.errors import ErrorCode
from manifests.events import (
    AttemptEnded,
    AttemptStarted,
    CircuitChanged,
    FilterSettled,
    HostHeld,
    HostSampled,
    Noted,
    RunPlanned,
)
from manifests.results import Failure
from manifests.traffic import Attempt, HostSample

if TYPE_CHECKING:
    from tests.cli.conftest import Hand

    from manifests.traffic import Circuit

FAILURE = Failure(code=ErrorCode.TIMEOUT, cause="no answer", next_step="try again")
ATTEMPT = Attempt(number=1, url="http://upstream.example", started=0, seconds=1)
STARTED = AttemptStarted(source="civitai")
ENDED = AttemptEnded(source="civitai", attempt=ATTEMPT)


def settled(failure: Failure | None = None, *, keeps_old: bool = False) -> FilterSettled:
    """Return the end of a filter."""
    return FilterSettled(source="civitai", filter="filter/x", failure=failure, keeps_old=keeps_old)


def sampled(window: float) -> HostSampled:
    """Return what a host is allowed."""
    sample = HostSample(at=0, window=window, in_flight=0, waiting=0)
    return HostSampled(source="civitai", sample=sample)


def shown(tally: Tally) -> list[str]:
    """Return what is to be read of each host."""
    return [str(host) for host in tally.hosts()]


def test_nothing_yet(hand: Hand) -> None:
    """At the start nothing has failed, and no host was asked."""
    tally = Tally(hand)
    assert tally.counts() == ""
    assert tally.hosts() == []


def test_failures_are_told_from_those_kept_stale(hand: Hand) -> None:
    """A failed filter counts as done and failed, and as stale only where an old one stays."""
    tally = Tally(hand)
    for event in (
        RunPlanned(filters=4, queries=2),
        settled(FAILURE),
        settled(FAILURE, keeps_old=True),
        settled(keeps_old=True),
    ):
        tally.add(event)
    assert (tally.total, tally.done, tally.failed, tally.stale) == (4, 3, 2, 1)
    assert tally.counts() == "2 failed, 1 kept stale"


def test_requests_are_in_flight_until_they_end(hand: Hand) -> None:
    """An attempt is in flight from its start to its end, at the host that it went to."""
    tally = Tally(hand)
    for event in (STARTED, STARTED, AttemptStarted(source="huggingface"), ENDED):
        tally.add(event)
    assert shown(tally) == [
        "civitai 1 in flight, 1.0 requests/s",
        "huggingface 1 in flight, 0.0 requests/s",
    ]


@pytest.mark.parametrize(("window", "words"), [(4.0, "1 of 4"), (2.9, "1 of 2"), (0.5, "1 of 1")])
def test_the_window_is_told(hand: Hand, window: float, words: str) -> None:
    """What a host bears stands beside what is in flight, in whole requests, at least one."""
    tally = Tally(hand)
    for event in (STARTED, sampled(9), sampled(window)):
        tally.add(event)
    assert shown(tally) == [f"civitai {words} in flight, 0.0 requests/s"]


@pytest.mark.parametrize(
    ("ends", "now", "rate"),
    [
        ([0.5], 0.5, "1.0"),
        ([1, 2, 3, 4], 4, "1.0"),
        ([0, 1, 2, 11, 12], 12.5, "0.2"),
        ([0], 60, "0.0"),
    ],
    ids=["the first second", "since the start", "the last ten seconds", "none lately"],
)
def test_rate(hand: Hand, ends: list[float], now: float, rate: str) -> None:
    """The rate is that of the last ten seconds, or of all when there have been fewer."""
    tally = Tally(hand)
    for hand.now in ends:
        tally.add(STARTED)
        tally.add(ENDED)
    hand.now = now
    assert tally.elapsed == now
    assert shown(tally) == [f"civitai 0 in flight, {rate} requests/s"]


def test_waiting_ends_with_the_pause(hand: Hand) -> None:
    """Each host that holds is told with the seconds that are left and the reason, until then."""
    tally = Tally(hand)
    tally.add(HostHeld(source="civitai", seconds=30, why="HTTP 429"))
    tally.add(HostHeld(source="huggingface", seconds=5, why="its quota is used up"))
    hand.now = 2
    assert [host.trouble for host in tally.hosts()] == [
        "waiting 28 s (HTTP 429)",
        "waiting 3 s (its quota is used up)",
    ]
    hand.now = 5
    assert [host.trouble for host in tally.hosts()] == ["waiting 25 s (HTTP 429)", ""]
    hand.now = 29.9
    assert tally.hosts()[0].trouble == "waiting 1 s (HTTP 429)"
    hand.now = 30
    assert tally.hosts()[0].trouble == ""


@pytest.mark.parametrize(
    ("circuit", "seconds", "now", "words"),
    [
        ("open", 30.0, 1.5, "down, next try in 29 s (HTTP 503)"),
        ("open", 30.0, 31, "down, one request looks whether it is back (HTTP 503)"),
        ("half-open", 0.0, 0, "down, one request looks whether it is back (HTTP 503)"),
        ("closed", 0.0, 0, ""),
    ],
)
def test_a_host_that_is_down(
    hand: Hand, circuit: Circuit, seconds: float, now: float, words: str
) -> None:
    """A host to which only single probes go is told with when and why, until it answers."""
    tally = Tally(hand)
    tally.add(CircuitChanged(source="civitai", circuit="open", seconds=9, why="HTTP 502"))
    tally.add(CircuitChanged(source="civitai", circuit=circuit, seconds=seconds, why="HTTP 503"))
    hand.now = now
    assert [host.trouble for host in tally.hosts()] == [words]


def test_news_are_no_counts(hand: Hand) -> None:
    """What a person is told once changes no count."""
    tally = Tally(hand)
    tally.add(Noted(message="hello"))
    assert (tally.counts(), tally.hosts(), tally.done) == ("", [], 0)
