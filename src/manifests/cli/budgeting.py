"""Open the budget that a run shares with other processes, where it is told of one."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from manifests.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from manifests.fetch.budget import Budget
    from manifests.fetch.budget_place import Place

# A client of Redis or a database is imported when it is asked for: few runs are.
# ruff: noqa: PLC0415

__all__ = ["open_budget"]


@asynccontextmanager
async def open_budget(place: Place | None) -> AsyncIterator[Budget | None]:
    """Yield the budget at *place*, or None; it is reached when it is first asked.

    Raises:
        SettingsError: the client of Redis is not installed.
    """
    if place is None:
        yield None
    elif place.path is not None:
        from manifests.fetch.budget_file import FileBudget
        from manifests.store.cells import open_cells

        with open_cells(place.path) as cells:
            yield FileBudget(cells, name=place.shown, wall=time.time)
    else:
        try:
            from manifests.fetch.budget_redis import open_redis
        except ImportError as error:
            raise SettingsError(
                "--shared-budget needs the client of Redis, which is not installed",
                next_step="install it with: pip install 'manifests[redis]'",
            ) from error
        async with open_redis(place) as budget:
            yield budget
