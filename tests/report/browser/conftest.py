"""A browser without network, and runs that fill a page."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from itertools import islice, product
from typing import TYPE_CHECKING, Protocol

import pytest
from playwright.sync_api import sync_playwright

from manifests.errors import ErrorCode
from manifests.report.html import render
from manifests.report.story import tell
from manifests.results import Environment, Failure, Outcome, QueryRecord, RunRecord, State
from manifests.traffic import Attempt, HostNote, HostRecord, HostSample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

FACETS = {
    "nsfw": ["all", "pg", "pg13", "r", "x"],
    "period": ["all", "day", "week", "month", "year"],
    "type": ["all", "checkpoints", "loras", "embeddings"],
    "base_model": ["all", *(f"base{number:02d}" for number in range(99))],
}
CYCLE = [State.FRESH] * 6 + [State.UNCHANGED] * 9 + [State.STALE, State.QUARANTINED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page that is open, and what it did beside being looked at."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """What stands on its console, and errors of its script."""
    requests: list[str] = field(default_factory=list)
    """What it loaded, itself first."""


class Opens(Protocol):
    """Opens the page of a run from disk."""

    def __call__(
        self, record: RunRecord, *, width: int = 1280, dark: bool = False, script: bool = True
    ) -> Visit:
        """Return it, open; *width* is in pixels."""
        ...


class MakesLarge(Protocol):
    """Makes records of many filters and attempts."""

    def __call__(self, *, filters: int, attempts: int) -> RunRecord:
        """Return one with so many, the same each time."""
        ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the Chromium that is installed; its absence is a failure.

    A module's own, as a browser that is open keeps an event loop, which other tests can't share.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "no Chromium on the PATH: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Opens]:
    """Return a way to open pages, each as a new visitor; none may complain or load anything."""
    visits: list[Visit] = []

    def opens(
        record: RunRecord, *, width: int = 1280, dark: bool = False, script: bool = True
    ) -> Visit:
        file = tmp_path / f"{len(visits)}.html"
        file.write_bytes(render(tell(record)))
        page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        page.set_default_timeout(5000)
        visit = Visit(page=page)
        page.on("console", lambda message: visit.complaints.append(message.text))
        page.on("pageerror", lambda error: visit.complaints.append(error.message))
        page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(file.as_uri())
        visits.append(visit)
        return visit

    yield opens
    for visit in visits:
        assert visit.complaints == []
        assert {*visit.requests} == {visit.page.url}
        visit.page.close()


@pytest.fixture(scope="session")
def make_large() -> MakesLarge:
    """A maker of records of any size."""

    def make(*, filters: int, attempts: int) -> RunRecord:
        chosen = islice(product(*FACETS.values()), filters)
        outcomes = tuple(outcome(number, slugs) for number, slugs in enumerate(chosen))
        count = max(1, min(attempts // 2, filters // 3))
        queries = tuple(query(number, count, attempts, outcomes) for number in range(count))
        seconds = attempts / 20
        return RunRecord(
            run="20260801T120000Z-0000",
            started="2026-08-01T12:00:00Z",
            seconds=seconds + 5,
            environment=Environment(tool="0", python="3", platform="any", auth={}, endpoints={}),
            outcomes=outcomes,
            queries=queries,
            hosts=(host(seconds, attempts),),
        )

    return make


def outcome(number: int, slugs: tuple[str, ...]) -> Outcome:
    """Return the outcome of one filter; its state depends on its number only."""
    path = "/".join(["filter", *(slug for slug in slugs if slug != "all")])
    state = CYCLE[number % len(CYCLE)]
    code = ErrorCode.QUARANTINED if state is State.QUARANTINED else ErrorCode.API_ERROR
    failure = Failure(
        code=code,
        cause=f"{number % 9} attempts failed, the last with HTTP 502: upstream is overloaded",
        next_step=f"run again later; if it is right, manifests accept civitai:{path}",
        status=502,
    )
    return Outcome(
        source="civitai",
        filter=path,
        state=state,
        label=" ".join(slugs),
        facets=tuple(zip(FACETS, slugs, strict=True)),
        count=number % 101 if state.is_current else None,
        previous=number % 97,
        attempts=1 + number % 5,
        waited=number % 7 / 3,
        failure=None if state.is_current else failure,
    )


def query(number: int, count: int, attempts: int, outcomes: tuple[Outcome, ...]) -> QueryRecord:
    """Return one of *count* listings, with its share of the attempts, every ninth of them ill."""
    ours = range(number, attempts, count)
    tries = tuple(
        Attempt(
            number=1 + (each % 9 == 1),
            url=f"https://example.com/{each}",
            started=each / 20,
            seconds=0.2 + each % 13 / 5,
            status=429 if each % 9 == 0 else 200,
            code=ErrorCode.RATE_LIMIT if each % 9 == 0 else None,
            wait=2.5 if each % 9 == 0 else 0,
        )
        for each in ours
    )
    paths = tuple(outcome.filter for outcome in outcomes[number::count])
    parameters = (("limit", "100"), ("page", str(number)))
    return QueryRecord(source="civitai", parameters=parameters, filters=paths, attempts=tries)


def host(seconds: float, attempts: int) -> HostRecord:
    """Return how a host was treated that was held once and whose circuit opened once."""
    samples = tuple(
        HostSample(
            at=seconds * step / 300,
            window=4 + step % 40 / 10,
            rate=None if step < 50 else 15 + step % 7,
            in_flight=step % 5,
            waiting=300 - step,
        )
        for step in range(300)
    )
    notes = (
        HostNote(at=seconds * 0.2, kind="hold", seconds=seconds * 0.1, why="HTTP 429"),
        HostNote(at=seconds * 0.5, kind="open", seconds=8, why="6 of 8 failed"),
        HostNote(at=seconds * 0.6, kind="half-open", seconds=0, why="a probe"),
        HostNote(at=seconds * 0.7, kind="closed", seconds=0, why="it answers"),
    )
    return HostRecord(
        source="civitai",
        requests=attempts,
        refused=attempts // 9,
        abandoned=0,
        most_in_flight=8,
        most_parked=1,
        openings=1,
        circuit="closed",
        window=7,
        rate=18.5,
        samples=samples,
        notes=notes,
    )
