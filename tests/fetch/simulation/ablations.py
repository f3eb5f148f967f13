"""Leave single parts of the controller out, to see what each is worth."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from manifests.fetch import window
from manifests.fetch.breaker import Breaker
from manifests.fetch.controller import Controller
from manifests.fetch.gate import Gate
from manifests.fetch.overdue import Overdue
from manifests.fetch.patience import Patience
from manifests.fetch.quota import QuotaGate
from manifests.fetch.throttle import Throttle
from manifests.fetch.window import Window
from manifests.fetch.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from manifests.fetch.task import Task

Part: TypeAlias = "tuple[type | ModuleType, str, object]"
"""A class or module, its attribute, and what stands there when the part is left out."""

hold = Throttle.hold
next_task = Controller._next_task
wake_at = Controller.wake_at


def hold_unannounced(
    throttle: Throttle, _announced: float | None, *, sent: float, now: float
) -> bool:
    """Hold as if the host had not said for how long."""
    return hold(throttle, None, sent=sent, now=now)


def sleepers(controller: Controller, *, now: float) -> list[float]:
    """Return when each page wakes that sleeps between two tries, the first in front."""
    later = controller._ledger.queue._later
    return sorted(at for at, _, ticket, task in later if at > now and task.ticket == ticket)


def next_unless_asleep(controller: Controller, *, now: float) -> Task | None:
    """Return what may start, if a page that sleeps kept its place in the window."""
    taken = controller._ledger.in_window + len(sleepers(controller, now=now))
    has_room = controller._gate.window.has_room(taken)
    return next_task(controller, now=now) if has_room else None


def wake_for_sleepers(controller: Controller, *, now: float) -> float:
    """Return when to look again, when the first page wakes included."""
    asleep = sleepers(controller, now=now)
    if not asleep:
        return wake_at(controller, now=now)
    overdue = controller._overdue.next_check()
    return max(now, min(overdue, asleep[0], controller._gate.hopeless_at(now=now))) + 1e-6


def always(result: object) -> Callable[..., object]:
    """Return a method that does nothing and returns *result*."""

    def method(*_arguments: object, **_named: object) -> object:
        return result

    return method


ABLATIONS: dict[str, tuple[Part, ...]] = {
    "latency": ((Window, "_compare", always(1.0)),),
    "quick-answers": ((window, "QUICK", math.inf),),
    "failures-as-latencies": ((Window, "failed", always(None)),),
    "window-cut-on-429": ((Window, "refused", always(None)),),
    "rate-on-429": (
        (Throttle, "slow_down", always(result=True)),
        (Throttle, "slow_down_for_long", always(None)),
    ),
    "hold-on-429": ((Throttle, "hold", always(result=True)),),
    "four-listings": ((Throttle, "is_hosts", always(result=True)),),
    "headers": ((Throttle, "hold", hold_unannounced), (Gate, "heard", always(None))),
    "even-spending": ((QuotaGate, "_is_short", always(result=False)),),
    "breaker": ((Breaker, "failed", always(None)),),
    "fresh-probe": ((WorkQueue, "pop_fresh", WorkQueue.pop),),
    "requeue": (
        (Controller, "_next_task", next_unless_asleep),
        (Controller, "wake_at", wake_for_sleepers),
    ),
    "copies": ((Overdue, "limit", always(math.inf)),),
    "copies-in-front": ((Overdue, "copies_pay", property(always(result=False))),),
    "abandoning": ((Overdue, "originals_lose", property(always(result=False))),),
    "more-than-4-tries": ((Patience, "tries", property(always(4))),),
    "critical-path": ((WorkQueue, "_is_critical", always(result=False)),),
    "first-come": ((WorkQueue, "_is_critical", always(result=True)),),
}
"""Part → what replaces it; without the critical path the order is first come, without first come
it is longest first; without the requeue a page sleeps between two tries in its place."""


@contextmanager
def without(name: str) -> Iterator[None]:
    """Leave a part out for a while."""
    parts = ABLATIONS[name]
    kept = [(owner, attribute, owner.__dict__[attribute]) for owner, attribute, _ in parts]
    for owner, attribute, replacement in parts:
        setattr(owner, attribute, replacement)
    try:
        yield
    finally:
        for owner, attribute, original in kept:
            setattr(owner, attribute, original)
