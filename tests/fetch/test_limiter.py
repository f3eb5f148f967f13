"""The bound is a bound and the delay is kept, however the tasks are scheduled."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Literal, NamedTuple

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.fetch.limiter import FixedLimiter
from manifests.fetch.signals import Signal
from manifests.settings import Pace

TICK = 0.125
"""Seconds; all times are multiples, so that many things happen at the same instant."""
SLACK = 1e-6
"""Seconds by which sums of times may differ for the way in which floats are added."""


class Visit(NamedTuple):
    """One task that wants a slot."""

    arrives: float
    lasts: float
    """Seconds for which it holds its slot."""
    patience: float | None
    """Seconds after its arrival when it is cancelled, waiting or in flight; None for never."""


class Pause(NamedTuple):
    """A pause that the host announces."""

    at: float
    seconds: float


class Occurrence(NamedTuple):
    """What was seen, in the order in which it happened."""

    kind: Literal["start", "end", "pause"]
    at: float
    until: float = 0.0
    """End of a pause."""
    arrived: float = 0.0
    """When whoever starts came to wait."""


@dataclass(kw_only=True)
class Scene:
    """A limiter with tasks that come, hold their slot, and lose patience."""

    pace: Pace
    clock: Clock = field(default_factory=lambda: Clock(random=random.Random(1)))
    seen: list[Occurrence] = field(default_factory=list)
    unserved: int = 0
    """Tasks that nobody cancelled, and that still never had a slot."""

    def __post_init__(self) -> None:
        """Build what is tested."""
        self.limiter = FixedLimiter(self.pace, clock=self.clock)

    async def visit(self, visit: Visit) -> None:
        """Come, wait for a slot, hold it, and leave; or be cancelled meanwhile."""
        await anyio.sleep(visit.arrives)
        patience = float("inf") if visit.patience is None else visit.patience
        self.unserved += visit.patience is None
        with anyio.move_on_after(patience):
            async with self.limiter.slot():
                now = anyio.current_time()
                self.seen.append(Occurrence("start", now, arrived=visit.arrives))
                self.unserved -= visit.patience is None
                try:
                    await anyio.sleep(visit.lasts)
                finally:
                    self.seen.append(Occurrence("end", anyio.current_time()))

    async def announce(self, pause: Pause) -> None:
        """Tell the limiter of a pause when its time has come."""
        await anyio.sleep(pause.at)
        now = anyio.current_time()
        self.limiter.observe(Signal(pause=pause.seconds), seconds=0)
        self.seen.append(Occurrence("pause", now, now + pause.seconds))

    async def play(self, visits: list[Visit], pauses: list[Pause], *, within: float) -> None:
        """Let all happen; whoever still waits after *within* seconds waits for ever."""
        with anyio.fail_after(within):
            async with anyio.create_task_group() as tasks:
                for pause in pauses:
                    tasks.start_soon(self.announce, pause)
                for visit in visits:
                    tasks.start_soon(self.visit, visit)

    @property
    def starts(self) -> list[float]:
        """When requests started, in order."""
        return [event.at for event in self.seen if event.kind == "start"]

    def most_in_flight(self) -> int:
        """Return the most slots that were held at once."""
        step = {"start": 1, "end": -1, "pause": 0}
        heights = [sum(step[e.kind] for e in self.seen[: n + 1]) for n in range(len(self.seen))]
        return max(heights, default=0)

    def starts_in_pauses(self) -> list[float]:
        """Return the starts that came before the end of a pause announced earlier."""
        found, held_until = [], float("-inf")
        for event in self.seen:
            held_until = max(held_until, event.until)
            if event.kind == "start" and event.at < held_until - SLACK:
                found.append(event.at)
        return found


def in_virtual_time(scene: Scene, visits: list[Visit], pauses: list[Pause]) -> None:
    """Play a scene on a clock that jumps; the limit is what the slowest honest limiter needs."""
    work = sum(visit.lasts for visit in visits) + len(visits) * scene.pace.delay
    held = 1.1 * sum(pause.seconds for pause in pauses)
    last = max([*(visit.arrives for visit in visits), *(pause.at for pause in pauses)])
    play = partial(scene.play, visits, pauses, within=last + work + held + SLACK)
    clock = MockClock(autojump_threshold=0)
    anyio.run(play, backend="trio", backend_options={"clock": clock})


def ticks(most: int) -> st.SearchStrategy[float]:
    """Draw a time of at most so many ticks."""
    return st.integers(0, most).map(lambda number: number * TICK)


@given(
    pace=st.builds(Pace, concurrency=st.integers(1, 5), delay=ticks(6)),
    visits=st.lists(
        st.builds(Visit, ticks(40), ticks(20), st.none() | ticks(30)), min_size=1, max_size=24
    ),
    pauses=st.lists(st.builds(Pause, ticks(60), ticks(40)), max_size=4),
)
def test_the_bound_the_delay_and_the_pauses_hold(
    pace: Pace, visits: list[Visit], pauses: list[Pause]
) -> None:
    """Never more than N in flight, never two starts closer than the delay, none in a pause.

    And whoever is not cancelled gets a turn, in no more time than one at a time would take.
    """
    scene = Scene(pace=pace)
    in_virtual_time(scene, visits, pauses)
    starts = scene.starts
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert scene.most_in_flight() <= pace.concurrency
    assert min(gaps, default=pace.delay) >= pace.delay - SLACK
    assert scene.starts_in_pauses() == []
    assert scene.unserved == 0


def test_the_bound_is_used_up() -> None:
    """With long requests exactly N are in flight, and the next starts when one ends."""
    scene = Scene(pace=Pace(concurrency=3, delay=0.5))
    in_virtual_time(scene, [Visit(0, 10, None)] * 6, [])
    assert scene.starts == pytest.approx([0, 0.5, 1, 10, 10.5, 11])
    assert scene.most_in_flight() == 3


@pytest.mark.parametrize("concurrency", [1, 4, 20])
def test_first_come_first_served(concurrency: int) -> None:
    """Tasks start in the order in which they came, wherever they had to wait."""
    scene = Scene(pace=Pace(concurrency=concurrency, delay=1))
    visits = [Visit(number * TICK, 2, None) for number in range(16)]
    in_virtual_time(scene, visits, [Pause(3, 5)])
    arrivals = [event.arrived for event in scene.seen if event.kind == "start"]
    assert arrivals == [visit.arrives for visit in visits]


def test_a_cancelled_waiter_costs_nobody_a_turn() -> None:
    """Who gives up at the gate leaves neither a slot taken nor a start used up."""
    scene = Scene(pace=Pace(concurrency=2, delay=1))
    in_virtual_time(scene, [Visit(0, 5, None), Visit(0.125, 5, 0.25), Visit(0.25, 5, None)], [])
    assert scene.starts == pytest.approx([0, 1])


def test_a_pause_announced_meanwhile_holds_who_already_waits() -> None:
    """Who waits for a start when a pause is announced waits for its end too."""
    scene = Scene(pace=Pace(concurrency=9, delay=1))
    in_virtual_time(scene, [Visit(0, 0, None), Visit(0, 0, None)], [Pause(0.5, 20)])
    assert scene.starts[0] == 0
    assert 20.5 <= scene.starts[1] <= 22.5


@pytest.mark.virtual_time
async def test_what_observing_tells() -> None:
    """The answer is how long the host still waits: the longest pause, at most a tenth longer."""
    limiter = Scene(pace=Pace(concurrency=4, delay=0.1)).limiter
    assert limiter.observe(Signal(), seconds=1) == 0
    assert limiter.observe(Signal(code=ErrorCode.RATE_LIMIT, pause=0), seconds=1) == 0
    held = limiter.observe(Signal(code=ErrorCode.RATE_LIMIT, pause=100), seconds=1)
    assert 100 <= held <= 110
    assert limiter.observe(Signal(pause=5), seconds=1) == held
    await anyio.sleep(50)
    assert limiter.observe(Signal(), seconds=1) == pytest.approx(held - 50)
    await anyio.sleep(61)
    assert limiter.observe(Signal(), seconds=1) == 0


async def test_three_hundred_tasks_at_once() -> None:
    """On asyncio, without any delay, 300 impatient tasks never pass the bound of 4."""
    limiter = FixedLimiter(Pace(concurrency=4, delay=0), clock=Clock())
    chance, in_flight, peaks = random.Random(1), 0, []

    async def visit(checkpoints: int) -> None:
        nonlocal in_flight
        async with limiter.slot():
            in_flight += 1
            peaks.append(in_flight)
            for _ in range(checkpoints):
                await checkpoint()
            in_flight -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(300):
            tasks.start_soon(visit, chance.randrange(5))
    assert len(peaks) == 300
    assert max(peaks) == 4
    assert in_flight == 0
