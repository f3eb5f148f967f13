"""Talk to a shared budget for one host: tell, ask, and do without it while it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

from manifests.events import Noted
from manifests.fetch.budget import BudgetLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from manifests.clock import Clock
    from manifests.events import Event, Reporter
    from manifests.fetch.budget import Budget
    from manifests.fetch.controller import Controller
    from manifests.fetch.share import Share
    from manifests.fetch.signals import Signal

__all__ = ["Hermit", "Member", "Membership", "Once"]

SHORTEST_REST = 0.001
"""Seconds."""
GOODBYE = 0.5
"""Seconds for the last word; without it the others wait for this process's lease to end."""


class Member(Protocol):
    """Whoever answers for a host's fetcher to those with whom it shares."""

    def look(self, controller: Controller, *, now: float) -> None:
        """See what the controller could start now."""
        ...

    def landed(self, signal: Signal, controller: Controller, *, sent: float, now: float) -> None:
        """See how an attempt ended that was sent at *sent*."""
        ...

    def dropped(self) -> None:
        """See that an attempt was cancelled."""
        ...

    async def run(self, controller: Controller, wake: Callable[[], None]) -> None:
        """Go on until cancelled; call *wake* when more may start, or less."""
        ...


class Hermit:
    """Shares with nobody."""

    def look(self, controller: Controller, *, now: float) -> None:
        """See nothing."""

    def landed(self, signal: Signal, controller: Controller, *, sent: float, now: float) -> None:
        """See nothing."""

    def dropped(self) -> None:
        """See nothing."""

    async def run(self, controller: Controller, wake: Callable[[], None]) -> None:
        """Do nothing."""


class Once:
    """A reporter that tells each thing once, at whichever host and how often it is found out."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._told: set[Event] = set()

    def __call__(self, event: Event) -> None:
        """Pass on what was not told yet."""
        if event not in self._told:
            self._told.add(event)
            self._reporter(event)


class Membership:
    """The process's part in one budget: `Share` knows what to say, and when."""

    def __init__(
        self, share: Share, budget: Budget, *, key: str, clock: Clock, reporter: Reporter
    ) -> None:
        """Join the budget of a host.

        Args:
            share: what this process may do.
            budget: whoever keeps it.
            key: the host, as `budget.key_of` names it.
            clock: the time, and how to wait.
            reporter: told each time when the budget is lost, and when it is back.
        """
        self._share = share
        self._budget = budget
        self._key = key
        self._clock = clock
        self._reporter = reporter
        self._due = anyio.Event()
        self._planned = float("-inf")

    def look(self, controller: Controller, *, now: float) -> None:
        """See what the controller could start now, and ask for it when it is time."""
        busy = controller.snapshot(now=now).in_flight
        self._share.look(appetite=controller.appetite(now=now), busy=busy)
        if self._share.due_at() < self._planned:
            self._due.set()

    def landed(self, signal: Signal, controller: Controller, *, sent: float, now: float) -> None:
        """See how an attempt ended; the budget is told with the next word."""
        self._share.landed(signal, controller.snapshot(now=now), sent=sent, now=now)

    def dropped(self) -> None:
        """See that an attempt was cancelled."""
        self._share.dropped()

    async def run(self, controller: Controller, wake: Callable[[], None]) -> None:
        """Tell and ask for as long as the host is open, and say goodbye."""
        try:
            while True:
                await self._rest()
                if self._share.due_at() <= self._clock.monotonic():
                    await self._exchange(controller)
                    wake()
        finally:
            await self._leave()

    async def _exchange(self, controller: Controller) -> None:
        ask = self._share.ask(now=self._clock.monotonic())
        try:
            reply = await self._budget.exchange(self._key, ask)
        except BudgetLostError as error:
            if not self._share.is_lost:
                self._tell_lost(error)
            self._share.lost(now=self._clock.monotonic())
            return
        if self._share.is_lost:
            self._reporter(Noted(message=f"the shared budget at {self._budget.name} is back"))
        self._share.heard(reply, now=self._clock.monotonic())
        controller.go_by(self._share.rate)

    async def _rest(self) -> None:
        self._due, self._planned = anyio.Event(), self._share.due_at()
        wait = self._planned - self._clock.monotonic()
        if wait <= 0:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ring, wait)
            await self._due.wait()
            tasks.cancel_scope.cancel()

    async def _ring(self, wait: float) -> None:
        # Rounding must not make a wait of none, in which nothing else would get its turn.
        await self._clock.sleep(max(SHORTEST_REST, wait))
        self._due.set()

    async def _leave(self) -> None:
        if self._share.is_lost:
            return
        with anyio.move_on_after(GOODBYE, shield=True):
            try:
                await self._budget.exchange(self._key, self._share.farewell())
            except BudgetLostError:  # then its leases end by themselves
                return

    def _tell_lost(self, error: BudgetLostError) -> None:
        advice = f"; {error.next_step}" if error.next_step else ""
        self._reporter(Noted(message=f"{error.cause}; going on with a part of it{advice}"))
