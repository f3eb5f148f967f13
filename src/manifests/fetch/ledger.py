"""Keep the books of one host: which pages are wanted, which attempts are under way for each."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from manifests.fetch.task import Flight, Task
from manifests.fetch.workqueue import WorkQueue

if TYPE_CHECKING:
    from manifests.fetch.work import Work

__all__ = ["Ledger"]


class Ledger:
    """The pages and attempts of one host; nothing is in it twice, and nothing done stays in it."""

    def __init__(self) -> None:
        self.queue = WorkQueue()
        self.parked: list[Flight] = []
        """Attempts that are overdue, the one parked first in front."""
        self._tasks: dict[int, Task] = {}
        self._flights: dict[int, Flight] = {}
        self._attempts = count(1)
        self._orders = count()

    @property
    def wanted(self) -> int:
        """How many pages somebody waits for."""
        return len(self._tasks)

    @property
    def in_flight(self) -> int:
        """How many attempts are under way, parked ones too."""
        return len(self._flights)

    @property
    def in_window(self) -> int:
        """How many attempts are under way and not parked."""
        return len(self._flights) - len(self.parked)

    def enter(self, work: Work) -> None:
        """Take on a page, and let it wait for its turn."""
        task = Task(work=work, order=next(self._orders))
        self._tasks[work.key] = task
        self.queue.put(task)

    def task_of(self, work: Work) -> Task | None:
        """Return the page, or None when it is done or was never wanted."""
        return self._tasks.get(work.key)

    def take_off(self, task: Task, *, is_probe: bool, now: float) -> Flight:
        """Open an attempt of *task*."""
        flight = Flight(
            attempt=next(self._attempts),
            task=task,
            sent=now,
            is_copy=bool(task.flights),
            is_probe=is_probe,
            ahead=len(self._flights),
        )
        task.flights.append(flight)
        self._flights[flight.attempt] = flight
        return flight

    def park(self, flight: Flight) -> None:
        """Let *flight* leave the window."""
        flight.is_parked = True
        self.parked.append(flight)

    def turned_away(self, flight: Flight) -> None:
        """Note that the host refused *flight*: it was ahead of nobody who was sent after it."""
        for other in self._flights.values():
            other.ahead -= other.attempt > flight.attempt

    def send_back(self, task: Task) -> None:
        """Let *task* count as the last that came."""
        task.order = next(self._orders)

    def land(self, attempt: int) -> Flight | None:
        """Close an attempt, and return it; None when it was abandoned before."""
        flight = self._flights.pop(attempt, None)
        if flight is not None:
            flight.task.flights.remove(flight)
            if flight.is_parked:
                self.parked.remove(flight)
        return flight

    def strike(self, task: Task) -> None:
        """Cross out a page; its attempts must be closed by then."""
        self.queue.discard(task)
        del self._tasks[task.work.key]
