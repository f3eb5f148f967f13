"""Hold what `conftest.py` promises about time."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import anyio
import pytest
from sniffio import current_async_library

if TYPE_CHECKING:
    from trio.testing import MockClock


async def test_asyncio_is_the_default() -> None:
    """A test that says nothing runs on the backend that users run."""
    assert current_async_library() == "asyncio"


@pytest.mark.virtual_time
async def test_waiting_takes_no_time(trio_clock: MockClock) -> None:
    """In virtual time an hour of waiting passes at once, and exactly."""
    start = anyio.current_time()
    await anyio.sleep(3600)
    assert math.isclose(anyio.current_time() - start, 3600)
    assert math.isclose(trio_clock.current_time(), anyio.current_time())


@pytest.mark.no_cover
def test_what_is_not_covered_is_not_watched() -> None:
    """With `no_cover` nothing is called for each line of a test, in a process of xdist neither."""
    assert sys.gettrace() is None
