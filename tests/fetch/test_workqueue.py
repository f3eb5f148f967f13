"""Work is done in the order that ends soonest, and nothing is in the queue twice."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.signals import Signal
from manifests.fetch.task import Task
from manifests.fetch.work import Work
from manifests.fetch.workqueue import WorkQueue


def tasks(*expected: float | None) -> list[Task]:
    """Return pages whose listings are expected to need so many."""
    return [
        Task(work=Work(key=number, job=number, expected=pages), order=number)
        for number, pages in enumerate(expected)
    ]


def filled(queue: WorkQueue, *expected: float | None) -> list[Task]:
    """Put such pages into the queue, and return them."""
    new = tasks(*expected)
    for task in new:
        queue.put(task)
    return new


def order(queue: WorkQueue, *, now: float = 0.0, width: float = 1.0) -> list[int]:
    """Take all out that may go, and return the keys in their order."""
    keys = []
    while (task := queue.pop(now=now, width=width)) is not None:
        keys.append(task.work.key)
    return keys


def test_first_come_first_served() -> None:
    """Pages of listings of one length go in the order in which they came."""
    queue = WorkQueue()
    filled(queue, *[1.0] * 6)
    assert order(queue) == [0, 1, 2, 3, 4, 5]


def test_unknown_lengths_go_first_come() -> None:
    """On a first run nothing is known of any listing, and the order is that of arrival."""
    queue = WorkQueue()
    filled(queue, *[None] * 6)
    assert order(queue, width=2) == [0, 1, 2, 3, 4, 5]


def test_the_critical_goes_first() -> None:
    """A listing that would end last if it waited goes before all others, an unknown one too."""
    queue = WorkQueue()
    filled(queue, 1, 1, 10, 1, None, 1)
    assert order(queue, width=2)[:2] == [4, 2]


def test_what_can_wait_waits() -> None:
    """A longer listing that will end in time anyway doesn't go first."""
    queue = WorkQueue()
    filled(queue, *[1.0] * 20, 5.0)
    assert order(queue, width=2)[0] == 0


def test_copies_go_first_and_the_unlucky_last() -> None:
    """Copies go before, pages that failed twice go after all others."""
    queue = WorkQueue()
    fresh, unlucky, copy, waste = filled(queue, 1, 1, 1, 1)
    unlucky.failures = 2
    queue.put(unlucky)
    queue.put_front(copy)
    queue.put_back(waste)
    assert order(queue) == [2, 0, 3, 1]
    assert fresh.ticket == 0


def test_a_slow_failure_sends_a_page_to_the_end() -> None:
    """A page that failed once goes in its turn, but last where the failure took its time."""
    queue = WorkQueue()
    quick, slow, _ = tasks(1, 1, 1)
    for task in (slow, quick):
        task.failures, task.failed_slowly = 1, task is slow
        queue.put(task)
    filled(queue, 1, 1, 5)
    keys = order(queue, width=100)
    assert keys[-1] == slow.work.key


def test_a_page_waits_for_its_time() -> None:
    """A page that was put off is not taken before, and the queue says when it may be."""
    queue = WorkQueue()
    early, late = tasks(1, 1)
    queue.put(late, not_before=9)
    queue.put(early, not_before=5)
    assert queue.due_at() == 5
    assert queue.pop(now=4) is None
    assert queue.pop(now=5) is early
    queue.discard(late)
    assert queue.due_at() == math.inf
    assert queue.pop(now=10) is None


def test_a_ready_page_is_due_at_once() -> None:
    """Nothing but the gate keeps a page back that is ready."""
    queue = WorkQueue()
    (task,) = filled(queue, 1)
    assert queue.due_at() == -math.inf
    queue.discard(task)
    queue.discard(task)
    assert len(queue) == 0


def test_a_probe_is_fresh() -> None:
    """A probe is the first page that met nothing so far; the others keep their places."""
    queue = WorkQueue()
    bad, good, other = filled(queue, 1, 1, 1)
    bad.signal = Signal()
    assert queue.pop_fresh(now=0) is good
    assert order(queue) == [0, 2]
    queue.put(bad)
    queue.discard(other)
    assert queue.pop_fresh(now=0) is bad
    assert queue.pop_fresh(now=0) is None


def test_draining_empties_it() -> None:
    """All pages come out in the order of arrival, wherever they stood."""
    queue = WorkQueue()
    new = filled(queue, 1, 1, 1, 1)
    queue.put_front(new[3])
    queue.put(new[1], not_before=9)
    assert queue.drain() == new
    assert len(queue) == 0
    assert queue.drain() == []


MOVES = ("put", "later", "front", "back", "discard", "pop", "fresh")


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 9)), max_size=100))
def test_a_page_is_in_it_once_or_not(moves: list[tuple[str, int]]) -> None:
    """However pages are moved, the queue holds each once at most and gives out all it holds."""
    queue, held = WorkQueue(), set[int]()
    pages = tasks(*[float(number) for number in range(10)])
    for move, number in moves:
        task = pages[number]
        if move in {"pop", "fresh"}:
            taken = queue.pop(now=5) if move == "pop" else queue.pop_fresh(now=5)
            held -= {taken.work.key} if taken else set()
            continue
        held.add(number)
        if move == "put":
            queue.put(task)
        elif move == "later":
            queue.put(task, not_before=float(number))
        elif move == "front":
            queue.put_front(task)
        elif move == "back":
            queue.put_back(task)
        else:
            queue.discard(task)
            held.discard(number)
        assert len(queue) == len(held)
    assert sorted(order(queue, now=10)) == sorted(held)
