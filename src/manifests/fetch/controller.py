"""Control one host's requests: what starts when, what is copied, retried, abandoned, given up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.fetch.gate import Gate
from manifests.fetch.ledger import Ledger
from manifests.fetch.overdue import Overdue
from manifests.fetch.patience import MOST, Patience
from manifests.fetch.rescue import Rescue
from manifests.fetch.signals import Signal
from manifests.fetch.work import GiveUp, Start, Verdict

if TYPE_CHECKING:
    import random

    from manifests.fetch.share import Bound
    from manifests.fetch.task import Flight, Task
    from manifests.fetch.work import Abandon, Decision, HostState, LearnedPace, Reason, Work

__all__ = ["ControlLimits", "Controller"]

ROUNDING = 1e-6
"""Seconds added to a wake-up, so that rounding never lets it come too early."""
SOON = 0.1
"""Seconds for which a start is asked for ahead, where a budget is shared."""
DEAD = Signal(code=ErrorCode.CIRCUIT_OPEN, cause="no success from the host for 120 s")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLimits:
    """What a person may set; all else the host teaches."""

    attempts: int = MOST
    """Tries of one page, at most; fewer where upstream fails seldom."""
    max_concurrency: int = 8
    """Attempts in flight that nothing passes; up to 8 parked ones come on top."""
    longest_pause: float = 600.0
    """Seconds; a host that asks for more is not waited for. Hugging Face's window is 300 s."""


class Controller:
    """A pure state machine for one host: events in, decisions out, the time an argument.

    After `submit`, `withdraw` or `ended` call `decide`, do what it says, and call it again at
    `wake_at`. Times are seconds of one monotonic clock. `Gate` knows what the host bears, `Rescue`
    what to do about overdue attempts; what becomes of each page is decided here.
    """

    def __init__(
        self,
        limits: ControlLimits,
        *,
        random: random.Random,
        learned: LearnedPace | None = None,
        share: Bound | None = None,
    ) -> None:
        self._limits = limits
        self._ledger = Ledger()
        self._patience = Patience(random=random, most=limits.attempts)
        self._overdue = Overdue()
        self._gate = Gate(
            self._ledger,
            ceiling=limits.max_concurrency,
            random=random,
            learned=learned,
            share=share,
        )
        self._rescue = Rescue(
            self._ledger, gate=self._gate, overdue=self._overdue, patience=self._patience
        )
        self._stopped: Signal | None = None

    def submit(self, work: Work, *, now: float) -> None:  # noqa: ARG002 - all events carry a time
        """Take on a page."""
        self._ledger.enter(work)
        self._patience.page_came()

    def withdraw(self, work: Work, *, now: float) -> tuple[Abandon, ...]:
        """Drop a page for which nobody waits any more; one that is done is no mistake."""
        task = self._ledger.task_of(work)
        return self._close(task, now=now) if task else ()

    def decide(self, *, now: float) -> tuple[Decision, ...]:
        """Return all that is to be done now."""
        decisions: list[Decision] = [*self._rescue.decide(now=now)]
        if self._stopped or self._gate.is_hopeless(now=now):
            decisions += self._give_up_waiting(now=now)
        while (task := self._next_task(now=now)) is not None:
            decisions.append(self._start(task, now=now))
        return tuple(decisions)

    def wake_at(self, *, now: float) -> float:
        """Return when to call `decide` again if nothing happens before; inf when never."""
        wake = self._overdue.next_check()
        if self._ledger.queue:
            wake = min(wake, self._gate.hopeless_at(now=now))
            if self._gate.has_room:
                due = self._ledger.queue.due_at()
                wake = min(wake, max(due, self._gate.opens_at(now=now)))
        return max(wake, now) + ROUNDING

    def ended(self, attempt: int, signal: Signal, *, now: float) -> Verdict:
        """Learn how an attempt ended; of one that was abandoned, nothing."""
        in_use = not self._gate.has_room
        flight = self._ledger.land(attempt)
        if flight is None:
            return Verdict()

        was_open = self._gate.breaker.is_open
        verdict = self._judge(flight, signal, in_use=in_use, now=now)
        if was_open and not self._gate.breaker.is_open:
            self._rescue.resume()
        return verdict

    def appetite(self, *, now: float) -> int:
        """Return how many attempts could start now, or soon, if a shared budget let them."""
        gate, queue, soon = self._gate, self._ledger.queue, now + SOON
        if not gate.has_room or queue.due_at() > soon or gate.opens_alone_at(now=now) > soon:
            return 0
        return min(len(queue), int(gate.window.size) - self._ledger.in_window)

    def go_by(self, rate: float | None) -> None:
        """Take over the starts a second that all who share the budget were found to have."""
        if rate is not None:
            self._gate.throttle.rate = rate

    def snapshot(self, *, now: float) -> HostState:
        """Return how the host is treated."""
        return self._gate.state(now=now)

    def learned(self) -> LearnedPace:
        """Return what the next run may start from."""
        return self._gate.learned()

    def _judge(self, flight: Flight, signal: Signal, *, in_use: bool, now: float) -> Verdict:
        flight.task.signal = signal
        self._gate.heard(signal, sent=flight.sent, now=now)
        if signal.is_good:
            self._stopped = self._stopped or self._used_up(signal)
            return self._accept(flight, in_use=in_use, now=now)
        if not signal.may_retry or self._asks_too_much(signal):
            return self._refuse(flight, signal, now=now)
        if signal.code is ErrorCode.RATE_LIMIT:
            return self._throttled(flight, signal, now=now)
        return self._failed(flight, signal, now=now)

    def _next_task(self, *, now: float) -> Task | None:
        gate, queue = self._gate, self._ledger.queue
        if not queue or not gate.has_room or gate.opens_at(now=now) > now:
            return None
        if gate.breaker.is_open:
            return queue.pop_fresh(now=now)
        return queue.pop(now=now, width=gate.window.size)

    def _start(self, task: Task, *, now: float) -> Start:
        flight = self._ledger.take_off(task, is_probe=self._gate.breaker.is_open, now=now)
        self._gate.started(flight, now=now)
        self._overdue.watch(flight, now=now)
        timeout = min(self._overdue.time_limit, self._gate.breaker.time_limit(now=now))
        return Start(flight.attempt, task.work, timeout)

    def _accept(self, flight: Flight, *, in_use: bool, now: float) -> Verdict:
        task = flight.task
        self._gate.accepted(flight, in_use=in_use, now=now)
        self._patience.attempt_ended(failed=False)
        self._overdue.answered(now - flight.sent)
        if flight.is_copy or any(other.is_copy for other in task.flights):
            self._overdue.settled(copy_won=flight.is_copy)
        return Verdict(accepted=True, abandon=self._close(task, now=now))

    def _refuse(self, flight: Flight, signal: Signal, *, now: float) -> Verdict:
        reason: Reason = "permanent"
        if signal.stops_host or self._asks_too_much(signal):
            self._stopped, reason = signal, "stopped"
        self._gate.refused_page()
        return self._give_up(flight.task, signal, reason, now=now)

    def _throttled(self, flight: Flight, signal: Signal, *, now: float) -> Verdict:
        task = flight.task
        hosts = self._gate.throttled(flight, signal, now=now)
        if not hosts:
            return self._again(task, signal, now=now)
        if not task.ticket:
            self._ledger.queue.put(task)
        return Verdict()

    def _failed(self, flight: Flight, signal: Signal, *, now: float) -> Verdict:
        was_open = self._gate.breaker.is_open
        self._gate.failed(flight, pause=signal.pause, now=now)
        if was_open:  # the host's fault: the page doesn't pay for it, but is no probe again soon
            self._ledger.send_back(flight.task)
            return self._wait(flight.task, now=now)
        if flight.is_copy:
            self._overdue.settled(copy_won=False)
        self._patience.attempt_ended(failed=True)
        if not self._gate.window.is_quick(now - flight.sent):
            flight.task.failed_slowly = True
        return self._again(flight.task, signal, now=now)

    def _again(self, task: Task, signal: Signal, *, now: float) -> Verdict:
        task.failures += 1
        is_refused = signal.code is ErrorCode.RATE_LIMIT
        tries = self._patience.tries_refused if is_refused else self._patience.tries
        if task.failures + len(task.flights) < tries:
            return self._wait(task, now=now)
        if task.flights or task.ticket:
            return Verdict()
        return self._give_up(task, signal, "retries", now=now)

    def _wait(self, task: Task, *, now: float) -> Verdict:
        if task.ticket:
            return Verdict()
        wait = self._patience.wait(task.failures)
        self._ledger.queue.put(task, not_before=now + wait)
        return Verdict(wait=wait)

    def _give_up(self, task: Task, signal: Signal, reason: Reason, *, now: float) -> Verdict:
        abandon = self._close(task, now=now)
        return Verdict(abandon=abandon, given_up=GiveUp(task.work, signal, reason))

    def _give_up_waiting(self, *, now: float) -> list[Decision]:
        decisions: list[Decision] = []
        for task in self._ledger.queue.drain():
            decisions += self._close(task, now=now)
            if self._stopped:
                decisions.append(GiveUp(task.work, self._stopped, "stopped"))
            else:
                decisions.append(GiveUp(task.work, task.signal or DEAD, "circuit"))
        return decisions

    def _close(self, task: Task, *, now: float) -> tuple[Abandon, ...]:
        abandoned = tuple(self._rescue.abandon(flight, now=now) for flight in [*task.flights])
        self._ledger.strike(task)
        return abandoned

    def _used_up(self, signal: Signal) -> Signal | None:
        if not self._asks_too_much(signal):
            return None
        cause = f"its quota is used up for {signal.pause:.0f} s"
        return replace(signal, code=ErrorCode.RATE_LIMIT, cause=cause, may_retry=True)

    def _asks_too_much(self, signal: Signal) -> bool:
        return signal.pause is not None and signal.pause > self._limits.longest_pause
