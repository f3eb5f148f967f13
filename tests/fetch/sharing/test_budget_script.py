"""The rules in Lua, on a real server, are those in Python."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from manifests.fetch.budget import Ask
from manifests.fetch.budget_rules import settle
from manifests.fetch.budget_script import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from manifests.fetch.budget_state import State

ON_A_GIVEN_CLOCK = f"{RULES}\nreturn exchange(KEYS[1], ARGV[1], tonumber(ARGV[2]))"
STEPS = 100


def drawn(rng: random.Random, epoch: str) -> Ask:
    """Return something that a process may say."""

    def seldom(share: float, most: float, otherwise: float) -> float:
        return rng.uniform(0, most) if rng.random() < share else otherwise

    return Ask(
        member=rng.choice("abcd"),
        busy=rng.randrange(6),
        want=rng.randrange(6),
        epoch=rng.choice([epoch] * 20 + ["", "of another life"]),
        at=seldom(0.5, 40, -1.0),
        rate=seldom(0.2, 20, 0.0),
        good=rng.choice([0, 0, 1, 3]),
        failed=rng.choice([0, 0, 0, 1]),
        lost=rng.choice([0, 0, 2]),
        refused=seldom(0.15, 2, -1.0),
        hold=seldom(0.15, rng.choice([1, 1, 20]), 0.0),
        ill=seldom(0.05, 3, -1.0),
        quota=tuple(
            (rng.randrange(40), rng.uniform(0, 10), rng.uniform(0, 3))
            for _ in range(rng.choice([0, 0, 0, 1, 2]))
        ),
        leaves=rng.random() < 0.03,
    )


def passing(rng: random.Random) -> float:
    """Return the seconds until the next word, now and then long or backwards."""
    if rng.random() < 0.02:
        return rng.choice([6.0, 4000.0, -100.0])
    return rng.choice([0.001, 0.05, 0.3, 1.1]) * rng.random()


def said_by_both(client: Redis, seed: int) -> tuple[Sequence[object], Sequence[object]]:
    """Return what Lua and Python answer to the same words, at the same times."""
    rng, now, epoch = random.Random(seed), 1_790_000_000.25, ""
    script = client.register_script(ON_A_GIVEN_CLOCK)
    state: State | None = None
    lua: list[object] = []
    python: list[object] = []
    for _ in range(STEPS):
        ask = drawn(rng, epoch)
        state, reply = settle(state, ask, now=now)
        epoch = reply.epoch
        python.append(asdict(reply))
        answer = script(keys=[f"of {seed}"], args=[json.dumps(asdict(ask)), repr(now)])
        lua.append(json.loads(str(answer)))
        now += passing(rng)
    return lua, python


@pytest.mark.parametrize("seed", range(12))
def test_both_languages_say_the_same(client: Redis, seed: int) -> None:
    """Whatever processes say, and whenever, Lua answers as Python does."""
    lua, python = said_by_both(client, seed)
    for one, other in zip(lua, python, strict=True):
        # Times on the server are kept to 14 digits.
        assert one == pytest.approx(other, abs=1e-3)
