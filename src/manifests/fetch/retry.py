"""Decide whether a failed attempt is tried again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from manifests.fetch.signals import Signal

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Full jitter under an exponential ceiling; permanent failures are not retried.

    Source of the formula: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
    """

    attempts: int = 8
    """Tries of one page, at most: at 20 % random faults 8 lose one page in 390,000."""
    base: float = 1.0
    """Ceiling of the first wait, seconds."""
    cap: float = 10.0
    """Ceiling of every wait, seconds."""
    longest_pause: float = 600.0
    """Seconds; a host that asks for more is not waited for. Hugging Face's window is 300 s."""

    def may_retry(self, signal: Signal, *, attempt: int) -> bool:
        """Tell whether a page may be tried again after its *attempt*-th try, counted from 1."""
        return signal.may_retry and attempt < self.attempts and not self.asks_too_much(signal)

    def asks_too_much(self, signal: Signal) -> bool:
        """Tell whether the host wants a longer pause than anyone would wait for."""
        return signal.pause is not None and signal.pause > self.longest_pause

    def wait(self, signal: Signal, *, attempt: int, random: random.Random) -> float:
        """Return the seconds until the next try.

        A pause that the host announced is never shortened, and lengthened by up to a tenth, so
        that a fleet does not come back in step. Otherwise: uniform in [0, min(cap, base·2^(n-1))].
        A pause of 0 counts as none: all tries in one burst would meet the same trouble.
        """
        if signal.pause:
            return signal.pause * (1 + 0.1 * random.random())
        return random.uniform(0, min(self.cap, self.base * 2 ** (attempt - 1)))
