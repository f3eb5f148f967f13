"""Hold the rules by which a candidate is doubted, one by one and as part of its source.

A candidate with as many models as the published manifest, or more, is never doubted for its
count; nor is one that would be let through with fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from manifests.store.verdict import GateRule, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from manifests.models import Filter
    from manifests.store.verdict import Evidence, GateLimits

__all__ = ["Case", "SourceDoubt", "doubt", "source_doubts"]

ADVICE: Final[Mapping[GateRule, str]] = {
    GateRule.EMPTY: ", or set its allow_empty = true in the definitions",
    GateRule.SHRUNK: ", or raise its max_shrink in the definitions",
    GateRule.MIN_COUNT: ", or lower its min_count in the definitions",
    GateRule.SOURCE_SHRUNK: ", or raise max-source-shrink under [gate] in the settings file",
}

ROUNDING: Final = 1e-9
"""So that three tenths of ten are no more than three, in binary too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A candidate with what is known of its filter."""

    filter: Filter
    count: int
    before: int | None
    """Models in the published manifest, as far as the filter still asks for so many."""
    usual: float | None
    """The median of the last runs, likewise; None where too few of them are credible."""

    @property
    def known(self) -> float | None:
        """The lower of both, so that one odd count in either condemns nobody; None without any."""
        return min((each for each in (self.before, self.usual) if each is not None), default=None)

    @property
    def is_poorer(self) -> bool:
        """Whether less would be published than is now, or nothing is."""
        return self.before is None or self.count < self.before

    @property
    def is_surprise(self) -> bool:
        """Whether it is empty, and neither may be nor is published so."""
        return self.count == 0 and not self.filter.allow_empty and self.before != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDoubt:
    """What is wrong with a source as a whole."""

    rule: GateRule
    cause: str
    evidence: Evidence


def doubt(case: Case, whole: Sequence[SourceDoubt], limits: GateLimits) -> Verdict | None:
    """Return why a candidate is doubted, or None when it is not.

    Args:
        case: the candidate.
        whole: what is wrong with its source.
        limits: the thresholds.
    """
    # A filter's own history says more to a person than the state of its source.
    return (
        emptied(case)
        or shrunk(case, limits)
        or too_few(case)
        or next((each for one in whole if (each := shared(case, one))), None)
    )


def emptied(case: Case) -> Verdict | None:
    """Doubt an empty listing where there were models."""
    if not case.is_surprise or not case.known:
        return None
    where = f"{case.before} are published" if case.before else f"{case.known:g} are usual"
    evidence = {"count": 0, "known": case.known}
    return verdict(case, GateRule.EMPTY, f"upstream lists no models, {where}", evidence)


def shrunk(case: Case, limits: GateLimits) -> Verdict | None:
    """Doubt a listing of which too many models are gone at once."""
    # Where none at all may be left, so may few.
    if case.known is None or case.filter.allow_empty or not case.is_poorer:
        return None
    own = case.filter.max_shrink
    share, least = (limits.max_shrink, limits.least_loss) if own is None else (own, 1)
    loss = case.known - case.count
    if loss < least or loss <= share * case.known + ROUNDING:
        return None
    cause = f"{case.count} of {case.known:g} models are left, and at most {share:.0%} may go"
    evidence = {"count": case.count, "known": case.known, "max_shrink": share}
    return verdict(case, GateRule.SHRUNK, cause, evidence)


def too_few(case: Case) -> Verdict | None:
    """Doubt a listing that its definition calls implausible, unless no more is published."""
    least = case.filter.min_count
    if case.count >= least or not case.is_poorer:
        return None
    cause = f"upstream lists {case.count} models, and min_count is {least}"
    return verdict(case, GateRule.MIN_COUNT, cause, {"count": case.count, "min_count": least})


def shared(case: Case, whole: SourceDoubt) -> Verdict | None:
    """Doubt a candidate along with its source, unless it is no poorer than what is published."""
    is_new = case.before is None and whole.rule is GateRule.SOURCE_SHRUNK
    if is_new or not case.is_poorer:
        return None
    return verdict(case, whole.rule, whole.cause, whole.evidence)


def source_doubts(
    cases: Sequence[Case], *, published: int, limits: GateLimits
) -> Iterator[SourceDoubt]:
    """Yield what is wrong with a source as a whole.

    Args:
        cases: all candidates of the source; one at least.
        published: manifests of the source that are published, whether or not the run made them.
        limits: the thresholds.
    """
    if not any(case.count for case in cases):
        yield from silence(cases, limits)
    # A run over a few chosen filters tells nothing about the source.
    both = [(case.count, case.before) for case in cases if case.before is not None]
    if len(both) >= max(limits.enough_shared, limits.enough_of_source * published):
        yield from collapse(cases[0].filter.source, both, limits)


def silence(cases: Sequence[Case], limits: GateLimits) -> Iterator[SourceDoubt]:
    """Yield a doubt of a source that lists nothing, where enough of its filters should hold some.

    Filters that may be empty, or that are published as empty already, are no evidence.
    """
    surprises = sum(case.is_surprise for case in cases)
    if surprises >= limits.enough_empty:
        yield SourceDoubt(
            rule=GateRule.SOURCE_EMPTY,
            cause=f"all {len(cases)} listings of {cases[0].filter.source} in this run are empty",
            evidence={"listings": len(cases), "unexpected": surprises},
        )


def collapse(
    source: str, both: Sequence[tuple[int, int]], limits: GateLimits
) -> Iterator[SourceDoubt]:
    """Yield a doubt of a source whose filters hold too few of the models that they held before.

    Args:
        source: its name.
        both: models now and before, of each filter that has both.
        limits: the thresholds.
    """
    count, before = (sum(column) for column in zip(*both, strict=True))
    if before - count > limits.max_source_shrink * before + ROUNDING:
        yield SourceDoubt(
            rule=GateRule.SOURCE_SHRUNK,
            cause=f"{source} as a whole lists {count} models in {len(both)} filters"
            f" that hold {before}, and at most {limits.max_source_shrink:.0%} may go",
            evidence={"count": count, "known": before, "filters": len(both)},
        )


def verdict(case: Case, rule: GateRule, cause: str, evidence: Evidence) -> Verdict:
    """Return a verdict with its next step."""
    name = f"{case.filter.source}:{case.filter.path}"
    of_all = {GateRule.SOURCE_EMPTY, GateRule.SOURCE_SHRUNK}
    several = f", or all: manifests accept '{case.filter.source}:*'" if rule in of_all else ""
    accept = f"manifests accept {name}{several}{ADVICE.get(rule, '')}"
    return Verdict(
        source=case.filter.source,
        filter=case.filter.path,
        rule=rule,
        cause=cause,
        next_step=f"run again later; if it is right, {accept}",
        evidence=evidence,
    )
