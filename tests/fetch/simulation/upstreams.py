"""Imitate upstreams in simulated time: of each request it is known at once how it will end."""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeAlias

from manifests.errors import ErrorCode
from manifests.fetch.signals import Quota, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

Ending: TypeAlias = tuple[float, Signal]
"""Seconds from now, and what it means."""

GOOD = Signal(status=200)
QUICK = 0.12
"""Seconds that a refusal takes."""


def failure(status: int, *, pause: float | None = None) -> Signal:
    """Return the meaning of a response that says the host is ill."""
    return Signal(
        code=ErrorCode.API_ERROR,
        cause=f"HTTP {status}",
        status=status,
        may_retry=True,
        pause=pause,
    )


def refusal(*, pause: float | None = None, quota: Quota | None = None) -> Signal:
    """Return the meaning of a 429."""
    return Signal(
        code=ErrorCode.RATE_LIMIT,
        cause="HTTP 429",
        status=429,
        may_retry=True,
        pause=pause,
        quota=quota,
    )


BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT, PROXY_TIMEOUT = map(failure, (502, 503, 504, 524))
SILENT_REFUSAL = refusal()


class Upstream(Protocol):
    """Anything that answers requests; what a client abandons it works on all the same."""

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return when the answer comes, and what it is."""
        ...


class Healthy:
    """Answers each page after its own latency, however many ask."""

    def __init__(self, latencies: Sequence[Sequence[float]]) -> None:
        self._latencies = latencies

    def answer(self, job: int, page: int, *, now: float) -> Ending:  # noqa: ARG002 - it never tires
        """Return a good answer."""
        return self._latencies[job][page], GOOD


class Straggling:
    """Lets a share of the attempts take longer, each by chance."""

    def __init__(self, inner: Upstream, *, share: float, random: Random) -> None:
        self._inner = inner
        self._share = share
        self._random = random

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer, perhaps 20 to 60 s later."""
        seconds, signal = self._inner.answer(job, page, now=now)
        if self._random.random() < self._share:
            seconds += self._random.uniform(20, 60)
        return seconds, signal


class Faulty:
    """Fails a share of the attempts: 502 at once, 504 after 30 to 60 s, 524 after 100 s."""

    def __init__(self, inner: Upstream, *, share: float, random: Random) -> None:
        self._inner = inner
        self._share = share
        self._random = random

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer, or a failure."""
        if self._random.random() >= self._share:
            return self._inner.answer(job, page, now=now)

        kind = self._random.randrange(3)
        if kind == 0:
            return 0.3, BAD_GATEWAY
        return (
            (self._random.uniform(30, 60), GATEWAY_TIMEOUT) if kind == 1 else (100.0, PROXY_TIMEOUT)
        )


class Poisoned:
    """Fails some listings always and in the same way."""

    def __init__(self, inner: Upstream, endings: dict[int, Ending]) -> None:
        self._inner = inner
        self._endings = endings

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer for all other listings."""
        return self._endings.get(job) or self._inner.answer(job, page, now=now)


class Down:
    """Says 503 to everything for a while."""

    def __init__(self, inner: Upstream, *, begin: float, end: float) -> None:
        self._inner = inner
        self._begin = begin
        self._end = end
        self.asked = 0
        """Requests that came while it was down."""

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer outside the outage."""
        if not self._begin <= now < self._end:
            return self._inner.answer(job, page, now=now)

        self.asked += 1
        return QUICK, UNAVAILABLE


class Bucket:
    """Refuses what goes beyond so many requests a second and a burst."""

    def __init__(
        self, inner: Upstream, *, rate: float, burst: float, announces: bool = False
    ) -> None:
        self._inner = inner
        self._rate = rate
        self._burst = burst
        self._announces = announces
        self._tokens = burst
        self._seen = 0.0

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer, or a 429, with a whole number of seconds if it announces any."""
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        if self._tokens >= 1:
            self._tokens -= 1
            return self._inner.answer(job, page, now=now)
        if self._announces:
            pause = max(1.0, math.ceil((1 - self._tokens) / self._rate))
            return QUICK, refusal(pause=pause)
        return QUICK, SILENT_REFUSAL


class Crowded:
    """Refuses what would make more than so many in flight."""

    def __init__(self, inner: Upstream, *, most: int) -> None:
        self._inner = inner
        self._most = most
        self._leaving: list[float] = []

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer, or a 429."""
        while self._leaving and self._leaving[0] <= now:
            heapq.heappop(self._leaving)
        if len(self._leaving) >= self._most:
            return QUICK, SILENT_REFUSAL

        ending = self._inner.answer(job, page, now=now)
        heapq.heappush(self._leaving, now + ending[0])
        return ending


class PenaltyBox:
    """Refuses everything for 30 s after more than 100 requests in 10 s, and says so."""

    def __init__(self, inner: Upstream) -> None:
        self._inner = inner
        self._recent: deque[float] = deque()
        self._boxed_until = -math.inf
        self.boxes = 0
        """How often it shut the door."""

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer, or a 429 with what is left of the 30 s."""
        while self._recent and self._recent[0] <= now - 10:
            self._recent.popleft()
        if now >= self._boxed_until:
            self._recent.append(now)
            if len(self._recent) <= 100:
                return self._inner.answer(job, page, now=now)
            self.boxes += 1
            self._boxed_until = now + 30
        return QUICK, refusal(pause=math.ceil(self._boxed_until - now))


class Counted:
    """Allows 500 requests in fixed windows of 300 s, and tells on every answer what is left."""

    def __init__(self, inner: Upstream, *, first_reset: float, others: float = 0.0) -> None:
        self._inner = inner
        self._reset = first_reset
        self._used = 0
        self._others = others
        self._opened = 0.0

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the inner answer, or a 429, either with the RateLimit header."""
        if now >= self._reset:
            self._opened = self._reset + (now - self._reset) // 300 * 300
            self._reset = self._opened + 300
            self._used = 0
        foreign = int(self._others * (now - self._opened))
        admitted = self._used + foreign < 500
        self._used += admitted
        quota = Quota(
            remaining=max(0, 500 - self._used - foreign), reset=float(math.ceil(self._reset - now))
        )
        if not admitted:
            return QUICK, refusal(pause=quota.reset, quota=quota)

        seconds, signal = self._inner.answer(job, page, now=now)
        pause = quota.reset if quota.remaining == 0 else None
        return seconds, Signal(
            code=signal.code,
            status=signal.status,
            may_retry=signal.may_retry,
            pause=pause,
            quota=quota,
        )


class Workers:
    """Serves first come first served with K workers; a gateway waits so long, the workers go on.

    Args:
        services: seconds of work of each page.
        workers: K.
        gateway: seconds after which a request is answered 504, drawn anew for each.
        away: an interval in which only the first four of the workers are there.
        background: arrivals and services of other people's requests.
        thrashes: whether a page takes (n/K) times as long when n > K are in the system. The n is
            that on arrival; a client with a constant number in flight sees the same either way.
    """

    ROUND_TRIP = 0.1

    def __init__(
        self,
        services: Sequence[Sequence[float]],
        *,
        workers: int,
        gateway: tuple[float, float] = (math.inf, math.inf),
        random: Random,
        away: tuple[float, float] = (math.inf, math.inf),
        background: Iterator[tuple[float, float]] | None = None,
        thrashes: bool = False,
    ) -> None:
        self._services = services
        self._count = workers
        self._gateway = gateway
        self._random = random
        self._away = away
        self._background = background or iter(())
        self._next_foreign = next(self._background, None)
        self._thrashes = thrashes
        self._stayers = [0.0] * (workers if away[0] == math.inf else 4)
        self._leavers = [0.0] * (workers - len(self._stayers))
        self._leaving: list[float] = []

    def answer(self, job: int, page: int, *, now: float) -> Ending:
        """Return the answer, or a 504 when the gateway loses patience."""
        while self._next_foreign and self._next_foreign[0] <= now:
            self._serve(self._next_foreign[1], self._next_foreign[0])
            self._next_foreign = next(self._background, None)
        seconds = self._serve(self._services[job][page], now) - now
        patience = self._random.uniform(*self._gateway) if self._gateway[0] < math.inf else math.inf
        if seconds > patience:
            return patience, GATEWAY_TIMEOUT
        return seconds + self.ROUND_TRIP, GOOD

    def _serve(self, work: float, now: float) -> float:
        if self._thrashes:
            while self._leaving and self._leaving[0] <= now:
                heapq.heappop(self._leaving)
            work *= max(1.0, (len(self._leaving) + 1) / self._count)
        line, start = self._soonest(now)
        heapq.heapreplace(line, start + work)
        heapq.heappush(self._leaving, start + work) if self._thrashes else None
        return start + work

    def _soonest(self, now: float) -> tuple[list[float], float]:
        staying = max(now, self._stayers[0])
        if not self._leavers:
            return self._stayers, staying
        leaving = max(now, self._leavers[0])
        if self._away[0] <= leaving < self._away[1]:
            leaving = self._away[1]
        return (self._leavers, leaving) if leaving < staying else (self._stayers, staying)
