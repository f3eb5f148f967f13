"""Open task groups that end with their block, and that let expected errors out as they are."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from manifests.errors import ManifestsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import TaskGroup

__all__ = ["task_group"]


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    """Yield a task group whose tasks are cancelled when its block ends.

    Raises:
        BaseException: the one that the block or a task raised, out of however many groups; of
            several that were all expected the first, as a disk that is full refuses every task.
        BaseExceptionGroup: there were several, and a bug among them.
    """
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        first, *others = errors_in(group)
        if others and not all(isinstance(each, ManifestsError) for each in (first, *others)):
            raise
        raise first from first.__cause__


def errors_in(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions of a group that are none themselves, at whatever depth."""
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from errors_in(each)
        else:
            yield each
