"""A process asks its budget in time, uses what it is granted, and goes on when it is lost."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import pytest

from manifests.clock import Clock
from manifests.events import Noted
from manifests.fetch.budget import BudgetLostError
from manifests.fetch.budget_rules import settle
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.controller import Controller, ControlLimits
from manifests.fetch.fetcher import Host
from manifests.fetch.membership import Membership, Once
from manifests.fetch.received import Received
from manifests.fetch.share import Share
from manifests.sources.base import Page, Reply, Request, SourceInfo
from manifests.taskgroup import task_group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.events import Event
    from manifests.fetch import budget
    from manifests.fetch.budget_state import State

pytestmark = pytest.mark.virtual_time

INFO = SourceInfo(
    name="made-up",
    title="Made Up",
    file_prefix="mu",
    short="mu",
    endpoint="https://made-up.example",
    endpoint_variable="MADE_UP_ENDPOINT",
    token_variable="MADE_UP_TOKEN",
)
HOST = Host(info=INFO, endpoint=INFO.endpoint, headers={})


@dataclass(slots=True)
class Keeper:
    """A budget in memory, which may be out of reach, and takes its time."""

    name: str = "redis://made-up.example"
    is_lost: bool = False
    state: State | None = None
    words: list[budget.Ask] = field(default_factory=list)

    async def exchange(self, key: str, ask: budget.Ask) -> budget.Reply:
        """Answer by the rules."""
        del key
        await anyio.sleep(0.002)
        if self.is_lost:
            raise BudgetLostError("the shared budget is lost", next_step="start it")
        self.words.append(ask)
        self.state, reply = settle(self.state, ask, now=1000 + anyio.current_time())
        return reply


@dataclass(slots=True)
class Upstream:
    """A host that answers after half a second, and refuses what is too much."""

    bears: int = 100
    in_flight: int = 0
    most: int = 0
    refused: int = 0

    async def get(self, url: str, headers: Mapping[str, str]) -> Received:
        """Answer, or refuse."""
        del url, headers
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        is_too_much = self.in_flight > self.bears
        self.refused += is_too_much
        try:
            await anyio.sleep(0.05 if is_too_much else 0.5)
        finally:
            self.in_flight -= 1
        return Received(status=429 if is_too_much else 200, headers={}, body=b"[]")


@dataclass(slots=True)
class Office:
    """Several processes' fetchers of one host, in one loop."""

    keeper: Keeper = field(default_factory=Keeper)
    upstream: Upstream = field(default_factory=Upstream)
    ceiling: int = 8
    notes: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    when_first_ended: Counter[str] = field(default_factory=Counter)

    def note(self, event: Event) -> None:
        """Remember what a person is told."""
        if isinstance(event, Noted):
            self.notes.append(event.message)

    async def employ(self, name: str, pages: int) -> None:
        """Fetch so many pages as one process."""
        clock = Clock(random=random.Random(1))
        share = Share(name, ceiling=self.ceiling)
        limits = ControlLimits(max_concurrency=self.ceiling)
        async with task_group() as tasks:
            fetcher = ControlledFetcher(
                HOST,
                self.upstream,
                controller=Controller(limits, random=clock.random, share=share),
                tasks=tasks,
                clock=clock,
                reporter=self.note,
                member=Membership(share, self.keeper, key="k", clock=clock, reporter=self.note),
            )
            tasks.start_soon(fetcher.run)
            async with anyio.create_task_group() as waiting:
                for number in range(pages):
                    waiting.start_soon(self.fetch, fetcher, name, number)
        if not self.when_first_ended:
            self.when_first_ended = self.done.copy()

    async def fetch(self, fetcher: ControlledFetcher, name: str, number: int) -> None:
        """Fetch one page."""
        request = Request(source="made-up", path="/api", parameters=(("page", str(number)),))
        fetched = await fetcher.fetch(request, read, log=[], job=number)
        assert fetched.page is not None, fetched.failure
        self.done[name] += 1


def read(reply: Reply) -> Page:
    """Take any good body for a page."""
    return Page(cursor=str(len(reply.body)))


@pytest.mark.no_cover
async def test_processes_stay_below_the_ceiling_and_share_it() -> None:
    """Four processes together have no more in flight than one may, and none is left behind."""
    office = Office(ceiling=6)
    async with anyio.create_task_group() as tasks:
        for name in "abcd":
            tasks.start_soon(office.employ, name, 30)
    assert office.upstream.most == 6
    assert office.done == dict.fromkeys("abcd", 30)
    assert min(office.when_first_ended.values()) >= 25


@pytest.mark.no_cover
async def test_a_refusal_of_one_slows_all() -> None:
    """What the host bears is found out once, for all."""
    office = Office(upstream=Upstream(bears=5), ceiling=12)
    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(office.employ, name, 40)
    assert office.done == dict.fromkeys("abc", 40)
    assert 0 < office.upstream.refused <= 12


async def test_it_says_goodbye() -> None:
    """The last word frees what the process held, and comes even when the run is cancelled."""
    office = Office()
    await office.employ("a", pages=3)
    assert office.keeper.words[-1].leaves
    with anyio.move_on_after(0.2):
        await office.employ("b", pages=3)
    assert (office.keeper.words[-1].member, office.keeper.words[-1].leaves) == ("b", True)


async def test_a_request_costs_few_words() -> None:
    """What is told and asked for goes together: about one word a page where nobody is denied."""
    office = Office()
    await office.employ("a", pages=80)
    assert len(office.keeper.words) <= 1.5 * 80


async def test_without_its_budget_a_process_goes_on() -> None:
    """When nobody answers, a part of the budget is used, and a person is told once."""
    office = Office(keeper=Keeper(is_lost=True))
    await office.employ("a", pages=10)
    assert office.done["a"] == 10
    assert office.upstream.most == 2
    assert office.notes == [
        "the shared budget is lost; going on with a part of it; start it",
    ]


async def test_a_budget_that_comes_back_is_used() -> None:
    """Lost in the middle and back again, twice: told, and never more than the ceiling."""
    office = Office(ceiling=4)

    async def disturb() -> None:
        for is_lost in (True, False, True, False):
            await anyio.sleep(2)
            office.keeper.is_lost = is_lost
            office.keeper.state = None

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(disturb)
        for name in "ab":
            tasks.start_soon(office.employ, name, 50)
    assert office.upstream.most == 4
    assert office.done == {"a": 50, "b": 50}
    told = Counter(office.notes)
    assert told["the shared budget is lost; going on with a part of it; start it"] == 4
    assert told["the shared budget at redis://made-up.example is back"] == 4


def test_a_thing_is_told_once() -> None:
    """What two hosts find out, or one host twice, a person hears once."""
    office = Office()
    once = Once(office.note)
    for message in ("lost", "lost", "back", "lost", "back"):
        once(Noted(message=message))
    assert office.notes == ["lost", "back"]


async def test_a_goodbye_that_nobody_hears_is_no_error() -> None:
    """A budget that is lost in the very end costs the run nothing."""
    office = Office()

    async def lose() -> None:
        await anyio.sleep(0.2)
        office.keeper.is_lost = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lose)
        tasks.start_soon(office.employ, "a", 1)
    assert office.done["a"] == 1
