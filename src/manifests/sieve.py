"""Sift a listing for one filter while it is read: the first models that its rules let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.models import Ids
from manifests.results import Funnel, RuleCount

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from manifests.models import Model
    from manifests.planner import Wanted
    from manifests.sources.base import Entry, Rule

__all__ = ["Sieve", "Sifted", "sift"]

EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What a filter got of the models that were looked at."""

    wanted: Wanted
    """The filter."""
    kept: Sequence[str]
    """Ids of the models that passed, in upstream's order; never more than the filter's limit."""
    funnel: Funnel


class Sieve:
    """Takes the distinct models of a listing in their order, until a filter has enough of them."""

    __slots__ = ("_dropped", "_kept", "_looked_at", "wanted")

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._looked_at = 0
        self._kept: list[str] = []
        self._dropped: dict[str, list[str]] = {rule.name: [] for rule in wanted.rules}

    @property
    def is_full(self) -> bool:
        """Whether the filter needs no more."""
        return len(self._kept) >= self.wanted.filter.limit

    def take(self, model: Model) -> None:
        """Look at the next model; the first rule that it fails has it."""
        self._looked_at += 1
        for rule in self.wanted.rules:
            if not rule.keeps(model):
                self._dropped[rule.name].append(model.id)
                return
        self._kept.append(model.id)

    def sifted(self) -> Sifted:
        """Return what came through so far, and what each rule dropped."""
        counts = tuple(count_rule(rule, self._dropped[rule.name]) for rule in self.wanted.rules)
        funnel = Funnel(fetched=self._looked_at, dropped=counts, kept=len(self._kept))
        return Sifted(wanted=self.wanted, kept=Ids.of(self._kept), funnel=funnel)


def sift(entries: Iterable[Entry], wanted: Wanted) -> Sifted:
    """Return what a filter gets of models that were read before."""
    sieve = Sieve(wanted)
    for entry in entries:
        if sieve.is_full:
            break
        sieve.take(entry.model)
    return sieve.sifted()


def count_rule(rule: Rule, ids: Sequence[str]) -> RuleCount:
    """Return how many models a rule dropped, with the first of them."""
    return RuleCount(
        rule=rule.name, field=rule.field, dropped=len(ids), examples=tuple(ids[:EXAMPLES])
    )
