"""Whatever an upstream answers, and in whatever order, the controller keeps its promises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fetch.simulation.desk import Desk
from tests.fetch.simulation.upstreams import GOOD, SILENT_REFUSAL, UNAVAILABLE, failure, refusal

from manifests.errors import ErrorCode
from manifests.fetch.rescue import PARKED
from manifests.fetch.signals import Quota, Signal

if TYPE_CHECKING:
    from manifests.fetch.work import Start, Work

# Counting lines doubles the time of what runs the same few of them a million times.
pytestmark = pytest.mark.no_cover

SIGNALS = {
    "good": GOOD,
    "failed": UNAVAILABLE,
    "refused": SILENT_REFUSAL,
    "pause": refusal(pause=3),
    "long pause": refusal(pause=40),
    "ill pause": failure(503, pause=2),
    "missing": Signal(code=ErrorCode.NOT_FOUND, cause="HTTP 404", status=404),
    "counted": replace(GOOD, quota=Quota(remaining=3, reset=20)),
    "used up": refusal(pause=20, quota=Quota(remaining=0, reset=20)),
}
MOVES = ("want", "same job", "withdraw", "wait", "wait long", *SIGNALS)
STEPS = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 30)), max_size=120)


@dataclass
class Promises:
    """What was asked of a controller, and what it has said."""

    desk: Desk
    wanted: dict[int, Work] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    attempts: set[int] = field(default_factory=set)
    held_until: float = 0.0

    def move(self, name: str, number: int) -> None:
        """Let one thing happen, and the controller decide."""
        desk, flying = self.desk, [*self.desk.under_way.values()]
        if name in {"want", "same job"}:
            work = desk.want(job="one" if name == "same job" else None, expected=number or None)
            self.wanted[work.key] = work
        elif name == "withdraw" and self.wanted:
            self.withdraw([*self.wanted.values()][number % len(self.wanted)])
        elif name.startswith("wait"):
            self.note(desk.wait(number / 5 if name == "wait" else 5 * number))
        elif name in SIGNALS and flying:
            self.end(flying[number % len(flying)], SIGNALS[name])
        self.note(desk.decide())

    def withdraw(self, work: Work) -> None:
        """Stop waiting for a page."""
        for abandon in self.desk.controller.withdraw(work, now=self.desk.now):
            del self.desk.under_way[abandon.attempt]
        del self.wanted[work.key]

    def end(self, start: Start, signal: Signal) -> None:
        """Let an attempt end."""
        given_up = len(self.desk.given_up)
        verdict = self.desk.end(start, signal)
        if verdict.accepted:
            self.ended.append(start.work.key)
        assert verdict.accepted is signal.is_good
        assert len(self.desk.given_up) - given_up <= 1
        if signal.pause and not signal.quota:
            self.held_until = max(self.held_until, self.desk.now + signal.pause)

    def note(self, starts: list[Start]) -> None:
        """Hold what was started against what was promised."""
        for start in starts:
            assert start.attempt not in self.attempts
            assert self.desk.sent[start.attempt] >= self.held_until
            self.attempts.add(start.attempt)
            assert start.work.key in self.wanted
            assert start.timeout > 0
        self.ended += [end.work.key for end in self.desk.given_up]
        self.desk.given_up.clear()
        for key in self.ended:
            self.wanted.pop(key, None)
        assert len(set(self.ended)) == len(self.ended)


@given(STEPS, st.integers(1, 6))
def test_promises_are_kept(steps: list[tuple[str, int]], cap: int) -> None:
    """No cap is passed, no hold broken, no attempt id used twice, no page ends twice or never."""
    keep(steps, cap=cap)


@given(st.integers(0), st.sets(st.sampled_from([*SIGNALS]), min_size=1), st.integers(1, 16))
def test_promises_are_kept_for_long(seed: int, signals: set[str], cap: int) -> None:
    """The same holds over hundreds of events, where upstream has habits."""
    rng = Random(seed)
    moves = [*["want"] * 6, "same job", "withdraw", *["wait"] * 4, "wait long"]
    moves += sorted(signals) * rng.randint(1, 4)
    keep([(rng.choice(moves), rng.randint(0, 30)) for _ in range(300)], cap=cap)


def keep(steps: list[tuple[str, int]], *, cap: int) -> None:
    """Go through the steps, and hold what happens against what was promised."""
    promises = Promises(desk=Desk(cap=cap))
    desk = promises.desk
    for name, number in steps:
        promises.move(name, number)
        state = desk.controller.snapshot(now=desk.now)
        assert state.in_flight <= cap
        assert state.parked <= PARKED
        assert state.in_flight + state.parked == len(desk.under_way)
        assert desk.controller.wake_at(now=desk.now) > desk.now
    settle(promises)


def settle(promises: Promises) -> None:
    """Let upstream be well for good: everything that is still wanted must end."""
    desk = promises.desk
    for _ in range(200):
        while desk.under_way:
            promises.end(next(iter(desk.under_way.values())), GOOD)
        promises.note(desk.wait(20))
        if not promises.wanted:
            break
    assert promises.wanted == {}
    assert desk.controller.snapshot(now=desk.now).waiting == 0
