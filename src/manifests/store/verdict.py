"""Hold what the publish gate says of a candidate, and the thresholds by which it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from manifests.errors import ErrorCode
from manifests.models import Record
from manifests.results import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from manifests.store.names import Key

__all__ = ["Evidence", "GateLimits", "GateRule", "Judgement", "Streak", "Verdict"]

Evidence: TypeAlias = Mapping[str, int | float | str]
"""Name → the figure or word that decided."""


class GateRule(StrEnum):
    """Why a candidate is doubted; the names are kept in the history, so none is renamed."""

    EMPTY = "empty"
    """No model where there were some."""
    SHRUNK = "shrunk"
    """More models are gone than may go at once."""
    MIN_COUNT = "min_count"
    """Fewer models than the definitions call plausible."""
    SOURCE_EMPTY = "source_empty"
    """No listing of the whole source holds a model."""
    SOURCE_SHRUNK = "source_shrunk"
    """The source as a whole lost more models than it may lose at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """The thresholds of the gate; what a filter says for itself goes before."""

    max_shrink: float = 0.5
    """Share of its models that a filter may lose at once."""
    least_loss: int = 3
    """Models that must be gone before `max_shrink` counts: of three models, two may be chance."""
    max_source_shrink: float = 0.2
    """Share of its models that a source may lose at once, over all filters judged together."""
    enough_shared: int = 5
    """Filters, published and made anew, from which on a source is judged as a whole."""
    enough_of_source: float = 0.5
    """Share of a source's published filters that must be made anew for that."""
    enough_empty: int = 2
    """Unexpectedly empty filters from which on a wholly empty source is not believed."""
    memory: int = 5
    """Counts of the history that are looked at: the last ones."""
    enough_history: int = 3
    """Credible counts from which on the history is believed: among fewer one may decide."""
    most_models: int = 10_000
    """Models of a manifest, at most: a larger count in the history is none."""
    accept_runs: int = 3
    """Runs with the same verdict that make it the truth, the present one included."""
    accept_after: float = 86_400.0
    """Seconds that must have passed since the first of those runs; infinite for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """The runs in a row, before the present one, in which a filter had the same verdict."""

    rule: str
    """A `GateRule`; of any other name, it is no streak of ours."""
    runs: int
    since: datetime
    """When the first of them was, with its zone."""


class Verdict(Record):
    """Why one candidate is doubted, and what came of that."""

    source: str
    filter: str
    """Its path."""
    rule: GateRule
    cause: str
    """One line for a person, with the figures."""
    next_step: str
    evidence: Evidence
    accepted: str | None = None
    """Why it is published all the same; None while it is held back."""

    @property
    def key(self) -> Key:
        """Source and path."""
        return self.source, self.filter

    @property
    def failure(self) -> Failure:
        """What stands in the outcome of the filter when it is held back."""
        return Failure(code=ErrorCode.QUARANTINED, cause=self.cause, next_step=self.next_step)


@dataclass(frozen=True, slots=True, eq=False)
class Judgement(Mapping["Key", Failure]):
    """What the gate says of a run: as a mapping, the failures of what must not be published."""

    verdicts: Mapping[Key, Verdict]
    """All doubts by source and path, in this order; those too that were accepted by themselves."""

    @property
    def held(self) -> dict[Key, Verdict]:
        """The candidates to quarantine."""
        return {key: each for key, each in self.verdicts.items() if each.accepted is None}

    def __getitem__(self, key: Key) -> Failure:
        verdict = self.verdicts[key]
        if verdict.accepted is not None:
            raise KeyError(key)

        return verdict.failure

    def __iter__(self) -> Iterator[Key]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)
