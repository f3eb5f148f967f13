"""Judge what a run made before it replaces what is published: a doubtful answer is held back."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC
from statistics import median
from typing import TYPE_CHECKING, Final, Protocol

from manifests.store.rules import Case, doubt, source_doubts
from manifests.store.verdict import GateLimits, GateRule, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from manifests.models import Filter, Manifest
    from manifests.store.names import Key
    from manifests.store.verdict import Streak, Verdict

__all__ = ["Candidate", "verdicts"]

LIMITS: Final = GateLimits()


class Candidate(Protocol):
    """What the gate needs to know of a manifest that a run made; `listings.Candidate` is one."""

    @property
    def filter(self) -> Filter:
        """The filter that asked for it."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What would be published."""
        ...

    @property
    def key(self) -> Key:
        """Source and path."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """All that is known beside the candidates; the arguments of `verdicts` say what each is."""

    previous: Mapping[Key, Manifest]
    history: Mapping[Key, Sequence[int]]
    streaks: Mapping[Key, Streak]
    now: datetime | None
    limits: GateLimits

    def case(self, candidate: Candidate) -> Case:
        """Return a candidate with what is known of its filter."""
        key, filter_ = candidate.key, candidate.filter
        before = self.previous.get(key)
        usual = usual_count(self.history.get(key, ()), self.limits)
        # A limit that was lowered since is no loss.
        return Case(
            filter=filter_,
            count=len(candidate.manifest.model_ids),
            before=None if before is None else min(len(before.model_ids), filter_.limit),
            usual=None if usual is None else min(usual, filter_.limit),
        )

    def accepted(self, verdict: Verdict) -> str | None:
        """Return why a verdict has stood long enough to be taken for the truth, if it has."""
        streak, limits = self.streaks.get(verdict.key), self.limits
        if streak is None or self.now is None or streak.rule != verdict.rule:
            return None

        runs, lasted = streak.runs + 1, (self.now - streak.since).total_seconds()
        if runs < limits.accept_runs or lasted < limits.accept_after:
            return None

        since = f"{streak.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"accepted by itself: {runs} runs since {since} came to the same"


def verdicts(
    candidates: Iterable[Candidate],
    previous: Mapping[Key, Manifest],
    *,
    history: Mapping[Key, Sequence[int]] | None = None,
    streaks: Mapping[Key, Streak] | None = None,
    now: datetime | None = None,
    limits: GateLimits = LIMITS,
) -> Judgement:
    """Return what is doubted of a run; as a mapping, the failures of what must not be published.

    A filter without a candidate is not judged: what is absent is not empty.

    Args:
        candidates: all that the run made, of all sources; well formed, and each from a listing
            that was read without a failure.
        previous: what is published, by source and path.
        history: how many models the last runs published, oldest first. Counts of quarantined
            candidates don't belong here: a few bad runs would make themselves usual.
        streaks: the runs in a row before this one in which a filter had the same verdict.
        now: when the run is, with its zone; without it nothing is accepted by itself.
        limits: the thresholds.
    """
    known = _Known(
        previous=previous,
        history=history or {},
        streaks=streaks or {},
        now=now,
        limits=limits,
    )
    cases: defaultdict[str, list[Case]] = defaultdict(list)
    for candidate in candidates:
        cases[candidate.filter.source].append(known.case(candidate))

    published = Counter(source for source, _ in previous)
    found = {
        verdict.key: verdict
        for source, group in cases.items()
        for verdict in judge_source(group, published[source], known)
    }
    return Judgement({key: found[key] for key in sorted(found)})


def judge_source(cases: Sequence[Case], published: int, known: _Known) -> Iterable[Verdict]:
    """Yield the verdicts on all candidates of one source, of which so many are *published*."""
    whole = tuple(source_doubts(cases, published=published, limits=known.limits))
    is_silent = any(each.rule is GateRule.SOURCE_EMPTY for each in whole)
    for case in cases:
        if found := doubt(case, whole, known.limits):
            # Time makes that no truer: a source without a single model is ill, however long.
            accepted = None if is_silent else known.accepted(found)
            yield found.model_copy(update={"accepted": accepted})


def usual_count(counts: Sequence[int], limits: GateLimits) -> float | None:
    """Return the median of the last credible counts, which a single odd one does not move."""
    credible = [count for count in counts if 0 <= count <= limits.most_models]
    if len(credible) < limits.enough_history:
        return None

    return median(credible[-limits.memory :])
