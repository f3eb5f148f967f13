"""Judge what a run made before it replaces what is published: a doubtful answer is held back."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

from manifests.errors import ErrorCode
from manifests.results import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from manifests.models import Filter, Manifest
    from manifests.store.names import Key

__all__ = ["Candidate", "judge", "judge_source", "verdicts"]

ENOUGH_TO_DOUBT: Final = 2
"""Unexpectedly empty filters from which on a wholly empty source is not believed."""


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

    @property
    def is_empty(self) -> bool:
        """Whether no model is left."""
        ...


def judge(candidate: Candidate, previous: Manifest | None, *, allow_empty: bool) -> Failure | None:
    """Return why *candidate* must not replace *previous*, or None when it may.

    Args:
        candidate: well formed, from a listing that was read without a failure.
        previous: what is published for the filter; None without history.
        allow_empty: whether an empty manifest may follow one that was not.
    """
    if not candidate.is_empty or allow_empty:
        return None

    if previous is None or not previous.model_ids:
        return None

    path = candidate.filter.path
    return Failure(
        code=ErrorCode.QUARANTINED,
        cause=f"upstream lists no models, {len(previous.model_ids)} are published",
        next_step=f'try again later; if it is right, set allow_empty = true in [overrides."{path}"]'
        " of the definitions",
    )


def judge_source(
    candidates: Sequence[Candidate], previous: Mapping[Key, Manifest]
) -> Failure | None:
    """Return why one source's *candidates* are not believed as a whole, or None when they are.

    All of them empty is a sick upstream, even without history. Filters that may be empty, or that
    are published as empty already, are no evidence of that.

    Args:
        candidates: all that the run made for the source.
        previous: what is published, by source and path.
    """
    if not all(candidate.is_empty for candidate in candidates):
        return None

    unexpected = [candidate for candidate in candidates if _is_unexpected(candidate, previous)]
    if len(unexpected) < ENOUGH_TO_DOUBT:
        return None

    source = unexpected[0].filter.source
    return Failure(
        code=ErrorCode.QUARANTINED,
        cause=f"all {len(candidates)} listings of {source} in this run are empty",
        next_step="try again later; where an empty list is right, set allow_empty = true for the"
        " filter in the definitions",
    )


def verdicts(
    candidates: Iterable[Candidate], previous: Mapping[Key, Manifest]
) -> dict[Key, Failure]:
    """Return the failures of those candidates that must not be published; all others may be.

    Args:
        candidates: all that the run made, of all sources.
        previous: what is published, by source and path.
    """
    by_source: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_source[candidate.filter.source].append(candidate)

    failures: dict[Key, Failure] = {}
    for group in by_source.values():
        doubt = judge_source(group, previous)
        for candidate in group:
            allow_empty = candidate.filter.allow_empty
            own = judge(candidate, previous.get(candidate.key), allow_empty=allow_empty)
            # Its own history says more to a person than the state of the whole source.
            if failure := own or doubt:
                failures[candidate.key] = failure

    return failures


def _is_unexpected(candidate: Candidate, previous: Mapping[Key, Manifest]) -> bool:
    before = previous.get(candidate.key)
    known_empty = before is not None and not before.model_ids
    return candidate.is_empty and not candidate.filter.allow_empty and not known_empty
