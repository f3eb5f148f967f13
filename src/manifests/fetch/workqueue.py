"""Keep the order of work: rescues, then what could end late, first come, and last the unlucky."""

from __future__ import annotations

import heapq
import math
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from manifests.fetch.task import Task

__all__ = ["WorkQueue"]

SLACK = 1.5
"""How many times its length a listing is given to end with the others."""
DEMOTED_AFTER = 2
"""Failures after which a page waits behind those that may do better."""

Entry: TypeAlias = "tuple[float, int, int, Task]"
"""Rank, order of arrival, ticket, task: the ticket tells whether the entry is still valid."""


class WorkQueue:
    """Pages that wait for an attempt; every step is O(log n).

    Copies at the front go first. Then the page whose listing is expected to be longest, if that
    may end last: if its pages, which come one after the other, and half as many are more rounds
    than all pages that wait take together. Else the page that came first. Pages that failed twice,
    or once and slowly, come last. Longest first at all times would start the slow ones together;
    first come at all times ends with one long listing alone.

    Source: critical-path scheduling (Graham, "Bounds on Multiprocessing Timing Anomalies").
    """

    def __init__(self) -> None:
        self._front: deque[Entry] = deque()
        self._longest: list[Entry] = []
        self._first: list[Entry] = []
        self._last: list[Entry] = []
        self._later: list[Entry] = []
        self._tickets = count(1)
        self._pages_ahead = 0.0
        self._ready: set[int] = set()
        self._waiting = 0

    def __len__(self) -> int:
        """Return how many pages wait, those that may not yet start among them."""
        return self._waiting

    def put(self, task: Task, *, not_before: float = -math.inf) -> None:
        """Let *task* wait for its turn, which doesn't come before that time."""
        ticket = self._issue(task)
        if not_before > -math.inf:
            heapq.heappush(self._later, (not_before, task.order, ticket, task))
        else:
            self._line_up(task)

    def put_front(self, task: Task) -> None:
        """Let *task* go before all others."""
        ticket = self._issue(task)
        self._ready.add(ticket)
        self._front.append((0.0, task.order, ticket, task))

    def put_back(self, task: Task) -> None:
        """Let *task* go when nothing else may."""
        ticket = self._issue(task)
        self._ready.add(ticket)
        heapq.heappush(self._last, (float(task.failures), task.order, ticket, task))

    def discard(self, task: Task) -> None:
        """Take *task* out, if it is in."""
        if task.ticket:
            self._ready.discard(task.ticket)
            task.ticket = 0
            self._waiting -= 1
            self._pages_ahead -= known_length(task)

    def due_at(self) -> float:
        """Return when a page may start as far as it itself goes; inf when none waits."""
        if self._ready:
            return -math.inf
        self._drop_stale(self._later)
        return self._later[0][0] if self._later else math.inf

    def pop(self, *, now: float, width: float = 1.0) -> Task | None:
        """Take out the page whose turn it is.

        Args:
            now: the time.
            width: how many pages may be under way at once.
        """
        self._mature(now)
        while self._front:
            entry = self._front.popleft()
            if entry[3].ticket == entry[2]:
                return self._taken(entry[3])
        for line in (self._longest, self._first, self._last):
            self._drop_stale(line)
            if line and (line is not self._longest or self._is_critical(-line[0][0], width)):
                return self._taken(line[0][3])
        return None

    def pop_fresh(self, *, now: float) -> Task | None:
        """Take out a page that never failed, or whatever is next when there is none."""
        self._mature(now)
        skipped: list[Entry] = []
        found: Task | None = None
        while self._first and found is None:
            entry = heapq.heappop(self._first)
            if entry[3].ticket != entry[2]:
                continue
            skipped.append(entry)
            if entry[3].is_fresh:
                found = entry[3]
        for entry in skipped:
            heapq.heappush(self._first, entry)
        return self._taken(found) if found else self.pop(now=now)

    def drain(self) -> list[Task]:
        """Take out all pages, in the order in which they came."""
        lines = (self._front, self._first, self._last, self._later)
        entries = [entry for line in lines for entry in line]
        tasks = [entry[3] for entry in entries if entry[3].ticket == entry[2]]
        for task in tasks:
            self.discard(task)
        return sorted(tasks, key=lambda task: task.order)

    def _issue(self, task: Task) -> int:
        self.discard(task)
        task.ticket = next(self._tickets)
        self._waiting += 1
        self._pages_ahead += known_length(task)
        return task.ticket

    def _line_up(self, task: Task) -> None:
        self._ready.add(task.ticket)
        if task.failed_slowly or task.failures >= DEMOTED_AFTER:
            entry = (float(task.failures), task.order, task.ticket, task)
            heapq.heappush(self._last, entry)
            return
        expected = math.inf if task.work.expected is None else task.work.expected
        heapq.heappush(self._longest, (-expected, task.order, task.ticket, task))
        heapq.heappush(self._first, (0.0, task.order, task.ticket, task))

    def _is_critical(self, expected: float, width: float) -> bool:
        return SLACK * expected >= self._pages_ahead / width

    def _mature(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, ticket, task = heapq.heappop(self._later)
            if task.ticket == ticket:
                self._line_up(task)

    def _taken(self, task: Task) -> Task:
        self.discard(task)
        return task

    @staticmethod
    def _drop_stale(line: list[Entry]) -> None:
        while line and line[0][3].ticket != line[0][2]:
            heapq.heappop(line)


def known_length(task: Task) -> float:
    """Return the pages that the listing of *task* adds to the work; an unknown one adds this."""
    return max(1.0, task.work.expected or 1.0)
