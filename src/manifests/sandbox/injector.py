"""Decide which faults befall a request, from the specification, the time and seeded chance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from manifests.sandbox import edge
from manifests.sandbox.limits import FixedWindow, TokenBucket
from manifests.sandbox.wire import HUGGINGFACE, Answer, Delivery, Twist

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from manifests.sandbox.faults import Fault

__all__ = ["Injector", "Verdict"]

_GENEROUS = 100_000
"""Requests in the sandbox's own window: never the reason for a wait unless `window` says so."""
_WINDOW_SECONDS = 300.0
_SIGMA = 0.5
"""Spread of `latency`: one request in forty takes 2.7 times the median or more."""

_TWISTS = {"empty": Twist.EMPTY, "loop": Twist.LOOP, "json": Twist.CUT}
_DELIVERIES = {
    "timeout": Delivery.HANG,
    "reset": Delivery.RESET,
    "truncate": Delivery.TRUNCATE,
    "drip": Delivery.DRIP,
    "endless": Delivery.ENDLESS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What befalls one request; nothing, by default."""

    delay: float = 0.0
    """Seconds before the answer."""
    instead: Answer | None = None
    """What is sent in place of the API's answer."""
    twist: Twist = Twist.NONE
    delivery: Delivery = Delivery.WHOLE
    headers: tuple[tuple[str, str], ...] = ()
    """What is left of the quota, where the source tells it."""

    @property
    def is_settled(self) -> bool:
        """Whether something worse than a delay has befallen it."""
        befallen = self.instead is not None or self.twist is not Twist.NONE
        return befallen or self.delivery is not Delivery.WHOLE


class Injector:
    """The faults of all sources with their counters; deterministic for a sequence of requests."""

    def __init__(self, faults: Sequence[Fault], *, chance: random.Random, now: float) -> None:
        self._faults = faults
        self._chance = chance
        self._started = now
        self._buckets: dict[tuple[Fault, str], TokenBucket] = {}
        self._windows: dict[str, FixedWindow | None] = {}

    def verdict(self, source: str, *, in_flight: int, now: float) -> Verdict:
        """Decide about one request.

        Args:
            source: whom it asks.
            in_flight: requests that this source has not answered yet, this one included.
            now: monotonic seconds.
        """
        verdict = self._metered(source, now)
        for fault in self._faults:
            if not fault.befalls(source):
                continue
            # Chance is drawn only where a share is given: other faults shift no sequence.
            if fault.chance < 1 and self._chance.random() >= fault.chance:
                continue
            verdict = self._struck(verdict, fault, source, in_flight=in_flight, now=now)

        return verdict

    def _metered(self, source: str, now: float) -> Verdict:
        """Count a request against the window of its source."""
        window = self._window(source)
        if window is None:
            return Verdict()

        admitted = window.take(now)
        headers = window.headers(now)
        text = "We had to rate limit your IP. To continue using our service, wait or log in."
        refused = Answer.of_json({"error": text}, status=429)
        return Verdict(instead=None if admitted else refused, headers=headers)

    def _window(self, source: str) -> FixedWindow | None:
        """Return the window of *source*: simulated, or the generous one of Hugging Face."""
        if source in self._windows:
            return self._windows[source]

        # A fault for all sources and one for this: the last word counts.
        quota, seconds = (_GENEROUS if source == HUGGINGFACE else 0), _WINDOW_SECONDS
        for fault in self._faults:
            if fault.name == "window" and fault.befalls(source):
                quota, seconds = fault.amount, fault.per

        window = FixedWindow(quota=quota, seconds=seconds, start=self._started) if quota else None
        self._windows[source] = window
        return window

    def _struck(
        self, verdict: Verdict, fault: Fault, source: str, *, in_flight: int, now: float
    ) -> Verdict:
        """Add one fault: delays add up; of all others the first one settles the matter."""
        if fault.name in {"slow", "latency"}:
            return replace(verdict, delay=verdict.delay + self._delay(fault))
        if fault.name == "rate":
            wait = self._bucket(fault, source).take(now)
            refused = edge.answer("429", source, retry_after=wait if fault.retry else None)
            return verdict if verdict.is_settled or not wait else _edge(verdict, refused)
        if verdict.is_settled or fault.name == "window":
            return verdict
        if fault.name == "capacity":
            refused = edge.answer("429", source)
            return _edge(verdict, refused) if in_flight > fault.amount else verdict

        return _befallen(verdict, fault, source)

    def _delay(self, fault: Fault) -> float:
        """Return the seconds of `slow`, or draw those of `latency` around its median."""
        seconds = fault.seconds or 0.0
        if fault.name == "slow" or not seconds:
            return seconds

        return self._chance.lognormvariate(math.log(seconds), _SIGMA)

    def _bucket(self, fault: Fault, source: str) -> TokenBucket:
        """Return the bucket of a fault; each source has its own."""
        key = (fault, source)
        if key not in self._buckets:
            rate = fault.amount / fault.per
            self._buckets[key] = TokenBucket(per_second=rate, now=self._started)

        return self._buckets[key]


def _befallen(verdict: Verdict, fault: Fault, source: str) -> Verdict:
    """Settle a request by a fault that has no counter."""
    if fault.name in _TWISTS:
        return replace(verdict, twist=_TWISTS[fault.name])
    if fault.name in _DELIVERIES:
        return replace(verdict, delivery=_DELIVERIES[fault.name])

    return _edge(verdict, edge.answer(fault.name, source, retry_after=fault.seconds))


def _edge(verdict: Verdict, answer: Answer) -> Verdict:
    """Answer before the origin is reached: without what it tells of the quota."""
    return replace(verdict, instead=answer, headers=())
