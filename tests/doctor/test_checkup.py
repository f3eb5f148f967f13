"""All checks run at once, each by itself, and none outlasts the time that there is."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from manifests.clock import Clock
from manifests.doctor.checkup import LocalCheck, Patient, examine
from manifests.doctor.connecting import Route
from manifests.doctor.diagnosis import Check, Level, ok
from manifests.errors import ErrorCode, StoreError
from manifests.fetch.hosts import host_of
from manifests.fetch.probing import Line
from manifests.fetch.transport import Timeouts, open_transport, plain_context
from manifests.models import Filter
from manifests.planner import plan_queries
from manifests.sandbox.server import SandboxOptions, running
from manifests.settings import Access
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from manifests.doctor.diagnosis import Finding

FAR = 30.0
CLOCK = Clock()


def broad(source: str) -> Filter:
    """Return a filter that lists everything."""
    parameters = {"nsfw": "true"} if source == "civitai" else {}
    sort = "Newest" if source == "civitai" else "likes"
    return Filter(
        source=source, path="filter/all", label="all", limit=9, sort=sort, parameters=parameters
    )


@asynccontextmanager
async def patient_of(
    name: str, endpoint: str, *, has_token: bool = False, asks: bool = True
) -> AsyncIterator[Patient]:
    """Yield a source to be asked at an endpoint."""
    source, context = SOURCES[name], plain_context()
    host = host_of(source.info, Access(endpoint=endpoint), contact="x")
    opening = open_transport(timeouts=Timeouts(), context=context, trust_env=False)
    async with opening as transport:
        yield Patient(
            source=source,
            line=Line(host, transport=transport, clock=CLOCK),
            route=Route.to(endpoint),
            context=context,
            has_token=has_token,
            listings=plan_queries([broad(name)], SOURCES).queries if asks else (),
        )


async def found_at(
    endpoint: str, *names: str, limit: float = FAR, has_token: bool = False, asks: bool = True
) -> list[Finding]:
    """Return what is found of sources at one endpoint."""
    name, *rest = names
    async with patient_of(name, endpoint, has_token=has_token, asks=asks) as one:
        if not rest:
            return [*await examine([one], [], clock=CLOCK, limit=limit)]
        async with patient_of(rest[0], endpoint) as other:
            return [*await examine([one, other], [], clock=CLOCK, limit=limit)]


@asynccontextmanager
async def sandbox(simulate: str = "") -> AsyncIterator[str]:
    """Yield the endpoint of an upstream."""
    options = SandboxOptions(simulate=simulate, models=200)
    async with running(options, clock=CLOCK) as upstream:
        yield upstream.url


async def test_two_that_are_well() -> None:
    """Of each source connection and page are told, of one that counts its quota, and one clock."""
    async with sandbox() as url:
        found = await found_at(url, "civitai", "huggingface")
    assert [(each.check, each.source, each.level) for each in found] == [
        (Check.CONNECTION, "civitai", Level.OK),
        (Check.CANARY, "civitai", Level.OK),
        (Check.CONNECTION, "huggingface", Level.OK),
        (Check.CANARY, "huggingface", Level.OK),
        (Check.QUOTA, "huggingface", Level.OK),
        (Check.CLOCK, None, Level.OK),
    ]


@pytest.mark.parametrize(
    ("simulate", "code", "level"),
    [
        ("html", ErrorCode.MALFORMED_RESPONSE, Level.FAIL),
        ("error", ErrorCode.MALFORMED_RESPONSE, Level.FAIL),
        ("json", ErrorCode.MALFORMED_RESPONSE, Level.FAIL),
        ("403", ErrorCode.CHALLENGE, Level.FAIL),
        ("challenge", ErrorCode.CHALLENGE, Level.FAIL),
        ("401", ErrorCode.AUTH_ERROR, Level.FAIL),
        ("451", ErrorCode.REGION_BLOCKED, Level.FAIL),
        ("503", ErrorCode.API_ERROR, Level.FAIL),
        ("reset", ErrorCode.NETWORK_ERROR, Level.FAIL),
        ("429", None, Level.WARN),
        ("empty", None, Level.WARN),
    ],
)
async def test_each_illness_has_its_name(
    simulate: str, code: ErrorCode | None, level: Level
) -> None:
    """Whatever an upstream sends in place of a page is named by its code, in one request."""
    async with sandbox(simulate) as url:
        found = await found_at(url, "civitai")
    (canary,) = (each for each in found if each.check is Check.CANARY)
    assert (canary.code, canary.level) == (code, level)
    assert canary.next_step


@pytest.mark.parametrize("simulate", ["timeout", "drip", "endless"])
async def test_nothing_outlasts_its_time(simulate: str) -> None:
    """An answer that never ends is a timeout, however it begins."""
    async with sandbox(simulate) as url:
        found = await found_at(url, "civitai", limit=0.5)
    (canary,) = (each for each in found if each.check is not Check.CONNECTION)
    assert (canary.check, canary.level) == (Check.CANARY, Level.FAIL)
    assert canary.code in {ErrorCode.TIMEOUT, ErrorCode.MALFORMED_RESPONSE}


async def test_who_is_silent_costs_the_other_nothing() -> None:
    """While one source says nothing, the other is looked at to the end."""
    async with sandbox("civitai=timeout") as url:
        found = await found_at(url, "civitai", "huggingface", limit=2.0)
    canaries = {each.source: each for each in found if each.check is Check.CANARY}
    assert canaries["civitai"].code is ErrorCode.TIMEOUT
    assert canaries["huggingface"].level is Level.OK


async def test_a_token_is_held_against_its_account() -> None:
    """With a token the account is asked for, too; a mirror that has none is no failure."""
    async with sandbox() as url:
        found = await found_at(url, "huggingface", has_token=True)
    (account,) = (each for each in found if each.check is Check.ACCOUNT)
    assert account.level is Level.WARN
    assert "does not tell" in account.found


async def test_no_page_is_asked_for_without_filters() -> None:
    """Of a source that no filter asks only the way is looked at."""
    async with sandbox() as url:
        found = await found_at(url, "civitai", asks=False)
    assert [each.check for each in found] == [Check.CONNECTION]


async def test_who_is_not_reached_is_not_asked() -> None:
    """Where the way ends, one line says so, and the other source goes on."""
    found = await found_at("http://127.0.0.1:9", "civitai", "huggingface")
    assert [(each.check, each.level) for each in found] == 2 * [(Check.CONNECTION, Level.FAIL)]


def check_of(look: Callable[[], Iterable[Finding]]) -> LocalCheck:
    """Return a look at the output folder."""
    return LocalCheck(check=Check.OUT, look=look)


def refuse() -> list[Finding]:
    """Fail as a disk of ours does."""
    raise StoreError("full", next_step="free space")


def deny() -> list[Finding]:
    """Fail as the system does."""
    raise PermissionError(13, "Permission denied", "out")


async def test_each_look_fails_by_itself() -> None:
    """A look that fails, in our words or the system's, stops no other."""
    looks = [refuse, deny, lambda: [ok(Check.OUT, "well")]]
    found = await examine([], [check_of(look) for look in looks], clock=CLOCK, limit=FAR)
    assert [(each.level, each.found) for each in found] == [
        (Level.FAIL, "full"),
        (Level.FAIL, "out: Permission denied"),
        (Level.OK, "well"),
    ]


async def test_a_disk_that_hangs() -> None:
    """A look that never ends has failed once the time is over."""
    release = threading.Event()

    def hang() -> list[Finding]:
        release.wait(0.5)
        return []

    (found,) = await examine([], [check_of(hang)], clock=CLOCK, limit=0.05)
    release.set()
    assert (found.level, found.found) == (Level.FAIL, "the disk gave no answer in 0.1 s")


async def test_a_bug_escapes() -> None:
    """What is no expected failure ends the command with its traceback."""

    def err() -> list[Finding]:
        raise KeyError("bug")

    with pytest.raises(BaseExceptionGroup) as raised:
        await examine([], [check_of(err)], clock=CLOCK, limit=FAR)
    assert raised.group_contains(KeyError, match="bug")
