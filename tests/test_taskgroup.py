"""A task group ends with its block, and what comes out of it is what was raised in it."""

from __future__ import annotations

import anyio
import pytest

from manifests.errors import StoreError
from manifests.taskgroup import task_group


async def break_down(error: Exception) -> None:
    """Raise *error*."""
    raise error


async def break_down_in_groups(*errors: Exception) -> None:
    """Raise all *errors* at once, out of one group within another."""
    async with task_group(), anyio.create_task_group() as inner:
        for each in errors:
            inner.start_soon(break_down, each)


async def test_it_ends_with_its_block() -> None:
    """What still goes on when the block is left is cancelled."""
    with anyio.fail_after(5):
        async with task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)


@pytest.mark.parametrize("error", [StoreError("full"), LookupError("a bug")])
async def test_a_single_error_is_what_it_is(error: Exception) -> None:
    """An error that came alone leaves its groups, with the cause that it had."""
    error.__cause__ = cause = OSError("the disk")
    with pytest.raises(type(error)) as caught:
        await break_down_in_groups(error)
    assert (caught.value, caught.value.__cause__) == (error, cause)


async def test_expected_errors_are_one() -> None:
    """A disk that refuses several tasks at once is told of once."""
    with pytest.raises(StoreError, match="full"):
        await break_down_in_groups(StoreError("full, as one says"), StoreError("full, too"))


async def test_several_errors_stay_several() -> None:
    """Where a bug is among them, nothing is hidden behind the first."""
    with pytest.raises(BaseExceptionGroup) as caught:
        await break_down_in_groups(StoreError("full"), LookupError("a bug"))
    assert caught.group_contains(StoreError)
    assert caught.group_contains(LookupError)
