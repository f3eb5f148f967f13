"""The controller comes as near to each bound as the study asks, and breaks no host on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import geometric_mean, median
from typing import TYPE_CHECKING

import pytest
from tests.fetch.simulation.measure import (
    NO_RATIO,
    judge,
    new_controller,
    p95,
    play,
    seeds_of,
)
from tests.fetch.simulation.simulator import Host, run
from tests.fetch.simulation.worlds import CAP, WORLDS, build

from manifests.fetch.rescue import PARKED

if TYPE_CHECKING:
    from tests.fetch.simulation.measure import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What 30 runs in a world may come to at most; medians, unless said."""

    ratio: float = math.inf
    p95: float = math.inf
    sent: float = math.inf
    """Requests sent per page needed."""
    success: float = 1.0
    """The worst run's, at least."""
    refused: int | None = None
    """429s in the worst run."""
    settled: float = math.inf
    in_vain: int | None = None


# Counting lines doubles the time of what runs the same few of them a million times.
pytestmark = pytest.mark.no_cover

GOALS = {
    "U1": Goal(ratio=1.20, p95=1.35, sent=1.01, refused=0),
    "U1s": Goal(ratio=1.35, p95=1.50, sent=1.03),
    "U2a": Goal(ratio=1.10, p95=1.25, sent=1.06),
    "U2b": Goal(ratio=1.10, p95=1.25, sent=1.06),
    "U2t": Goal(ratio=1.05, sent=1.12),
    "U2k": Goal(ratio=1.15, sent=1.08),  # no goal; 1.2 to 1.3 in the study's table
    "U2p": Goal(ratio=3.30, sent=1.02, in_vain=2),
    "U2h": Goal(ratio=1.05, sent=1.002, refused=0),
    "U3a": Goal(ratio=1.10, p95=1.30, sent=1.005),
    "U3b": Goal(ratio=1.25, p95=1.50, sent=1.10, success=0.995),
    "U3c": Goal(ratio=1.60, p95=2.00, sent=1.005),
    "U4a": Goal(ratio=1.50, p95=2.00, sent=1.06),
    "U4b": Goal(ratio=2.70, p95=4.00, sent=1.27),
    "U5a": Goal(ratio=1.10, p95=1.20, sent=1.18, in_vain=60),
    "U5b": Goal(sent=0.12, settled=125),
    "U6": Goal(ratio=1.15, sent=1.005),
    "U7": Goal(ratio=1.35, sent=1.06, settled=90),
    "U8": Goal(ratio=1.35),
    "U9": Goal(ratio=1.13, sent=1.01),
    "U9b": Goal(ratio=1.12, sent=1.01),
    "U10": Goal(ratio=1.40, sent=1.05),
    "U11": Goal(ratio=1.20, sent=1.11),
    "U12": Goal(ratio=1.02, sent=1.01, refused=0),
    "U13": Goal(ratio=1.45, p95=1.75, sent=1.105),  # sent: 1.10 in the study
}
"""World → its goal: that of the study, or beside it the study's where ours is a little worse.

Where it is: of the 70 requests too many in U13, 25 go to the five listings that can't be read, 14
into the outage, 13 meet a fault, and 10 are copies of slow pages. One try fewer of each page would
nearly keep the requests, and lose pages in U3b.
"""


@cache
def run_of(name: str, seed: int) -> Run:
    """Return the run of a world and a seed, played once in a process."""
    return play(name, seed)


@pytest.mark.parametrize("name", GOALS)
def test_a_world_is_read_nearly_as_fast_as_it_allows(name: str) -> None:
    """Each world keeps its goal, loses nothing that can be read, and presses nobody."""
    goal, all_runs = GOALS[name], [run_of(name, seed) for seed in seeds_of(name)]
    assert median(one.ratio for one in all_runs) <= goal.ratio
    assert p95([one.ratio for one in all_runs]) <= goal.p95
    assert median(one.sent for one in all_runs) <= goal.sent
    assert median(one.settled for one in all_runs) <= goal.settled
    assert min(one.success for one in all_runs) >= goal.success
    assert {one.unsettled for one in all_runs} == {0}
    assert max(one.most_in_window for one in all_runs) <= CAP
    assert max(one.most_parked for one in all_runs) <= PARKED
    assert goal.refused is None or max(one.refused for one in all_runs) <= goal.refused
    assert goal.in_vain is None or max(one.in_vain for one in all_runs) <= goal.in_vain


def test_the_whole_is_near_the_bounds() -> None:
    """The geometric mean of the medians of six seeds; of 30 it is 1.25, 1.30 in the study."""
    names = [name for name in WORLDS if name not in NO_RATIO | {"U12"}]
    medians = [median(run_of(name, seed).ratio for seed in range(1, 7)) for name in names]
    assert geometric_mean(medians) <= 1.30


def test_a_dead_host_costs_the_living_one_nothing() -> None:
    """U8: beside a dead host the living one is as fast as alone; the dead one gets 15 requests."""
    for seed in seeds_of("U8"):
        alive, dead = build("U8", seed), build("U8b", seed)
        hosts = [
            Host(new_controller(seed), world.upstream, world.chains) for world in (alive, dead)
        ]
        run(*hosts)
        assert judge(alive, hosts[0]).ratio == play("U8", seed).ratio
        assert hosts[1].tally.requests <= 15
        assert hosts[1].tally.settled_at <= 150


def test_a_lower_ceiling_is_used_as_well() -> None:
    """With the default of 8 at once a healthy host is read within 10 % of what 8 can do."""
    ratios = [play("U1", seed, cap=8).ratio / 2 for seed in seeds_of("U1")]
    assert median(ratios) <= 1.10
