"""Decide whose a 429 is, how long the host is then left alone, and how fast it is asked."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable

__all__ = ["Throttle", "lengthened"]

MEMORY = 16
"""Answers among which refusals are looked for."""
WITNESSES = 4
"""Listings that must meet a 429 before it counts as the host's own."""
SHORTEST, LONGEST = 0.25, 10.0
"""Seconds of an unannounced hold, doubled each time."""
MEASURED, LONG_MEASURED = 3.0, 10.0
"""Seconds over which the accepted rate is measured, the second after a long pause."""
PATIENCE = 120.0
"""Seconds of nothing but refusals after which the host is not waited for."""
REMEMBERED = 1000
"""Good answers that the rate is measured of at most."""
BACK_OFF = 0.9
STEEPEST = 0.7
"""Share of R that is left after a cut at least: where little was asked, little was accepted."""
RECOVERY = 0.01
"""Share by which R grows a second."""
SLOWEST, SLOWEST_LEARNED = 0.2, 1.0
"""Starts a second that are always allowed, the second at the start of a run."""


def lengthened(seconds: float, random: random.Random) -> float:
    """Return an announced pause, longer by up to a tenth, so that a fleet doesn't return in step.

    Never by more than 2 s: that spreads a fleet as well, and a tenth of five minutes is a waste.
    """
    return seconds + random.uniform(0, min(0.1 * seconds, 2.0))


class Throttle:
    """R, the starts a second, and the hold after a refusal.

    Unannounced 429s are the host's own once 4 listings of the last 16 answers met one; from then
    on, each one is. But a page that is refused again after others passed is refused for its own
    sake. Then hold 0.25 s·2^(k-1), at most 10 s, for the k-th in a row, where those of one round
    trip count once; and R := 0.9 of the good answers a second of the last 3 s, but 0.7 R at least.
    R recovers by 1 % a second. After 120 s of nothing but refusals the host isn't waited for.

    Source: the measured-rate cut of botocore's adaptive mode (`retries/throttling.py`).
    """

    def __init__(self, *, random: random.Random, rate: float | None = None) -> None:
        self._random = random
        self.rate = rate if rate is None else max(SLOWEST_LEARNED, rate)
        self.held_until = float("-inf")
        self._next_start = float("-inf")
        self._began = float("inf")
        self._recent: deque[Hashable | None] = deque(maxlen=MEMORY)
        self._accepted: deque[float] = deque(maxlen=REMEMBERED)
        self._is_known = False
        self._streak = 0
        self._hold_began = float("-inf")
        self._refusing_since = float("inf")
        self._grew_at = float("-inf")

    def opens_at(self) -> float:
        """Return when the next request may start, as far as refusals go."""
        return max(self.held_until, self._next_start)

    def started(self, *, now: float) -> None:
        """Count a start against the rate."""
        self._began = min(self._began, now)
        if self.rate is not None:
            gap = 1 / self.rate
            self._next_start = max(self._next_start, now - gap) + gap

    def accepted(self, *, now: float) -> None:
        """Learn from a good answer."""
        self._accepted.append(now)
        self._recent.append(None)
        self._streak = 0
        self._refusing_since = float("inf")
        if self.rate is not None:
            passed = min(1.0, max(0.0, now - self._grew_at))
            self.rate *= 1 + RECOVERY * passed
            self._grew_at = max(now, self._grew_at)

    def failed(self) -> None:
        """Count an answer that was neither good nor a refusal."""
        self._recent.append(None)

    def is_hosts(self, job: Hashable, *, is_witness: bool, active: int) -> bool:
        """Note that *job* met an unannounced 429, and tell whether the host itself refuses.

        Args:
            job: the listing.
            is_witness: False for a page that was refused while others passed: it is refused for
                its own sake.
            active: how many pages are wanted; when few are left, few can bear witness.
        """
        self._recent.append((job,) if is_witness else None)
        witnesses = {entry for entry in self._recent if entry is not None}
        needed = 1 if self._is_known else min(WITNESSES, max(1, active))
        if not is_witness or len(witnesses) < needed:
            return False
        self._is_known = True
        return True

    def hopeless_at(self, *, now: float) -> float:
        """Return when the host has refused all for too long; inf when a try comes before."""
        if now >= self.held_until:
            return float("inf")
        at = self._refusing_since + PATIENCE
        return at if at < self.held_until else float("inf")

    def hold(self, announced: float | None, *, sent: float, now: float) -> bool:
        """Leave the host alone, for what it announced or for twice as long as the last time.

        Args:
            announced: seconds that the host asked for; the hold is never shorter.
            sent: when the refused request was sent; one from before the last hold is no news.
            now: the time.

        Returns:
            Whether this is news.
        """
        is_news = sent > self._hold_began
        if announced is not None and now + announced > self.held_until:
            self.held_until = now + lengthened(announced, self._random)
        elif is_news and announced is None:
            self._streak += 1
            seconds = min(LONGEST, SHORTEST * 2.0 ** (self._streak - 1))
            self.held_until = max(self.held_until, now + seconds)
        if is_news:
            self._hold_began = now
        # An announced pause is waited for: patience begins at its end.
        if announced is None:
            self._refusing_since = min(self._refusing_since, now)
        else:
            self._refusing_since = now + announced
        return is_news

    def slow_down(self, *, now: float) -> bool:
        """Let R be nine tenths of what the host accepts a second, by the last 3 s.

        Returns:
            Whether anything was accepted; else the holds, which double, must do.
        """
        over = min(MEASURED, max(1.0, now - self._began))
        return self._measure(over, now=now, grows_from=now)

    def slow_down_for_long(self, *, now: float, pause: float) -> None:
        """Let R be nine tenths of what the host accepts a second, by the last 10 s, and stay so.

        Args:
            now: the time.
            pause: seconds of the pause that the host imposed; R grows again after twice that.
        """
        self._measure(LONG_MEASURED, now=now, grows_from=now + 2 * pause)

    def _measure(self, over: float, *, now: float, grows_from: float) -> bool:
        accepted = sum(at >= now - over for at in self._accepted)
        if accepted:
            least = STEEPEST * (self.rate or 0.0)
            self.rate = max(SLOWEST, least, BACK_OFF * accepted / over)
            self._grew_at = grows_from
        return accepted > 0
