"""Choose the event loop, the clock and the randomness that all tests share."""

from __future__ import annotations

import os
from typing import TypeAlias

import pytest
from hypothesis import is_hypothesis_test, settings
from trio.testing import MockClock

Backend: TypeAlias = tuple[str, dict[str, object]]
"""What anyio's plugin takes: the name of a backend, and the options to run it with."""

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if "CI" in os.environ else "here")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, since unknown ones are errors."""
    config.addinivalue_line(
        "markers",
        "virtual_time: run on trio with a clock that jumps to the next deadline when all tasks"
        " wait, so that waiting takes no time; not for tests that wait for sockets or threads",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let each process of pytest-xdist count lines once only.

    There pytest-cov starts to count twice, and `no_cover` ends the second count alone: the first,
    which nobody reads, then goes on, at the price that the mark is to save.
    """
    counting = session.config.pluginmanager.get_plugin("_cov")
    controller = getattr(counting, "cov_controller", None)
    if controller is not None and hasattr(session.config, "workerinput"):
        controller.cov.stop()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Count no lines of what hypothesis repeats: tables hold each line, and it takes twice as long.

    So coverage tells what examples reach that somebody chose, and is the same each time.
    """
    if is_hypothesis_test(getattr(item, "obj", None)):
        item.add_marker(pytest.mark.no_cover)


@pytest.fixture
def trio_clock() -> MockClock:
    """Return the clock of a test in virtual time: seconds since the test began."""
    return MockClock(autojump_threshold=0)


@pytest.fixture
def virtual_time(trio_clock: MockClock) -> Backend:
    """Return the backend on which waiting takes no time.

    A module whose tests all wait can return it from an `anyio_backend` fixture of its own.
    """
    return "trio", {"clock": trio_clock}


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """Return asyncio, or virtual time for a test marked `virtual_time`."""
    if request.node.get_closest_marker("virtual_time") is None:
        return "asyncio", {}

    backend: Backend = request.getfixturevalue("virtual_time")
    return backend
