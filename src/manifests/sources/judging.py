"""Judge models by what was asked for: what all models of a page are held against is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from manifests.models import Model
    from manifests.sources.base import Judge

__all__ = ["lacking", "other", "unless_tagged"]


def lacking(
    asked: Iterable[str], found: Callable[[Model], Collection[str | None]], complaint: str
) -> Judge:
    """Return what complains of a model with none of what was asked for, but something else."""
    wanted = frozenset(asked)

    def judge(model: Model) -> str | None:
        known = found(model)
        return complaint if wanted.isdisjoint(known) and any(known) else None

    return judge


def other(asked: Sequence[str], found: Callable[[Model], str | None], complaint: str) -> Judge:
    """Return what complains of a model that has something else, in either case of letters."""
    wanted = frozenset(map(str.casefold, asked))

    def judge(model: Model) -> str | None:
        value = found(model)
        return None if value is None or value.casefold() in wanted else complaint

    return judge


def unless_tagged(values: Sequence[str], judge: Judge) -> Judge:
    """Return what complains as *judge* does, but never of a model with such a tag."""
    wanted = frozenset(map(str.casefold, values))

    def milder(model: Model) -> str | None:
        complaint = judge(model)
        is_tagged = complaint and not wanted.isdisjoint(map(str.casefold, model.tags))
        return None if is_tagged else complaint

    return milder
