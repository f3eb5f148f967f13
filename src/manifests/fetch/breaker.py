"""Decide when a host is so ill that it is asked only now and then, and when it counts as dead."""

from __future__ import annotations

from bisect import insort
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable

    from manifests.traffic import Circuit

__all__ = ["Breaker"]

MEMORY = 10
"""Outcomes, of the attempts that were sent last: good answers to earlier ones are old news."""
FAILED_SHARE = 0.6
WITNESSES = 5
"""Least failures, and least listings that met them: one poisoned listing is not the host."""
PROBE_WAITS = (1.0, 2.0, 4.0, 5.0)
"""Seconds before each probe; the last is repeated."""
SHORTEST_PROBE = 5.0
"""Seconds that a probe is given at least."""
PATIENCE = 120.0
"""Seconds without one success after which the host counts as dead."""
COOL_DOWN = 60.0
"""Seconds after which a dead host is asked once more, if new work came."""

Outcome: TypeAlias = "tuple[float, Hashable, bool]"
"""When it was sent, which listing it was for, and whether it failed."""


class Breaker:
    """Opens when 60 % of the last 10 outcomes failed, at least 5 of 5 listings; 429s don't count.

    Open means wait: single probes go out after 1, 2, 4, 5, 5 … s, and any answer, a 429 too,
    closes it; but a good answer to what was asked for before it opened tells how the host was, not
    how it is. After 120 s without one success the host is dead; what waits is then given up.

    Source: the half-open probe is Nygard's ("Release It!"); the share over several listings in
    place of a run of failures is what keeps one poisoned listing from stopping a host.
    """

    def __init__(self) -> None:
        self._recent: list[Outcome] = []
        self._failing_since = float("inf")
        self._opened_at: float | None = None
        self._probing = False
        self._probes = 0
        self.probe_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether only single probes are let through."""
        return self._opened_at is not None

    @property
    def state(self) -> Circuit:
        """The state for a person."""
        if not self.is_open:
            return "closed"
        return "half-open" if self._probing else "open"

    def opens_at(self) -> float:
        """Return when the next request may start, as far as the host's health goes."""
        if not self.is_open:
            return float("-inf")
        return float("inf") if self._probing else self.probe_at

    def dies_at(self, *, now: float) -> float:
        """Return when the host counts as dead; inf when a probe comes before."""
        if not self.is_open or self._probing or now >= self.probe_at:
            return float("inf")
        at = self._failing_since + PATIENCE
        return at if at < self.probe_at else float("inf")

    def time_limit(self, *, now: float) -> float:
        """Return the seconds that a probe may take, lest it outlast the patience with the host."""
        left = self._failing_since + PATIENCE - now
        return max(SHORTEST_PROBE, left) if self.is_open and left > 0 else float("inf")

    def probing(self) -> None:
        """Note that a probe is under way."""
        self._probing = True

    def answered(self, job: Hashable, *, sent: float) -> bool:
        """Learn of a good answer to a request sent then; return whether it closed the breaker."""
        self._failing_since = float("inf")
        self._note((sent, job, False))
        is_news = self._opened_at is not None and sent >= self._opened_at
        return is_news and self.refused()

    def refused(self) -> bool:
        """Learn that the host is well enough to refuse; return whether it closed the breaker."""
        closed = self.is_open
        if closed:
            self._close()
        return closed

    def failed(self, job: Hashable, *, is_probe: bool, sent: float, now: float) -> None:
        """Learn that a request sent then failed; while open only the probe's failure counts."""
        self._failing_since = min(self._failing_since, now)
        if self.is_open:
            if is_probe:
                self._wait(now)
            return
        self._note((sent, job, True))
        if self._is_ill():
            self._opened_at = now
            self._probes = 0
            self._wait(now)

    def probe_lost(self, *, now: float) -> None:
        """Note that the probe was taken back before it could tell anything."""
        self.probe_at = now
        self._probing = False

    def _note(self, outcome: Outcome) -> None:
        insort(self._recent, outcome, key=itemgetter(0))
        del self._recent[:-MEMORY]

    def _is_ill(self) -> bool:
        failed = [job for _, job, is_failure in self._recent if is_failure]
        return (
            len(failed) >= max(WITNESSES, FAILED_SHARE * len(self._recent))
            and len(set(failed)) >= WITNESSES
        )

    def _wait(self, now: float) -> None:
        self._probing = False
        wait = PROBE_WAITS[min(self._probes, len(PROBE_WAITS) - 1)]
        self._probes += 1
        is_dead = now - self._failing_since >= PATIENCE
        self.probe_at = now + (COOL_DOWN if is_dead else wait)

    def _close(self) -> None:
        self._opened_at = None
        self._probing = False
        self._recent.clear()
