"""What is late is known by what is usual, and copies by how they fared."""

from __future__ import annotations

import math

import pytest

from manifests.fetch.overdue import Overdue
from manifests.fetch.task import Flight, Task
from manifests.fetch.work import Work


def flight(attempt: int = 1) -> Flight:
    """Return an attempt under way."""
    task = Task(work=Work(key=1, job=1), order=1)
    new = Flight(attempt=attempt, task=task, sent=0.0, is_copy=False, is_probe=False, ahead=0)
    task.flights.append(new)
    return new


def taught(*latencies: float) -> Overdue:
    """Return one that saw such latencies."""
    overdue = Overdue()
    for seconds in latencies:
        overdue.answered(seconds)
    return overdue


@pytest.mark.parametrize(
    ("latencies", "limit", "time_limit"),
    [
        ((), math.inf, 30),
        ((0.5,) * 7, math.inf, 30),
        ((0.5,) * 8, 2, 100),
        ((3.0,) * 8, 6, 100),
        ((1.0,) * 19 + (9.0,), 18, 100),
        ((1.0,) * 39 + (9.0,), 2, 100),
    ],
)
def test_late_is_twice_the_usual(
    latencies: tuple[float, ...], limit: float, time_limit: float
) -> None:
    """An attempt is late after 2·p95, and 2 s at least; unknown hosts have 30 s, others 100 s."""
    overdue = taught(*latencies)
    assert (overdue.limit(), overdue.time_limit) == (limit, time_limit)


def test_what_is_late_is_found_once() -> None:
    """An attempt is found when it is late, not before, and not again unless watched again."""
    overdue, late = taught(*[1.5] * 8), flight()
    overdue.watch(late, now=0)
    assert overdue.next_check() == 2
    assert overdue.late(now=2) == []
    assert overdue.late(now=3.0) == [late]
    assert overdue.late(now=9.0) == []
    overdue.watch(late, now=9, after=0.5)
    assert overdue.late(now=9.5) == [late]


def test_what_became_known_holds_for_what_flies() -> None:
    """An attempt that started before anything was known is late by what is known now."""
    overdue, late = Overdue(), flight()
    overdue.watch(late, now=0)
    assert overdue.late(now=25) == []
    for _ in range(8):
        overdue.answered(1)
    assert overdue.late(now=27) == [late]


def test_what_is_over_is_not_looked_at() -> None:
    """Attempts that ended or were parked wake nobody."""
    overdue, ended, parked = taught(*[1.0] * 8), flight(1), flight(2)
    for attempt in (ended, parked):
        overdue.watch(attempt, now=0)
    ended.task.flights.clear()
    parked.is_parked = True
    assert overdue.late(now=100) == []
    overdue.watch(ended, now=0)
    assert overdue.next_check() == math.inf


@pytest.mark.parametrize(
    ("record", "copies_pay", "copies_win", "originals_lose"),
    [
        ("", True, True, False),
        ("W", True, True, True),
        ("L", True, False, False),
        ("LL", True, False, False),
        ("LLL", False, False, False),
        ("LLLW", True, False, False),
        ("WWL", True, True, True),
        ("WL", True, True, False),
        ("L" * 50 + "W" * 16, True, True, True),
    ],
)
def test_the_record_decides(
    record: str, *, copies_pay: bool, copies_win: bool, originals_lose: bool
) -> None:
    """Copies pay while they lose two more at most; the late is lost where two of three win."""
    overdue = Overdue()
    for letter in record:
        overdue.settled(copy_won=letter == "W")
    assert overdue.copies_pay is copies_pay
    assert overdue.copies_win is copies_win
    assert overdue.originals_lose is originals_lose
