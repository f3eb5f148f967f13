"""Leave single parts of the controller out, to see what each is worth."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from manifests.fetch.breaker import Breaker
from manifests.fetch.gate import Gate
from manifests.fetch.overdue import Overdue
from manifests.fetch.patience import Patience
from manifests.fetch.quota import QuotaGate
from manifests.fetch.throttle import Throttle
from manifests.fetch.window import Window
from manifests.fetch.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Part: TypeAlias = tuple[type, str, object]
"""A class, its attribute, and what stands there when the part is left out."""

hold = Throttle.hold


def hold_unannounced(
    throttle: Throttle, _announced: float | None, *, sent: float, now: float
) -> bool:
    """Hold as if the host had not said for how long."""
    return hold(throttle, None, sent=sent, now=now)


def always(result: object) -> Callable[..., object]:
    """Return a method that does nothing and returns *result*."""

    def method(*_arguments: object, **_named: object) -> object:
        return result

    return method


ABLATIONS: dict[str, tuple[Part, ...]] = {
    "latency": ((Window, "_compare", always(1.0)),),
    "failures-as-latencies": ((Window, "failed", always(None)),),
    "window-cut-on-429": ((Window, "refused", always(None)),),
    "rate-on-429": (
        (Throttle, "slow_down", always(None)),
        (Throttle, "slow_down_for_long", always(None)),
    ),
    "hold-on-429": ((Throttle, "hold", always(result=True)),),
    "four-listings": ((Throttle, "is_hosts", always(result=True)),),
    "headers": ((Throttle, "hold", hold_unannounced), (Gate, "heard", always(None))),
    "even-spending": ((QuotaGate, "_is_short", always(result=False)),),
    "breaker": ((Breaker, "failed", always(None)),),
    "fresh-probe": ((WorkQueue, "pop_fresh", WorkQueue.pop),),
    "copies": ((Overdue, "limit", always(math.inf)),),
    "copies-in-front": ((Overdue, "copies_pay", property(always(result=False))),),
    "abandoning": ((Overdue, "originals_lose", property(always(result=False))),),
    "more-than-4-tries": ((Patience, "tries", property(always(4))),),
    "critical-path": ((WorkQueue, "_is_critical", always(result=False)),),
    "first-come": ((WorkQueue, "_is_critical", always(result=True)),),
}
"""Part → what replaces it; without the critical path the order is first come, without first come
it is longest first."""


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
