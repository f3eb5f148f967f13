"""Keep a shared budget in a file, for several processes of one machine without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio.to_thread

from manifests.errors import StoreError
from manifests.fetch.budget import BudgetLostError
from manifests.fetch.budget_rules import settle
from manifests.fetch.budget_state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from manifests.fetch.budget import Ask, Reply
    from manifests.fetch.budget_state import State

__all__ = ["Cells", "FileBudget"]

AnswerT = TypeVar("AnswerT")


class Cells(Protocol):
    """Texts by key that several processes change, one at a time."""

    def change(self, key: str, change: Callable[[str | None], tuple[str, AnswerT]]) -> AnswerT:
        """Replace a text by what *change* makes of it, as one step; return what else it says.

        Raises:
            StoreError: the file can't be used.
        """
        ...


class FileBudget:
    """Applies the rules to a text while no other process may; on the machine's clock."""

    def __init__(self, cells: Cells, *, name: str, wall: Callable[[], float]) -> None:
        self._cells = cells
        self._name = name
        self._wall = wall

    @property
    def name(self) -> str:
        """Which file it is."""
        return self._name

    async def exchange(self, key: str, ask: Ask) -> Reply:
        """Tell and ask in one transaction, in a thread: others may keep the file busy.

        Raises:
            BudgetLostError: the file can't be used.
        """

        def change(text: str | None) -> tuple[str, Reply]:
            state, reply = settle(known(text), ask, now=self._wall())
            return write_state(state), reply

        try:
            return await anyio.to_thread.run_sync(self._cells.change, key, change)
        except StoreError as error:
            cause = f"the shared budget at {self._name} is lost: {error.cause}"
            raise BudgetLostError(cause, next_step=error.next_step) from error


def known(text: str | None) -> State | None:
    """Return the state that a text holds; what makes no sense counts as forgotten."""
    if text is None:
        return None
    try:
        return read_state(text)
    except ValueError:
        return None
