"""Count requests against a rate or a window, given the time; nothing here waits."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FixedWindow", "TokenBucket"]

_BURST_SECONDS = 2.0


class TokenBucket:
    """So many requests a second in the mean, with a burst of two seconds' worth."""

    def __init__(self, *, per_second: float, now: float) -> None:
        self._rate = per_second
        self._capacity = max(1.0, per_second * _BURST_SECONDS)
        self._tokens = self._capacity
        self._seen = now

    def take(self, now: float) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        self._tokens = min(self._capacity, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate

        self._tokens -= 1
        return 0.0


@dataclass(slots=True, kw_only=True)
class FixedWindow:
    """A quota that is whole again at the end of each window, as Hugging Face counts."""

    quota: int
    seconds: float
    """Length of a window."""
    start: float
    """When the running window began."""
    used: int = 0

    def take(self, now: float) -> bool:
        """Count a request, and tell whether the quota admits it."""
        passed = math.floor((now - self.start) / self.seconds)
        if passed > 0:
            self.start += passed * self.seconds
            self.used = 0

        admitted = self.used < self.quota
        self.used += admitted
        return admitted

    def headers(self, now: float) -> tuple[tuple[str, str], ...]:
        """Return what is left and until when: draft-ietf-httpapi-ratelimit-headers-09."""
        left, until = self.quota - self.used, math.ceil(self.start + self.seconds - now)
        policy = f'"fixed window";"api";q={self.quota};w={math.ceil(self.seconds)}'
        return (("RateLimit", f'"api";r={left};t={until}'), ("RateLimit-Policy", policy))
