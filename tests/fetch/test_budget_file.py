"""A budget in a file goes by the same rules, on the clock of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from manifests.errors import StoreError
from manifests.fetch.budget import Ask, BudgetLostError
from manifests.fetch.budget_file import FileBudget

if TYPE_CHECKING:
    from collections.abc import Callable

AnswerT = TypeVar("AnswerT")


class Drawer:
    """Keeps texts in memory."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def change(self, key: str, change: Callable[[str | None], tuple[str, AnswerT]]) -> AnswerT:
        """Replace a text."""
        self.texts[key], answer = change(self.texts.get(key))
        return answer


class Jammed:
    """Keeps nothing."""

    def change(self, key: str, change: Callable[[str | None], tuple[str, AnswerT]]) -> AnswerT:
        """Refuse."""
        del change
        raise StoreError(f"{key} is on a full disk", next_step="free some space")


async def test_processes_share_a_file() -> None:
    """What one holds is no other's, until it was silent for too long."""
    now = [100.0]
    budget = FileBudget(Drawer(), name="sqlite:x", wall=lambda: now[0])
    assert (await budget.exchange("k", Ask(member="a", want=8))).granted == 4
    assert (await budget.exchange("k", Ask(member="b", want=8))).granted == 0
    assert (await budget.exchange("other", Ask(member="b", want=8))).granted == 4
    now[0] += 6
    assert (await budget.exchange("k", Ask(member="b", want=8))).granted == 4


async def test_junk_counts_as_forgotten() -> None:
    """A text that makes no sense is replaced by a new life of the budget."""
    drawer = Drawer(k="{")
    budget = FileBudget(drawer, name="sqlite:x", wall=lambda: 100.0)
    assert (await budget.exchange("k", Ask(member="a", want=1))).granted == 1
    assert drawer.texts["k"].startswith('{"born": 100.0')


async def test_a_disk_that_refuses_is_a_lost_budget() -> None:
    """The error says which file, why, and what to do."""
    budget = FileBudget(Jammed(), name="sqlite:x", wall=lambda: 100.0)
    with pytest.raises(BudgetLostError, match="sqlite:x is lost: k is on a full disk") as caught:
        await budget.exchange("k", Ask(member="a"))
    assert caught.value.next_step == "free some space"
    assert budget.name == "sqlite:x"
