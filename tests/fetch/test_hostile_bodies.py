"""A body without end and one that drips end with their attempt, while the other source goes on."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.events import silent
from manifests.fetch.hosts import open_fetchers
from manifests.fetch.transport import MOST_BYTES
from manifests.models import Query
from manifests.sandbox.server import SandboxOptions, running
from manifests.settings import Access, Settings
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from manifests.fetch.fetcher import Fetched
    from manifests.fetch.hosts import Fetchers
    from manifests.traffic import Attempt

ILL, WELL = "civitai", "huggingface"


def faster(speed: float) -> Clock:
    """Return a clock on which the limits of attempts pass so many times as fast."""
    return Clock(
        monotonic=lambda: anyio.current_time() * speed,
        sleep=lambda seconds: anyio.sleep(seconds / speed),
        random=random.Random(1),
    )


async def first_page(fetchers: Fetchers, name: str, log: list[Attempt]) -> Fetched:
    """Fetch the first page of a listing."""
    source = SOURCES[name]
    query = Query(source=name, parameters=(("limit", "5"),))
    request = source.request(query, None)
    return await fetchers[name].fetch(request, lambda reply: source.read(query, reply), log=log)


@pytest.mark.parametrize(
    ("fault", "speed", "code", "cause"),
    [
        ("drip", 12, ErrorCode.TIMEOUT, "no whole answer within 30 s"),
        (
            "endless",
            5,
            ErrorCode.MALFORMED_RESPONSE,
            f"the body passes {MOST_BYTES // 1024**2} MiB",
        ),
    ],
)
async def test_a_hostile_body_ends_with_the_attempt(
    fault: str, speed: float, code: ErrorCode, cause: str
) -> None:
    """It costs its own page one bounded attempt, and the pages of the other source nothing."""
    options = SandboxOptions(models=100, simulate=f"{ILL}={fault}")
    log: list[Attempt] = []
    ended: list[str] = []
    async with running(options, clock=Clock()) as upstream:
        access = {name: Access(endpoint=upstream.url) for name in (ILL, WELL)}
        settings = replace(Settings(access=access), attempts=1)
        infos = {name: SOURCES[name].info for name in access}
        tracemalloc.start()
        async with (
            open_fetchers(settings, infos, clock=faster(speed), reporter=silent) as fetchers,
            anyio.create_task_group() as tasks,
        ):

            async def ill() -> None:
                fetched = await first_page(fetchers, ILL, log)
                assert fetched.failure is not None
                assert fetched.failure.last_code is code
                ended.append(ILL)

            tasks.start_soon(ill)
            for _ in range(3):
                assert (await first_page(fetchers, WELL, [])).page is not None
            ended.append(WELL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert ended == [WELL, ILL]
    assert [(each.code, each.cause) for each in log] == [(code, cause)]
    assert peak < MOST_BYTES * 1.5
